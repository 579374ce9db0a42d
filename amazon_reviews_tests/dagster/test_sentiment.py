"""The sentiment model as assets: examples, training, evaluation, predictions, drift."""

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from mlflow import MlflowClient

from amazon_reviews.devtools.sample_data.identifiers import reviewer_ids
from amazon_reviews.models.sentiment import storage
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.judgement import Judgements
from amazon_reviews.models.sentiment.splits import by_user
from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews.pipeline.sentiment import train as training
from amazon_reviews.pipeline.sentiment.example_table import SEED, TEST_SHARE
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.dagster.project import Project
from amazon_reviews_tests.dagster.readable import unreadable_metadata
from amazon_reviews_tests.models.reviews import examples, synthetic_reviews
from amazon_reviews_tests.models.test_star_classifier import write as write_network

KEY = "model/sentiment"
EXAMPLES = "gold/sentiment_examples"
PREDICTIONS = "gold/sentiment_predictions"
EVALUATION = "gold/sentiment_evaluation"
CONFUSION = "gold/sentiment_confusion"
WORDS = "gold/sentiment_words"
EVALUATIONS = (EVALUATION, CONFUSION, "gold/sentiment_calibration", WORDS)


class Small(SentimentClassifier):
    """The classifier with a small table of slots, for speed."""

    def fit(self, examples, y=None):
        self.bits = 14
        return super().fit(examples)


@pytest.fixture
def project(tmp_path, monkeypatch, empty_store):
    """A project whose gold reviews are made up; there is no engine."""
    monkeypatch.setattr(training, "SentimentClassifier", Small)
    project = Project(tmp_path)
    empty_store(project.settings.models)
    put(project, synthetic_reviews(1_500, users=300))
    return project


def put(project, examples, stars=None, partition="partition_1", first=0):
    """Make these examples the gold reviews of a partition; ids count from `first`."""
    stars = examples.stars if stars is None else stars
    known = {
        "review_id": pa.array([f"{first + k:032x}" for k in range(len(examples))]),
        "reviewer_id": examples.users,
        "review_text": examples.texts,
        "summary": examples.summaries,
        "overall": pa.array(stars).cast(pa.decimal128(2, 1)),
        "reviewed_on": pa.array([date(2020, 1, 1)] * len(examples)),
        "main_category": pa.array([("Books", "Toys")[k % 2] for k in range(len(examples))]),
        "source": pa.array([partition.partition("_")[0]] * len(examples)),
        "partition": pa.array([partition] * len(examples)),
    }
    schema = TABLES["gold/reviews"].arrow_schema
    columns = [
        known[field.name].cast(field.type)
        if field.name in known
        else pa.nulls(len(examples), field.type)
        for field in schema
    ]
    nullable = pa.schema([field.with_nullable(True) for field in schema])
    project.lakehouse.write(
        pa.Table.from_arrays(columns, schema=nullable),
        "gold/reviews",
        replacing={"partition": [partition]},
    )


def in_use(project):
    """The model in use, as the store gives it."""
    return ModelStore(project.settings.models).current("sentiment")


def rows(project, key, sql="SELECT * FROM rows"):
    """What DuckDB reads of a table."""
    found = duckdb.connect()
    found.register("rows", project.lakehouse.delta(key).to_pyarrow_dataset())
    return found.sql(sql).fetchall()


def train(project):
    """Materialize the model; whether the run was a success, its metadata, its check."""
    result = project.materialize(EXAMPLES, KEY)
    (check,) = result.get_asset_check_evaluations()
    return result.success, project.metadata(KEY)[None], check


def test_model_is_evaluated_on_users_it_was_not_trained_on(project):
    success, recorded, check = train(project)

    assert success
    assert check.passed
    model = storage.load(in_use(project).path)
    assert recorded["model_version"] == storage.model_version(model)
    assert recorded["parameters"]["sentiment_examples_version"] == 1
    assert project.metadata(EXAMPLES)[None]["gold_reviews_version"] == 1
    assert not unreadable_metadata(project.instance)
    size = in_use(project).path.stat().st_size
    assert recorded["size_mb"] == pytest.approx(size / 1_000_000, rel=1e-3)
    assert recorded["is_current"] is True
    assert recorded["auc"] > 0.9
    assert recorded["rows"] == model.rows_
    labelled = int((synthetic_reviews(1_500, users=300).stars != 3).sum())
    assert 0.1 < recorded["held_out_rows"] / labelled < 0.3
    assert "terrible" in recorded["strongest_words"]


