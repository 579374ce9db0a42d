"""The marts as assets: made together, current, checked, and in the warehouse."""

from datetime import timedelta

import duckdb
import pytest

from amazon_reviews.defs.requests import ask
from amazon_reviews.defs.resources import places_of
from amazon_reviews.pipeline.marts import MartBuilder
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.state import observe
from amazon_reviews.schemas import MART_TABLES
from amazon_reviews.schemas.built import WHOLE, written_at
from amazon_reviews.schemas.marts import PIPELINE_MARTS
from amazon_reviews_tests.dagster.project import LAYERS, MARTS, failed_steps
from amazon_reviews_tests.helpers import review


def test_headless_run_builds_all_marts_in_one_run_and_loads_them(done):
    outcome = done.run(MARTS)

    assert not outcome.failures
    made = [{key.path[-1] for key in stage.keys} for stage, _ in outcome.stages]
    own = {table.key[5:] for table in MART_TABLES}
    of_reviews = own - {table.name for table in PIPELINE_MARTS}
    assert of_reviews in made
    assert own - of_reviews in made
    assert made[-2] == own
    assert outcome.stages[-1][0].name == "report/reviews"
    assert done.settings.report.stat().st_size > 500_000
    with duckdb.connect(str(done.root / "warehouse.duckdb"), read_only=True) as connection:
        for table in (table for table in MART_TABLES if table.key[5:] in own):
            gold = done.lakehouse.delta(table.key).to_pyarrow_table()
            loaded = connection.sql(f"FROM gold.{table.key[5:]}")
            key = [*table.merged_by]
            rows = gold.group_by(key).aggregate([]).num_rows if key else gold.num_rows
            assert len(loaded.fetchall()) == rows
            assert loaded.columns == [column.name for column in table.published_columns]
    assert done.run(MARTS).nothing_new


def test_pipeline_marts_have_reconciliation_rejections_and_runs(done, truth):
    assert done.materialize(*(t.key for t in MART_TABLES if "pipeline" in t.key)).success

    books = done.lakehouse.delta("gold/pipeline_reconciliation").to_pyarrow_table().to_pylist()
    expected = [account.as_dict() | {"balanced": True} for account in reconcile_all(done.lakehouse)]
    assert books == expected
    refused = done.lakehouse.delta("gold/pipeline_rejected").to_pyarrow_table().to_pylist()
    found = {(r["table"], r["partition"], r["reason"]): r["lines"] for r in refused}
    assert found == {
        (noun, name, reason): count
        for noun in ("reviews", "products")
        for name, partition in truth[noun].items()
        for reason, count in partition["rejected"].items()
        if count
    }
    runs = done.lakehouse.delta("gold/pipeline_runs").to_pyarrow_table().to_pylist()
    assert {run["status"] for run in runs} >= {"STARTED"}
    assert "gold/pipeline_reconciliation" in runs[0]["assets"]


@pytest.mark.long
def test_a_mart_that_loses_reviews_fails_its_check_and_holds_back_the_warehouse(done, monkeypatch):
    done.run(MARTS)
    done.add_file("amazon_reviews", "partition_4", review())
    done.run(LAYERS)
    build = MartBuilder.build

    def losing(builder, mart):
        build(builder, mart)
        if mart.key == "gold/ratings":
            done.lakehouse.delta(mart.key).delete("stars = 5.0")

    with monkeypatch.context() as patch:
        patch.setattr(MartBuilder, "build", losing)
        broken = done.run(MARTS)
    (failure,) = broken.failures
    assert failure.startswith("gold/ratings: check adds_up failed: ")
    assert not any(
        key.path == ["warehouse", "ratings"] for stage, _ in broken.stages for key in stage.keys
    )

    assert not done.run(MARTS).failures
    assert done.run(MARTS).nothing_new


def test_marts_are_built_from_products_alone(with_products):
    keys = ("gold/totals", "gold/product_ratings", "gold/review_counts", "gold/brands")

    result = with_products.materialize(*keys)

    assert not failed_steps(result)
    (totals,) = with_products.lakehouse.delta("gold/totals").to_pyarrow_table().to_pylist()
    assert (totals["reviews"], totals["mean_stars"]) == (0, None)
    assert totals["products"] > 0


@pytest.mark.long
def test_marts_are_requested_every_quarter_of_an_hour_at_most(done):
    assert not done.run(MARTS).failures
    done.add_file("amazon_reviews", "partition_4", review())
    assert not done.run(LAYERS).failures
    marts = {table.key for table in MART_TABLES}
    observed = observe(places_of(done.settings), data_files=False, arrivals=())

    def asked(now):
        return [
            {key.to_user_string() for key in request.asset_selection}
            for request in ask(done.instance, observed, marts, None, now).requests
        ]

    written = [written_at(done.lakehouse.versions(key)[WHOLE]) for key in marts]
    assert asked(min(written)) == []
    (changed,) = asked(max(written) + timedelta(minutes=15))
    assert {"gold/review_counts", "gold/totals"} <= changed
    assert "gold/category_products" not in changed
