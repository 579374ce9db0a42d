"""The recommenders as assets: interactions, matrices, evaluation, models, lists."""

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import numpy as np
import pyarrow as pa
import pytest
from mlflow import MlflowClient

from amazon_reviews.models.loading import no_model
from amazon_reviews.models.recommender.names import METHOD_NAMES, SPLITS
from amazon_reviews.models.recommender.storage import load, model_version
from amazon_reviews.pipeline.recommender.matrices import (
    make_interactions,
    make_matrices,
    read_interactions,
)
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.dagster.project import Project, failed_steps
from amazon_reviews_tests.dagster.readable import unreadable_metadata
from amazon_reviews_tests.models.interactions import DAY, tastes

ABOVE = ("gold/reviews", "gold/products")
INTERACTIONS = "gold/recommender_interactions"
MATRICES = tuple(f"gold/recommender_{n}" for n in ("users", "products", "ratings", "categories"))
EVALUATION = "gold/recommender_evaluation"
TOP, SIMILAR = "gold/recommender_top", "gold/recommender_similar"
FEW = ("popularity", "bm25", "svd", "hybrid")
MODELS = tuple(f"model/recommender_{method}" for method in FEW)
ALL = (INTERACTIONS, *MATRICES, EVALUATION, *MODELS, TOP, SIMILAR)
REPORT = "report/recommender"
NEW = "i99"
DOCS = Path(__file__).parents[2] / "docs"


def put(lakehouse, key, rows, keys=None):
    """Make rows the content of a table, or of a partition; columns not given are null."""
    nullable = pa.schema([field.with_nullable(True) for field in TABLES[key].arrow_schema])
    lakehouse.write(pa.Table.from_pylist(rows, nullable), key, replacing=keys or ALL_ROWS)


