"""Tables of the DuckDB warehouse whose rows a view merges."""

from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.duckdb.warehouse import DuckDBWarehouse
from amazon_reviews.schemas import Table
from amazon_reviews.schemas.table import Column
from amazon_reviews_tests.resources.deltas import MERGED, delta, numbers, parts
from amazon_reviews_tests.resources.test_warehouse import rows


@pytest.fixture
def table(lake):
    write_deltalake(
        str(lake),
        parts(("a", "x", 2, 90, 2), ("a", "y", 1, None, 0), ("b", "x", 1, 10, 1)),
        partition_by=["partition"],
    )
    columns = {"asin": "A product.", "mean_stars": "A mean."}
    return TableVersion("gold/months", str(lake), 0, "Merged.", columns, content=5, **MERGED)


def added(lake, table, *new):
    write_deltalake(str(lake), parts(*new), mode="append")
    return replace(table, version=table.version + 1, content=table.content + 1)


def test_view_adds_up_the_rows_of_all_partitions(lake, file, table):
    warehouse = DuckDBWarehouse(file)
    (whole,) = warehouse.load([table])
    assert rows(file, "FROM gold.months ORDER BY asin") == [("x", 3, 10 / 3), ("y", 1, None)]

    for number in range(3):  # each of the two files
        table = added(lake, table, (f"c{number}", "x", 1, 50, 1), (f"c{number}", "z", 1, 50, 1))
        (load,) = warehouse.load([table])
        assert load.bytes < whole.bytes

    assert rows(file, "FROM gold.months ORDER BY asin") == [
        ("x", 6, 25 / 6),
        ("y", 1, None),
        ("z", 3, 5.0),
    ]
    with duckdb.connect() as other:
        other.execute(f"ATTACH '{file}' AS w (READ_ONLY)")
        counted = other.execute("SELECT reviews FROM w.gold.months WHERE asin = 'z'").fetchall()
    assert counted == [(3,)]


def test_view_is_described_in_place_of_the_stored_table(file, table):
    warehouse = DuckDBWarehouse(file)
    warehouse.load([table])

    described = warehouse.describe("gold/months")

    assert (described.rows, described.description) == (2, "Merged.")
    assert [(c.name, c.type, c.description) for c in described.columns] == [
        ("asin", "VARCHAR", "A product."),
        ("reviews", "BIGINT", ""),
        ("mean_stars", "DOUBLE", "A mean."),
    ]
    assert warehouse.versions() == {"gold/months": 0}
    assert warehouse.stored_rows() == {"gold/months": 3}
    assert not [*warehouse.damaged(lambda done, whole: None)]


def test_table_becomes_a_view_and_a_table_again(lake, file, table):
    delta(lake.with_name("other"), numbers(1))
    other = TableVersion("gold/other", str(lake.with_name("other")), 0)
    warehouse = DuckDBWarehouse(file)
    plain = replace(table, merged_by=(), merged={})
    for wanted, count in ((plain, 3), (table, 2), (plain, 3), (table, 2)):
        assert [load.skipped for load in warehouse.load([wanted])] == [False]
        assert rows(file, "SELECT count(*) FROM gold.months") == [(count,)]
        assert warehouse.load([wanted])[0].skipped
    warehouse.load([other])
    assert rows(file, "SELECT count(*) FROM gold.months") == [(2,)]

    warehouse.drop("gold/months")
    assert rows(file, "SELECT table_name FROM information_schema.tables ORDER BY 1") == [
        ("_files",),
        ("_loads",),
        ("other",),
    ]


def test_change_of_an_aggregate_reaches_the_view_without_new_content(file, table):
    DuckDBWarehouse(file).load([table])
    reviews = (pa.int64(), "max(reviews)")

    DuckDBWarehouse(file).load([replace(table, merged={**table.merged, "reviews": reviews})])

    assert rows(file, "SELECT reviews FROM gold.months WHERE asin = 'x'") == [(2,)]


def test_sparse_file_is_compacted_with_its_views(lake, file, table):
    warehouse = DuckDBWarehouse(file)
    many = [("m", f"p{n}", 1, 50, 1) for n in range(5_000)]
    table = added(lake, table, *many)
    warehouse.load([table])
    write_deltalake(
        str(lake), parts(("m", "x", 1, 50, 1)), mode="overwrite", predicate="partition = 'm'"
    )
    table = replace(table, version=2, content=9)
    warehouse.load([table])

    stored = "SELECT estimated_size FROM duckdb_tables() WHERE table_name LIKE 'months%'"
    assert rows(file, stored) == [(4,)]
    assert rows(file, "FROM gold.months ORDER BY asin") == [("x", 4, 15 / 4), ("y", 1, None)]
    assert warehouse.describe("gold/months").description == "Merged."


def test_declaration_names_the_columns_that_people_read():
    asin, reviews = Column("asin", pa.string(), "A."), Column("reviews", pa.int64(), "R.")
    stored = Table(
        key="gold/months",
        grain="One row per partition and product.",
        columns=(Column("partition", pa.string(), "P."), asin, reviews),
        merged_by=("asin",),
        merged=((reviews, "sum(reviews)"),),
    )
    assert stored.published_columns == (asin, reviews)
