"""The predictor of titles' ratings: measured, learned and put in use, as Dagster runs it."""

import duckdb
import numpy as np
import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.models.recommender.accuracy import SHARES
from amazon_reviews.models.recommender.storage import load
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews_tests.dagster.project import RATINGS_MODEL, TITLES, Project
from amazon_reviews_tests.dagster.readable import unreadable_metadata

SMALL = SampleOptions(
    reviews=1,
    products=1,
    users=100,
    partitions=1,
    events=0,
    titles=60,
    title_ratings=3_000,
    duplicates_within=0.05,
    duplicates_across=0.05,
)
ALL = f"{TITLES} or {RATINGS_MODEL} or key:warehouse/title_ratings_model"


@pytest.fixture(scope="module")
def made(tmp_path_factory, spark, empty_store):
    """A project whose titles and their model are up to date."""
    root = tmp_path_factory.mktemp("title_ratings")
    generate(SMALL, root / "landing")
    empty_store(root / "models")
    project = Project(root)
    assert not project.run(ALL).failures
    return project


@pytest.fixture(scope="module")
def errors(made):
    """The measured errors, as the warehouse has them."""
    warehouse = made.settings.warehouse.removeprefix("duckdb:///")
    with duckdb.connect(warehouse, read_only=True) as connection:
        found = connection.sql("FROM gold.title_ratings_model")
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def ratings(project):
    """The latest rating of each user and title, the most stars of several at a time."""
    silver = project.lakehouse.delta("silver/title_ratings").to_pyarrow_table()  # noqa: F841
    return duckdb.sql(
        "SELECT user_id, title_id, arg_max(rating, (rated_at, rating)) FROM silver GROUP BY ALL"
    ).fetchall()


def in_use(project):
    return ModelStore(project.settings.models).current("title_ratings")


def test_chosen_predictor_beats_biases_and_the_mean(made, errors):
    validated = [row for row in errors if row["measured"] == "cross-validation"]
    (chosen,) = (row for row in validated if row["chosen"])
    rmse = {name: min(row["rmse"] for row in validated if row["predictor"] == name)
            for name in ("global mean", "biases", "factors")}  # fmt: skip
    stars = [rating for _, _, rating in ratings(made)]

    assert {row["ratings"] for row in errors} == {len(stars)}
    assert chosen["rmse"] == rmse["factors"] < rmse["biases"] < rmse["global mean"]
    assert rmse["global mean"] == pytest.approx(np.std(stars), rel=0.01)
    assert all(0 < row["rmse_deviation"] < 0.1 for row in validated)
    assert all(row["mae"] < row["rmse"] for row in errors)


def test_every_share_of_the_original_system_is_held_out(errors):
    held_out = [row for row in errors if row["measured"] == "held out"]

    for share in SHARES:
        own = {row["predictor"]: row["rmse"] for row in held_out if row["share"] == share}
        assert own.keys() == {"global mean", "biases", "factors"}
        if share > 0.1:
            assert own["factors"] < own["biases"] < own["global mean"]


def test_current_model_predicts_for_every_user(made):
    model = load(in_use(made).path)
    rows = ratings(made)

    predicted = [model.predict_rating(user, title) for user, title, _ in rows[:300]]

    squares = [(one.rating - row[2]) ** 2 for one, row in zip(predicted, rows[:300], strict=True)]
    assert np.sqrt(np.mean(squares)) < 0.7
    assert all(one.knows_user and one.knows_item for one in predicted)
    assert all(0.5 <= one.rating <= 5 for one in predicted)
    nobody = model.predict_rating("nobody", "nothing")
    assert (nobody.knows_user, nobody.knows_item) == (False, False)
    assert nobody.rating == pytest.approx(np.mean([rating for _, _, rating in rows]), abs=1e-5)


def test_the_same_ratings_give_the_same_model_which_is_not_registered_again(made):
    assert made.run(ALL).nothing_new
    before, found = in_use(made), made.metadata("model/title_ratings")[None]

    assert made.materialize("gold/title_ratings_model", "model/title_ratings").success

    assert in_use(made) == before
    again = made.metadata("model/title_ratings")[None]
    assert again["model_version"] == found["model_version"]
    assert again["rmse"] < again["rmse_biases"] < again["rmse_global_mean"]


def test_no_model_and_no_failure_without_ratings(empty, empty_store):
    empty_store(empty.root / "models")

    assert empty.materialize("gold/title_ratings_model", "model/title_ratings").success

    assert (
        "too few to learn from" in empty.metadata("gold/title_ratings_model")[None]["not_evaluated"]
    )
    assert "no ratings" in empty.metadata("model/title_ratings")[None]["not_trained"]
    assert in_use(empty) is None


def test_metadata_has_short_numbers_and_units(made):
    assert not unreadable_metadata(made.instance)