@pytest.mark.parametrize(("last", "generated"), [(None, True), ("A2OCDK0BOW6UC", False)])
def test_model_knows_if_it_learned_from_generated_reviews_only(project, last, generated):
    ids = reviewer_ids(np.arange(1_500) % 300)
    held_out = by_user(pa.array(ids), TEST_SHARE, SEED).test
    if last:
        ids[int(np.flatnonzero(~held_out)[-1])] = last
    reviews = synthetic_reviews(1_500)
    put(project, examples(reviews.texts.to_pylist(), reviews.stars, reviewer_id=ids))
    train(project)
    project.materialize(*EVALUATIONS)

    assert storage.load(in_use(project).path).only_generated_ is generated
    query = "SELECT DISTINCT only_generated FROM rows WHERE model = 'project'"
    assert rows(project, EVALUATION, query) == [(generated,)]


def test_the_same_reviews_give_the_same_model_which_is_not_worse(project):
    first = train(project)[1]
    success, second, check = train(project)

    assert success
    assert check.passed
    assert second["model_version"] == first["model_version"]
    assert second["store_version"] == first["store_version"] == 1
    assert check.description == "it equals the current model"


def test_worse_model_fails_the_check_and_the_current_one_stays(project):
    train(project)
    before = in_use(project)
    examples = synthetic_reviews(1_500, users=300)
    shuffled = np.random.default_rng(0).permutation(examples.stars)
    held_out = by_user(examples.users, TEST_SHARE, SEED).test
    put(project, examples, np.where(held_out, examples.stars, shuffled))

    success, recorded, check = train(project)

    assert not success
    assert not check.passed
    assert check.blocking
    new, old = (float(word) for word in check.description.replace(";", "").split() if "0." in word)
    assert new > old
    assert recorded["is_current"] is False
    assert recorded["store_version"] == 2
    assert in_use(project) == before
    outcome = project.run('key:"model/sentiment"')
    assert outcome.failures == [f"{KEY}: check not_worse failed: {check.description}"]

    put(project, synthetic_reviews(6_000, users=300))
    success, recorded, check = train(project)
    assert success
    assert check.passed
    assert check.description.endswith("it replaces the current model")
    assert in_use(project).version == recorded["store_version"]


def test_model_that_is_not_better_does_not_replace_the_current_one(project):
    train(project)
    put(project, synthetic_reviews(1_510, users=300))

    success, recorded, check = train(project)

    assert success
    assert check.passed
    assert check.description.endswith("the current model stays")
    assert recorded["is_current"] is False
    assert in_use(project).version == 1


@pytest.mark.parametrize(
    "spoil",
    [lambda path: path.write_bytes(b"damaged"), lambda path: path.unlink()],
    ids=["damaged", "lost"],
)
def test_a_model_that_cannot_be_read_is_replaced(project, spoil):
    train(project)
    spoil(in_use(project).path)

    success, recorded, _ = train(project)

    assert success
    assert recorded["is_current"] is True
    storage.load(in_use(project).path)


@pytest.mark.parametrize(
    ("rows", "stars", "said"), [(150, None, "it takes 200"), (1_000, 5, "0 negative")]
)
def test_too_few_reviews_give_no_model_and_no_failure(project, rows, stars, said):
    examples = synthetic_reviews(rows)
    put(project, examples, None if stars is None else np.full(rows, stars, np.float64))

    success, recorded, check = train(project)

    assert success
    assert check.passed
    assert said in recorded["not_trained"]
    assert said in check.description
    assert in_use(project) is None


def test_without_gold_there_is_no_model(tmp_path):
    success, recorded, _ = train(Project(tmp_path))

    assert success
    assert recorded["not_trained"].startswith("0 negative and 0 positive reviews")


def test_examples_are_the_rated_reviews_with_users_on_one_side(project):
    project.materialize(EXAMPLES)

    found = rows(project, EXAMPLES, "SELECT reviewer_id, overall, held_out FROM rows")
    examples = synthetic_reviews(1_500, users=300)
    assert len(found) == 1_500
    held_out = by_user(examples.users, TEST_SHARE, SEED).test
    expected = {user for user, out in zip(examples.users.to_pylist(), held_out, strict=True) if out}
    assert {user for user, _, out in found if out} == expected
    assert {user for user, _, out in found if not out}.isdisjoint(expected)


