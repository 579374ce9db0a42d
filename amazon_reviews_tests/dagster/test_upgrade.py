"""Upgrade in place of a project that an earlier release made.

The archive holds a project of 60 reviews that the release before the planner and the source
profiles built (commit cd0a45f), with the events of its Dagster instance.
"""

import tarfile
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pytest

from amazon_reviews.errors import WarehouseError
from amazon_reviews.pipeline.datasets import REVIEW_DATASETS
from amazon_reviews.pipeline.upgrade import add_missing_columns
from amazon_reviews.resources.lakehouse.tables import partition_rows
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.dagster.project import Project

EARLIER = Path(__file__).with_name("earlier_release.tar.gz")
NEW = ["profile", "parent_asin", "reviewed_at", "helpful_total", "language", "marketplace", "vine"]
OLD = "review_id, reviewer_id, asin, overall, review_text, reviewed_on, partition, title, price"
SELECTION = " or ".join(
    f'key:"{key}"'
    for key in (
        *("bronze/reviews", "bronze/products", "silver/reviews", "silver/products"),
        *("silver/review_products", "gold/reviews", "gold/products"),
        *("warehouse/reviews", "warehouse/products"),
    )
)


@pytest.fixture
def earlier(tmp_path, spark):
    with tarfile.open(EARLIER) as archive:
        archive.extractall(tmp_path, filter="data")
    project = Project(tmp_path)
    # The release built the column profiles together with the marts, which the archive lacks.
    for dataset in REVIEW_DATASETS:
        names = partition_rows(project.lakehouse.delta(dataset.silver))
        rows = [{"partition": name, "column": "asin", "lines": 1, "missing": 0} for name in names]
        table = pa.Table.from_pylist(rows, TABLES[dataset.columns].arrow_schema)
        project.lakehouse.write(table, dataset.columns)
    project.instance = dg.DagsterInstance.local_temp(str(tmp_path / "dagster"))
    return project


def in_warehouse(project, columns, table="reviews"):
    path = project.settings.warehouse.removeprefix("duckdb:///")
    with duckdb.connect(path, read_only=True) as db:
        return db.sql(f"SELECT {columns} FROM gold.{table} ORDER BY ALL").fetchall()


def test_next_run_adds_null_columns_and_keeps_every_row(earlier):
    before = in_warehouse(earlier, OLD)
    assert len(before) > 50

    outcome = earlier.run(SELECTION)

    assert not outcome.failures
    assert {stage.name for stage, _ in outcome.stages} == {
        "silver/review_products",
        "warehouse/products, warehouse/reviews",
    }
    assert in_warehouse(earlier, OLD) == before
    assert {*in_warehouse(earlier, ", ".join(NEW))} == {(None,) * len(NEW)}
    assert {*in_warehouse(earlier, "rating_number", "products")} == {(None,)}
    for key in ("bronze/reviews", "silver/reviews", "gold/reviews", "gold/products"):
        fields = {field.name for field in earlier.lakehouse.delta(key).schema().fields}
        assert fields >= {*TABLES[key].names}
    assert earlier.run(SELECTION).nothing_new


@pytest.mark.long
def test_code_changed_fills_the_new_columns_and_keeps_the_ids(earlier):
    before = in_warehouse(earlier, OLD)

    outcome = earlier.run(SELECTION, code_changed=True)

    assert not outcome.failures
    assert in_warehouse(earlier, OLD) == before
    assert {*in_warehouse(earlier, "profile")} == {("amazon_2018",)}
    assert all(day is None or at.date() == day for day, at in in_warehouse(
        earlier, "reviewed_on, reviewed_at AT TIME ZONE 'UTC'"
    ))  # fmt: skip


def test_table_stays_as_it_is_while_the_warehouse_cannot_be_changed(earlier, monkeypatch):
    from amazon_reviews.defs.resources import places_of

    places = places_of(earlier.settings)

    def fail(self, name):
        raise WarehouseError("no")

    with monkeypatch.context() as patched:
        patched.setattr(type(places.warehouse), "outdate", fail)
        upgraded = add_missing_columns(places.lakehouse, places.warehouse)

    assert "silver/reviews" in upgraded
    assert not {"gold/reviews", "gold/products"} & {*upgraded}
    assert {"gold/reviews", "gold/products"} <= {
        *add_missing_columns(places.lakehouse, places.warehouse)
    }
