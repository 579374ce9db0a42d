"""The sentiment model as an asset: trained from gold, and never replaced by a worse one."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from amazon_reviews.models.sentiment import storage
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.pipeline import sentiment
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.dagster.project import Project
from amazon_reviews_tests.dagster.test_conditions import Automation
from amazon_reviews_tests.models.reviews import made_up

KEY = "model/sentiment"


class Small(SentimentClassifier):
    """The classifier with a small table of slots, for speed."""

    def fit(self, examples, y=None):
        self.bits = 14
        return super().fit(examples)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose gold reviews are made up; there is no engine."""
    monkeypatch.setattr(sentiment, "SentimentClassifier", Small)
    project = Project(tmp_path)
    put(project, made_up(1_500, users=300))
    return project


def put(project, examples, stars=None):
    """Make these examples the gold reviews."""
    stars = examples.stars if stars is None else stars
    known = {
        "review_id": pa.array([f"{k:032x}" for k in range(len(examples))]),
        "reviewer_id": examples.users,
        "review_text": examples.texts,
        "summary": examples.summaries,
        "overall": pa.array(stars).cast(pa.decimal128(2, 1)),
        "reviewed_on": pa.array([date(2020, 1, 1)] * len(examples)),
        "partition": pa.array(["partition_1"] * len(examples)),
    }
    schema = TABLES["gold/reviews"].arrow_schema
    columns = [
        known[field.name].cast(field.type)
        if field.name in known
        else pa.nulls(len(examples), field.type)
        for field in schema
    ]
    nullable = pa.schema([field.with_nullable(True) for field in schema])
    project.lakehouse.replace_arrow(
        pa.Table.from_arrays(columns, schema=nullable), "gold/reviews", {}
    )


def train(project):
    """Materialize the model; whether the run was a success, its metadata, its check."""
    result = project.materialize(KEY)
    (check,) = result.get_asset_check_evaluations()
    return result.success, project.metadata(KEY)[None], check


def test_it_is_trained_on_one_side_of_the_users_and_measured_on_the_other(project):
    success, recorded, check = train(project)

    assert success
    assert check.passed
    model = storage.load(project.settings.sentiment_model)
    assert recorded["model_version"] == storage.model_version(model)
    assert recorded["gold_reviews_version"] == project.lakehouse.version("gold/reviews")
    assert recorded["bytes"] == project.settings.sentiment_model.stat().st_size
    assert recorded["in_use"] is True
    assert recorded["auc"] > 0.9
    assert recorded["rows"] == model.rows_
    labelled = int((made_up(1_500, users=300).stars != 3).sum())
    assert 0.1 < recorded["held_out_rows"] / labelled < 0.3
    assert "terrible" in recorded["strongest_words"]


def test_the_same_reviews_give_the_same_model_which_is_not_worse(project):
    first = train(project)[1]
    success, second, check = train(project)

    assert success
    assert check.passed
    assert second["model_version"] == first["model_version"]
    assert f"{first['log_loss']:.5f}" in check.description


def test_a_worse_model_fails_the_check_and_the_one_before_stays(project):
    train(project)
    before = project.settings.sentiment_model.read_bytes()
    examples = made_up(1_500, users=300)
    shuffled = np.random.default_rng(0).permutation(examples.stars)
    held_out = sentiment.by_user(examples.users, sentiment.TEST_SHARE, sentiment.SEED).test
    put(project, examples, np.where(held_out, examples.stars, shuffled))

    success, recorded, check = train(project)

    assert not success
    assert not check.passed
    assert check.blocking
    new, old = (float(word) for word in check.description.replace(";", "").split() if "0." in word)
    assert new > old
    assert recorded["in_use"] is False
    assert project.settings.sentiment_model.read_bytes() == before
    outcome = project.run('key:"model/sentiment"')
    assert outcome.failures == [f"{KEY}: check not_worse failed: {check.description}"]

    put(project, made_up(3_000, users=300))
    success, recorded, check = train(project)
    assert success
    assert check.passed
    assert project.settings.sentiment_model.read_bytes() != before


def test_a_damaged_model_is_replaced(project):
    project.settings.models.mkdir()
    project.settings.sentiment_model.write_bytes(b"damaged")

    success, recorded, _ = train(project)

    assert success
    assert recorded["in_use"] is True
    storage.load(project.settings.sentiment_model)


@pytest.mark.parametrize(
    ("rows", "stars", "said"), [(150, None, "it takes 200"), (1_000, 5, "0 negative")]
)
def test_too_few_reviews_give_no_model_and_no_failure(project, rows, stars, said):
    examples = made_up(rows)
    put(project, examples, None if stars is None else np.full(rows, stars, np.float64))

    success, recorded, check = train(project)

    assert success
    assert check.passed
    assert said in recorded["not_trained"]
    assert said in check.description
    assert not project.settings.models.exists()


def test_without_gold_there_is_no_model(tmp_path):
    success, recorded, _ = train(Project(tmp_path))

    assert success
    assert recorded["not_trained"] == "gold/reviews is not there"


def test_it_follows_changed_reviews_once_a_day_at_most(project):
    automation = Automation(project, 'key:"model/sentiment"', datetime(2026, 1, 1, 12, tzinfo=UTC))
    gold = "gold/reviews"
    project.add_partitions("reviews", "partition_1")

    def change():
        from dagster import AssetKey, AssetMaterialization

        project.instance.report_runless_asset_event(
            AssetMaterialization(AssetKey(gold.split("/")), partition="partition_1")
        )

    automation.tick()
    change()
    automation.now += timedelta(minutes=1)
    assert automation.tick() == {KEY: None}
    assert all(run.success for run in automation.run_asked())
    change()
    automation.now += timedelta(hours=2)
    assert automation.tick() == {}
    automation.now += timedelta(hours=14)
    assert automation.tick() == {KEY: None}