def test_examples_above_the_limit_are_those_of_some_users(project, tmp_path):
    few = Project(tmp_path, AMAZON_REVIEWS_SENTIMENT_EXAMPLES="600")
    few.materialize(EXAMPLES)
    chosen = {user for (user,) in rows(few, EXAMPLES, "SELECT DISTINCT reviewer_id FROM rows")}

    whole = dict(rows(few, "gold/reviews", "SELECT reviewer_id, count(*) FROM rows GROUP BY ALL"))
    assert 450 < sum(whole[user] for user in chosen) < 750
    assert len(rows(few, EXAMPLES)) == sum(whole[user] for user in chosen)
    put(few, synthetic_reviews(300, seed=3, users=300), partition="partition_2", first=5_000)
    few.materialize(EXAMPLES)
    later = {user for (user,) in rows(few, EXAMPLES, "SELECT DISTINCT reviewer_id FROM rows")}
    assert later & whole.keys() <= chosen


def test_evaluation_has_every_part_and_baseline_and_is_recorded(project, tmp_path):
    (tmp_path / "network").mkdir()
    write_network(tmp_path / "network")
    project = Project(tmp_path, AMAZON_REVIEWS_STAR_CLASSIFIER=str(tmp_path / "network"))
    project.materialize(EXAMPLES, KEY, *EVALUATIONS)

    named = set(TASKS)
    tasks = rows(project, EVALUATION, "SELECT DISTINCT task FROM rows WHERE model = 'project'")
    assert {task for (task,) in tasks} == named
    parts = rows(project, EVALUATION, "SELECT part, value FROM rows WHERE task = 'binary'")
    assert {("category", "Books"), ("category", "Toys"), ("stars", "1.0"), ("users", "")} <= {
        *parts
    }
    auc = dict(
        rows(
            project,
            EVALUATION,
            "SELECT model, auc FROM rows WHERE part = 'all' AND task = 'binary'",
        )
    )
    assert auc["majority"] == 0.5 < auc["TextBlob polarity"] < auc["project"]
    assert auc["Paisa Genious recipe"] > 0.8
    assert 0.5 < auc["star classifier"] < auc["project"]
    examples, model = synthetic_reviews(1_500, users=300), storage.load(in_use(project).path)
    held_out = examples.where(by_user(examples.users, TEST_SHARE, SEED).test)
    labels = TASKS["binary"].labels(held_out.stars)
    right = model.predict(held_out)[labels >= 0] == model.classes_[labels[labels >= 0]]
    ((accuracy,),) = rows(
        project,
        EVALUATION,
        "SELECT accuracy FROM rows WHERE model = 'project' AND task = 'binary' AND part = 'all'",
    )
    assert accuracy == pytest.approx(right.mean())
    sums = (
        "SELECT task, sum(reviews), sum(reviews) FILTER (actual = predicted) FROM rows GROUP BY ALL"
    )
    whole = {task: (count, same) for task, count, same in rows(project, CONFUSION, sums)}
    assert whole["binary"] == (len(right), right.sum())
    assert whole["five"][0] == len(held_out)
    words = "SELECT words FROM rows WHERE label = 'negative' AND main_category = 'All categories'"
    assert {"terrible", "broke", "refund", "waste"} <= {
        word for (word,) in rows(project, WORDS, words)
    }

    client = MlflowClient(f"sqlite:///{project.settings.models}/mlflow.db")
    version = client.get_model_version_by_alias("sentiment", "champion")
    run = client.get_run(version.run_id)
    recorded = project.metadata(KEY)[None]
    assert run.data.metrics["auc"] == pytest.approx(recorded["auc"], rel=1e-3)
    assert 0 < run.data.metrics["five.accuracy"] < 1
    assert run.data.params["balance"] == "weights"
    figures = {path.path for path in client.list_artifacts(version.run_id, "figures")}
    assert {"figures/reliability.png", "figures/confusion_binary.png"} <= figures
    shown = project.metadata(CONFUSION)[None]["confusion_binary"]
    assert shown.startswith("![](data:image/png;base64,iVBOR")


def predict(project, *partitions):
    """Materialize the predictions of these partitions; the metadata of each."""
    project.add_partitions("reviews", *partitions)
    assert project.materialize(PREDICTIONS, partitions=partitions).success
    return {name: project.metadata(PREDICTIONS)[name] for name in partitions}


