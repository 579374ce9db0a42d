"""Old tables of a rename, in a lakehouse folder and in both warehouses."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from amazon_reviews.pipeline.renamed_tables import old_tables, remove_old_tables
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.renamed import RENAMED_TABLES
from amazon_reviews_tests.bigquery_warehouse.common import URL
from amazon_reviews_tests.bigquery_warehouse.conftest import emulator  # noqa: F401
from amazon_reviews_tests.renamed import NEW, OLD, write_old_table


@pytest.fixture
def lakehouse(tmp_path):
    return Lakehouse(str(tmp_path / "lakehouse"))


@pytest.fixture(params=["duckdb", "bigquery"])
def warehouse(request, tmp_path):
    if request.param == "bigquery":
        request.getfixturevalue("emulator")
        return open_warehouse(URL)
    return open_warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb")


def test_old_keys_are_no_tables_and_new_keys_are():
    assert not RENAMED_TABLES.keys() & TABLES.keys()
    assert set(RENAMED_TABLES.values()) <= TABLES.keys()


def test_a_new_lakehouse_and_warehouse_have_no_old_tables(lakehouse, warehouse):
    assert old_tables(lakehouse, warehouse) == []
    assert remove_old_tables(lakehouse, warehouse) == []


def test_old_tables_are_removed_and_the_others_stay(lakehouse, warehouse):
    write_deltalake(lakehouse.uri(NEW), pa.table({"lines": [1, 2]}))
    warehouse.load([TableVersion(NEW, lakehouse.uri(NEW), 0)])
    write_old_table(lakehouse, warehouse)
    assert old_tables(lakehouse, warehouse) == [OLD]

    assert remove_old_tables(lakehouse, warehouse) == [OLD]

    assert old_tables(lakehouse, warehouse) == []
    assert not Path(lakehouse.uri(OLD)).exists()
    assert warehouse.versions() == {NEW: 0}
    assert warehouse.describe(NEW).rows == 2
    rows = warehouse.query(f"SELECT lines FROM {warehouse.relation(NEW)} ORDER BY lines")
    assert rows["lines"].to_pylist() == [1, 2]


@pytest.mark.parametrize("place", ["lakehouse", "warehouse"])
def test_an_old_table_in_one_place_only_is_removed(lakehouse, warehouse, place, tmp_path):
    other = Lakehouse(str(tmp_path / "other"))
    write_old_table(lakehouse if place == "lakehouse" else other, warehouse)
    if place == "lakehouse":
        warehouse.drop(OLD)

    assert old_tables(lakehouse, warehouse) == [OLD]
    assert remove_old_tables(lakehouse, warehouse) == [OLD]
    assert old_tables(lakehouse, warehouse) == []