def put_reviews(lakehouse, found, partition="partition_1"):
    start = date(2015, 1, 1)
    rows = [
        {
            "review_id": f"{partition}{k:08x}",
            "reviewer_id": str(found.user_ids[found.users[k]]),
            "asin": str(found.item_ids[found.items[k]]),
            "overall": Decimal(int(found.ratings[k])),
            "reviewed_on": start + timedelta(days=int(found.times[k] // DAY)),
            "partition": partition,
        }
        for k in range(len(found))
    ]
    put(lakehouse, "gold/reviews", rows, {"partition": [partition]})


def put_products(lakehouse, found):
    colours = ("red", "green", "blue", "gold")
    names = [*found.item_ids.tolist(), NEW]
    rows = [
        {
            "asin": name,
            "title": f"{colours[k % 4]} thing {k}",
            "brand": "Acme",
            "main_category": f"Kind {k % 4}",
            "categories": ["Things", f"Kind {k % 4}"],
            "price": 10 + k,
        }
        for k, name in enumerate(names)
    ]
    put(lakehouse, "gold/products", rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory, spark, empty_store):
    """A project whose gold tables are made up, with all that the recommenders make of them."""
    project = Project(tmp_path_factory.mktemp("recommender"))
    empty_store(project.settings.models)
    found = tastes(150, 40)
    put_reviews(project.lakehouse, found)
    put_products(project.lakehouse, found)
    assert project.materialize(*ALL).success
    return project


def rows(project, key, sql="FROM rows"):
    """What DuckDB reads of a table."""
    found = duckdb.connect()
    found.register("rows", project.lakehouse.delta(key).to_pyarrow_dataset())
    return found.sql(sql).fetchall()


def figures(project, split, figure):
    """Of every method one figure of all users: its value and the ends of its interval."""
    found = rows(
        project,
        EVALUATION,
        f"SELECT method, value, low, high FROM rows WHERE split = '{split}' "
        f"AND figure = '{figure}' AND \"group\" = 'all'",
    )
    return {method: ends for method, *ends in found}


def store(project):
    return ModelStore(project.settings.models)


def test_latest_rating_of_a_user_and_product_counts(lakehouse, spark):
    days = [None, date(2020, 1, 1), date(2020, 1, 2)]
    five, two, four, one, three = map(Decimal, (5, 2, 4, 1, 3))
    given = [
        *(("a", "x", five, days[1]), ("a", "x", two, days[2]), ("a", "x", four, days[0])),
        *(("a", "y", one, days[1]), ("a", "y", three, days[1])),
        *(("b", "x", two, days[0]), ("b", "x", four, days[0]), ("b", "y", None, days[1])),
    ]
    names = ("reviewer_id", "asin", "overall", "reviewed_on")
    reviews = [dict(zip(names, row, strict=True)) | {"partition": "p"} for row in given]
    put(lakehouse, "gold/reviews", reviews, {"partition": ["p"]})

    assert make_interactions(spark, lakehouse) == lakehouse.version("gold/reviews")

    found = lakehouse.delta(INTERACTIONS).to_pyarrow_table().to_pylist()
    assert sorted(tuple(map(str, row.values())) for row in found) == [
        ("a", "x", "2.0", "2020-01-02", "3"),
        ("a", "y", "3.0", "2020-01-01", "2"),
        ("b", "x", "4.0", "None", "2"),
    ]


def test_too_long_ids_are_excluded(lakehouse):
    long = "u" * 1_000_000
    given = [(f"u{k}", f"i{k % 3}") for k in range(2_000)] + [(long, "i0"), ("u0", long)]
    names = {"rating": Decimal(5), "reviewed_on": date(2020, 1, 1), "reviews": 1}
    found = [{"reviewer_id": user, "asin": item} | names for user, item in given]
    put(lakehouse, INTERACTIONS, found)
    products = [{"asin": "i0", "title": long, "categories": [long]}, {"asin": long}]
    put(lakehouse, "gold/products", products)

    matrices = make_matrices(lakehouse)

    ratings = matrices["gold/recommender_ratings"]
    assert (ratings.rows, ratings.columns, ratings.stored) == (2_000, 3, 2_000)
    assert matrices["gold/recommender_categories"].stored == 1
    assert read_interactions(lakehouse).item_ids.tolist() == ["i0", "i1", "i2"]


def test_ids_and_matrices_are_those_of_the_interactions(made):
    found = tastes(150, 40)
    assert rows(made, MATRICES[0], "SELECT reviewer_id FROM rows ORDER BY user") == [
        (name,) for name in found.user_ids.tolist()
    ]
    products = rows(made, MATRICES[1], "SELECT asin, users FROM rows ORDER BY product")
    assert products[-1] == (NEW, 0)
    assert [count for _, count in products[:-1]] == np.bincount(found.items).tolist()
    read = read_interactions(made.lakehouse)
    np.testing.assert_array_equal(read.matrix().toarray()[:, :-1], found.matrix().toarray())
    assert read.item_ids[-1] == NEW
    stored = rows(made, MATRICES[3], "SELECT product, name FROM rows ORDER BY ALL")
    assert stored[:2] == [(0, "Kind 0"), (0, "Things")]
    assert len(stored) == 2 * 41


def test_materialization_of_a_matrix_has_shape_and_pictures(made):
    recorded = made.metadata("gold/recommender_ratings")[None]
    found = tastes(150, 40)
    assert (recorded["rows"], recorded["columns"]) == (150, 41)
    assert recorded["stored_values"] == recorded["dagster/row_count"] == len(found)
    assert recorded["density"] == pytest.approx(len(found) / (150 * 41), rel=1e-3)
    assert recorded["delta_version"] == made.lakehouse.version("gold/recommender_ratings")
    for name in ("long_tail", "corner"):
        assert recorded[name].startswith("![](data:image/png;base64,")
        assert len(recorded[name]) > 5_000


def test_every_method_is_evaluated_on_the_same_users(made):
    found = rows(made, EVALUATION, 'SELECT DISTINCT method, "group" FROM rows')
    assert {method for method, _ in found} == set(METHOD_NAMES)
    assert {group for _, group in found} == {"all", "warm", "cold", "own_day", "same_day"}
    users = "SELECT DISTINCT split, value FROM rows WHERE figure = 'users' AND \"group\" = 'all'"
    assert len(rows(made, EVALUATION, users)) == len(SPLITS)
    for split in SPLITS:
        by_method = figures(made, split, "ndcg@10")
        assert all(low <= value <= high for value, low, high in by_method.values())
        assert by_method["hybrid"][0] > by_method["popularity"][0]
        shown = made.metadata(EVALUATION)[None][f"methods_{split}"]
        assert all(f"| {method} |" in shown for method in METHOD_NAMES)


def test_the_hybrid_is_compared_with_every_method_user_by_user(made):
    ndcg = figures(made, "temporal", "ndcg@10")
    behind = figures(made, "temporal", "ndcg@10_behind_hybrid")
    assert behind.keys() == ndcg.keys()
    for method, (value, low, high) in behind.items():
        assert value == pytest.approx(ndcg["hybrid"][0] - ndcg[method][0])
        assert low <= value <= high
    assert behind["hybrid"] == [0, 0, 0]
    assert behind["popularity"][1] > 0


def test_all_methods_are_in_the_report_and_in_the_documentation(made):
    assert made.materialize("warehouse/recommender_evaluation", REPORT).success

    written = (made.root / "recommender.md").read_text(encoding="utf-8")
    assert made.metadata(REPORT)[None]["size_mb"] == pytest.approx(
        len(written.encode()) / 1_000_000, rel=1e-3
    )
    value, low, high = figures(made, "leave-last-out", "ndcg@10")["bm25"]
    assert f"| {value:.4f} ({low:.4f} to {high:.4f}) |" in written
    documented = (DOCS / "benchmarks" / "recommender-methods.md").read_text(encoding="utf-8")
    assert outline(written).count("hybrid") == 3 * len(SPLITS)
    assert outline(documented) == outline(written)


def outline(page):
    """Headings, the heads of tables without counts, and the names of methods."""
    lines = [line for line in page.splitlines() if line.startswith(("#", "|"))]
    return [
        re.sub(r" \([\d,]+\)", "", line)
        if line.startswith(("#", "| method"))
        else line.split("|")[1].strip()
        for line in lines
    ]


def test_model_of_a_method_has_its_figures_of_the_evaluation(made):
    client = MlflowClient(f"sqlite:///{made.settings.models}/mlflow.db")
    known = read_interactions(made.lakehouse)
    for method in FEW:
        stored = store(made).current(f"recommender_{method}")
        model = load(stored.path)
        assert model.method == method
        np.testing.assert_array_equal(model.item_ids, known.item_ids)
        recorded = made.metadata(f"model/recommender_{method}")[None]
        assert recorded["model_version"] == model_version(model)
        run = client.get_run(client.get_model_version(stored.name, stored.version).run_id)
        assert run.data.params["ratings"] == str(len(known))
        assert 0 <= run.data.metrics["temporal.ndcg_at_10"] <= 1


def test_rankings_equal_those_of_the_current_model(made):
    model = load(store(made).current("recommender_hybrid").path)
    answers = model.recommender.recommend(np.arange(150), 10).items
    found = rows(made, TOP, "SELECT reviewer_id, asin FROM rows ORDER BY reviewer_id, place")
    expected = [
        (str(name), str(model.item_ids[item]))
        for name, row in zip(model.user_ids, answers, strict=True)
        for item in row
    ]
    assert found == expected
    similar = rows(made, SIMILAR, "SELECT asin, similar_asin FROM rows ORDER BY asin, place")
    assert len(similar) == 41 * 10
    assert all(asin != other for asin, other in similar)
    version = "SELECT DISTINCT model_version, method FROM rows"
    for key in (TOP, SIMILAR):
        assert rows(made, key, version) == [(model_version(model), "hybrid")]


def test_a_reason_is_a_product_that_the_user_liked(made):
    reasons = rows(
        made,
        TOP,
        "SELECT reviewer_id, because_asin, because_rating FROM rows WHERE because_asin IS NOT NULL",
    )
    assert len(reasons) > 500
    given = {
        (user, asin): float(rating)
        for user, asin, rating in rows(
            made, INTERACTIONS, "SELECT reviewer_id, asin, rating FROM rows"
        )
    }
    for user, asin, rating in reasons:
        assert given[user, asin] == rating >= 4


def test_unrated_product_has_similar_products(made):
    similar = f"SELECT similar_asin, cold FROM rows WHERE asin = '{NEW}' ORDER BY place LIMIT 3"
    found = rows(made, SIMILAR, similar)
    assert not any(cold for _, cold in found)
    assert {int(asin[1:]) % 4 for asin, _ in found} == {40 % 4}


def test_the_same_ratings_give_the_same_model_which_is_not_registered_again(made):
    before = [store(made).current(f"recommender_{method}") for method in FEW]
    assert made.materialize(*MODELS).success
    assert [store(made).current(f"recommender_{method}") for method in FEW] == before


def test_no_model_and_no_failure_without_reviews(tmp_path, spark, empty_store):
    project = Project(tmp_path)
    empty_store(project.settings.models)

    assert project.materialize(*ALL, "warehouse/recommender_evaluation", REPORT).success

    assert "no interaction" in project.metadata(EVALUATION)[None]["not_split_temporal"]
    for key in MODELS:
        assert "no interactions to learn from" in project.metadata(key)[None]["not_trained"]
    for key in (TOP, SIMILAR):
        assert project.metadata(key)[None]["not_built"] == no_model("recommender_hybrid")
        assert rows(project, key) == []
    assert "No method has been evaluated" in (project.root / "recommender.md").read_text(
        encoding="utf-8"
    )


def test_an_unknown_split_is_named(made):
    config = {"ops": {"gold__recommender_evaluation": {"config": {"splits": ["random"]}}}}
    result = made.job.execute_in_process(
        asset_selection=[dg.AssetKey(["gold", "recommender_evaluation"])],
        instance=made.instance,
        run_config=config,
        raise_on_error=False,
    )
    assert "'random' is not a split" in next(iter(failed_steps(result).values()))


def test_all_tables_are_read_by_duckdb(made):
    for table in (table for table in TABLES.values() if table.group == "recommender"):
        (count,) = rows(made, table.key, "SELECT count(*) FROM rows")[0]
        assert count > 0


def test_metadata_has_short_numbers_and_units(made):
    assert not unreadable_metadata(made.instance)