def test_review_is_predicted_once_and_again_after_a_change(project):
    put(project, synthetic_reviews(200, seed=5), partition="partition_2", first=9_000)
    train(project)

    first = predict(project, "partition_1", "partition_2")
    assert {name: found["predicted"] for name, found in first.items()} == {
        "partition_1": 1_500,
        "partition_2": 200,
    }
    assert len(rows(project, PREDICTIONS, "SELECT DISTINCT review_id FROM rows")) == 1_700
    version = project.lakehouse.version(PREDICTIONS)
    assert predict(project, "partition_1")["partition_1"]["predicted"] == 0
    assert project.lakehouse.version(PREDICTIONS) == version
    put(project, synthetic_reviews(250, seed=5), partition="partition_2", first=9_000)
    again = predict(project, "partition_1", "partition_2")
    assert [found["predicted"] for found in again.values()] == [0, 250]
    assert len(rows(project, PREDICTIONS)) == 1_750


def test_predictions_are_by_weights_that_did_not_learn_from_the_reviewer(project):
    new = synthetic_reviews(200, seed=5)
    new = examples(new.texts.to_pylist(), new.stars, reviewer_id=[f"N{k}" for k in range(200)])
    train(project)
    put(project, new, partition="partition_2", first=9_000)
    predict(project, "partition_1", "partition_2")

    model, old = storage.load(in_use(project).path), synthetic_reviews(1_500, users=300)
    columns = "predicted, positive, expected_stars, cross_fitted"
    query = f"SELECT {columns} FROM rows WHERE partition = '{{}}' ORDER BY review_id"
    for name, reviews in (("partition_1", old), ("partition_2", new)):
        predicted, positive, stars, cross_fitted = zip(
            *rows(project, PREDICTIONS, query.format(name)), strict=True
        )
        scores, by_fold = model.out_of_fold_scores(reviews)
        judgements = Judgements.of(model, scores)
        assert list(predicted) == judgements.sentiments.tolist()
        assert positive == pytest.approx(judgements.positive)
        assert stars == pytest.approx(judgements.expected_stars)
        assert list(cross_fitted) == by_fold.tolist()
        learned = ~by_user(reviews.users, TEST_SHARE, SEED).test & (reviews is old)
        assert list(cross_fitted) == learned.tolist()


def test_new_model_predicts_all_reviews_again(project):
    train(project)
    predict(project, "partition_1")
    put(project, synthetic_reviews(200, seed=5), partition="partition_2", first=9_000)
    in_use(project).path.write_bytes(b"damaged")
    train(project)

    assert predict(project, "partition_1")["partition_1"]["predicted"] == 1_500


def test_no_prediction_and_no_failure_without_a_model(tmp_path):
    project = Project(tmp_path)
    put(project, synthetic_reviews(20))
    project.add_partitions("reviews", "partition_1")

    assert project.materialize(EXAMPLES, KEY, *EVALUATIONS).success
    assert project.materialize(PREDICTIONS, partitions=["partition_1"]).success
    assert project.metadata(EVALUATION)[None]["not_evaluated"]


def test_a_stream_of_other_reviews_fails_the_drift_check(project):
    train(project)
    put(project, synthetic_reviews(400, seed=8), partition="stream", first=20_000)
    project.instance.add_dynamic_partitions("gold_reviews", ["stream"])
    assert project.materialize(PREDICTIONS, partitions=["stream"]).success
    alike = project.check(PREDICTIONS, names={"drift"})["drift"]
    put(project, synthetic_reviews(400, seed=8, bad_share=0.9), partition="stream", first=20_000)
    assert project.materialize(PREDICTIONS, partitions=["stream"]).success
    other = project.check(PREDICTIONS, names={"drift"})["drift"]

    assert alike.passed
    assert not other.passed
    assert other.severity.value == "WARN"
    assert other.metadata["index"].value > 0.2 > alike.metadata["index"].value


def complete_check(result):
    (found,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "complete"]
    return found


def test_unreadable_model_empties_no_table_and_is_reported(project):
    train(project)
    assert project.materialize(*EVALUATIONS).success
    predict(project, "partition_1")
    keys = (*EVALUATIONS, PREDICTIONS)
    before = {key: project.lakehouse.version(key) for key in keys}
    in_use(project).path.write_bytes(b"damaged")

    assert project.materialize(*EVALUATIONS).success
    result = project.materialize(PREDICTIONS, partitions=["partition_1"])

    assert {key: project.lakehouse.version(key) for key in keys} == before
    check = complete_check(result)
    assert not check.passed
    assert "1,500 rows for 1,500 reviews" in check.description


def test_blocking_check_does_not_pass_without_a_model(tmp_path):
    project = Project(tmp_path)
    put(project, synthetic_reviews(20))
    project.add_partitions("reviews", "partition_1")

    check = complete_check(project.materialize(PREDICTIONS, partitions=["partition_1"]))

    assert not check.passed
    assert "0 rows for 20 reviews" in check.description
