"""Loads into BigQuery, over the wire, by the vendor's client."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType

from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS
from amazon_reviews_tests.bigquery_warehouse.common import (
    DATASET,
    URL,
    count_requests,
    job_steps,
    newest,
    numbers_of,
    staging_tables,
)
from amazon_reviews_tests.resources.deltas import (
    MERGED,
    PARTITIONS,
    delta,
    edit_stats,
    numbers,
    parts,
    replace_partition,
    typed_rows,
)

REAL = os.environ.get("AMAZON_REVIEWS_TEST_BIGQUERY")


def in_bigquery(row):
    """Return a row of `typed_rows` as BigQuery does: no nulls in arrays, maps as pairs."""
    pairs = [{"key": key, "value": value} for key, value in row["style"] or []]
    categories = [name for name in row["categories"] or [] if name is not None]
    return row | {"style": pairs, "categories": categories}


def test_load_preserves_types_and_values(lake, warehouse):
    table = typed_rows(6)
    delta(lake, table)

    (load,) = warehouse.load([newest(lake, "gold/reviews_typed")])

    assert (load.rows, load.skipped, load.stored_bytes) == (6, False, 600)
    assert load.bytes == sum(path.stat().st_size for path in lake.rglob("*.parquet"))
    described = warehouse.describe("gold/reviews_typed")
    assert [(column.name, column.type) for column in described.columns] == [
        ("partition", "STRING"),
        ("price", "NUMERIC(12, 2)"),
        ("reviewed_on", "DATE"),
        ("style", "ARRAY<STRUCT<key STRING, value STRING>>"),
        ("categories", "ARRAY<STRING>"),
        ("read_at", "TIMESTAMP"),
        ("local_time", "DATETIME"),
        ("verified", "BOOL"),
        ("vote", "INT64"),
        ("text", "STRING"),
    ]
    loaded = warehouse.query("SELECT * FROM reviews_typed").to_pylist()
    expected = [in_bigquery(row) for row in table.to_pylist()]
    assert Counter(map(comparable, loaded)) == Counter(map(comparable, expected))


@pytest.mark.parametrize(
    ("name", "types", "values"),
    [
        (
            "gold/reviews",
            ["TIMESTAMP", "INT64", "BOOL", "STRING", "STRING", "STRING", "STRING", "STRING"],
            {
                "reviewed_at": datetime(2023, 3, 5, 7, 8, 9, 120_000, UTC),
                "helpful_total": 7,
                "vine": True,
                "language": "de",
                "marketplace": "DE",
                "profile": "amazon_2023",
                "parent_asin": "B1",
                "product_asin": "B1",
            },
        ),
        (
            "gold/products",
            ["FLOAT64", "INT64", "STRING"],
            {
                "average_rating": 4.3,
                "rating_number": 3_000_000_000,
                "profile": "amazon_2023_products",
            },
        ),
    ],
)
def test_columns_of_source_profiles_keep_types_and_values(lake, warehouse, name, types, values):
    rows = [values, dict.fromkeys(values)]
    write_deltalake(str(lake), pa.Table.from_pylist(rows, TABLES[name].arrow_schema))

    warehouse.load([newest(lake, name)])

    described = {column.name: column.type for column in warehouse.describe(name).columns}
    assert [described[column] for column in values] == types
    noun = name.removeprefix("gold/")
    loaded = warehouse.query(f"SELECT {', '.join(values)} FROM {noun} ORDER BY profile DESC")
    assert loaded.to_pylist() == rows


def comparable(row):
    plain = {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
    return repr(sorted((plain | {"price": row["price"] and float(row["price"])}).items()))


def test_unsupported_type_is_an_error_with_the_column(lake, emulator, warehouse):
    nested = pa.table({"grid": pa.array([[[1]]], pa.list_(pa.list_(pa.int64())))})
    write_deltalake(str(lake), nested)

    with pytest.raises(WarehouseError, match="gold/t cannot be loaded: column grid"):
        warehouse.load([newest(lake)])

    assert emulator.catalogue.tables == {}


@pytest.mark.parametrize("name", ["gold/reviews", "gold/products"])
def test_load_sets_descriptions_partitioning_and_clustering(lake, emulator, warehouse, name):
    table = TABLES[name]
    rows = pa.Table.from_pylist([{"asin": "a"}], schema=table.arrow_schema)
    write_deltalake(str(lake), rows)
    descriptions = {column.name: column.description for column in table.columns}

    version = newest(
        lake,
        name,
        description='Rows "as\nthey" are\\.',
        columns=descriptions,
        cluster_by=table.cluster_by,
        partition_day=table.partition_day,
    )
    warehouse.load([version])

    noun = name.split("/")[1]
    loaded = emulator.catalogue.table("reviews", noun)
    assert loaded["description"] == 'Rows "as\nthey" are\\.'
    assert {f["name"]: f["description"] for f in loaded["schema"]["fields"]} == descriptions
    assert loaded.get("timePartitioning") == (
        {"type": "YEAR", "field": "reviewed_on"} if noun == "reviews" else None
    )
    assert loaded["clustering"] == {"fields": ["main_category", "brand", "asin"]}
    assert loaded.get("expirationTime") is None
    described = warehouse.describe(name)
    assert {column.name: column.description for column in described.columns} == descriptions
    assert described.description == 'Rows "as\nthey" are\\.'
    warehouse.load([newest(lake, "gold/t", sort_by="asin")])
    assert emulator.catalogue.table("reviews", "t")["clustering"] == {"fields": ["asin"]}
    with pytest.raises(WarehouseError, match=r"gold/absent is not in the warehouse test-project\."):
        warehouse.describe("gold/absent")


def test_published_tables_are_clustered_and_partitioned_by_columns_they_have():
    for table in TABLES.values():
        columns = {table.partition_day, table.sort_by, *table.cluster_by} - {None}
        assert columns <= set(table.names), table.key
        assert len(table.cluster_by) <= 4  # BigQuery's limit


def test_tables_and_jobs_have_cost_labels(lake, emulator, warehouse):
    delta(lake, numbers(1))

    warehouse.load([newest(lake)])

    labels = emulator.catalogue.table("reviews", "t")["labels"]
    assert labels["application"] == "amazon_reviews"
    assert (labels["delta_layer"], labels["delta_version"]) == ("gold", "0")
    jobs = [job["configuration"]["labels"] for job in emulator.jobs.done.values()]
    assert jobs
    assert all(job == {"application": "amazon_reviews", "table": "gold_t"} for job in jobs)


def test_empty_table_is_loaded_with_its_columns(lake, warehouse):
    delta(lake, numbers())

    (load,) = warehouse.load([newest(lake)])

    assert (load.rows, load.skipped) == (0, False)
    assert [c.type for c in warehouse.describe("gold/t").columns] == ["INT64", "STRING"]
    assert warehouse.query("SELECT * FROM t").num_rows == 0


def test_loaded_version_is_skipped(emulator, warehouse, three_files):
    warehouse.load([three_files])
    emulator.catalogue.tables["reviews", "t"]["labels"]["cost_centre"] = "theirs"
    jobs = dict(emulator.jobs.done)

    (load,) = open_warehouse(URL).load([three_files])

    assert (load.skipped, load.rows, load.bytes) == (True, 4, 0)
    assert emulator.jobs.done == jobs
    assert "bigquery?project=test-project&p=test-project&d=reviews&t=t&page=table" in load.url


def test_versions_of_equal_content_are_loaded_once(emulator, lake, warehouse, three_files):
    warehouse.load([replace(three_files, content=5)])
    jobs = dict(emulator.jobs.done)
    delta(lake, numbers())

    (same,) = warehouse.load([newest(lake, content=5)])

    assert (same.skipped, same.version) == (True, 0)
    assert emulator.jobs.done == jobs
    assert warehouse.versions() == {"gold/t": 0}
    (other,) = warehouse.load([newest(lake, content=6)])
    assert (other.skipped, other.version) == (False, 1)
    assert warehouse.contents() == {"gold/t": 6}


def test_versions_without_content_version_are_told_apart_by_delta_version(
    emulator, lake, warehouse, three_files
):
    warehouse.load([three_files])
    delta(lake, numbers(5, partition="a"))

    (load,) = warehouse.load([newest(lake)])

    assert (load.skipped, load.rows) == (False, 5)
    assert warehouse.contents() == {"gold/t": 0}
    assert "delta_content" not in emulator.catalogue.table("reviews", "t")["labels"]


def test_missing_content_version_is_recorded_without_an_upload(emulator, warehouse, three_files):
    warehouse.load([three_files])
    emulator.jobs.done.clear()
    table = replace(three_files, content=2**62 + 1)

    (load,) = warehouse.load([table])

    assert (load.rows, load.bytes, job_steps(emulator, "load")) == (4, 0, [])
    assert warehouse.contents() == {"gold/t": 2**62 + 1}
    assert numbers_of(warehouse) == [1, 2, 3, 4]
    assert warehouse.load([table])[0].skipped
    assert warehouse.load([three_files])[0].skipped
    assert warehouse.contents() == {"gold/t": 2**62 + 1}


def test_load_gives_exactly_the_requested_version(lake, warehouse):
    delta(lake, numbers(1))
    delta(lake, numbers(2))

    for version, expected in ((1, [1, 2]), (0, [1]), (1, [1, 2]), (0, [1])):
        warehouse.load([TableVersion("gold/t", str(lake), version)])
        assert warehouse.versions() == {"gold/t": version}
        assert numbers_of(warehouse) == expected


@pytest.mark.parametrize("content", [0, 5])
def test_recreated_delta_table_with_the_same_version_is_loaded(lake, warehouse, content):
    delta(lake, pa.concat_tables([numbers(1, partition="a"), numbers(2, partition="b")]))
    warehouse.load([newest(lake, content=content)])
    shutil.rmtree(lake)
    delta(lake, pa.concat_tables([numbers(9, partition="a"), numbers(2, partition="b")]))

    (load,) = warehouse.load([newest(lake, content=content)])

    assert not load.skipped
    assert numbers_of(warehouse) == [2, 9]


def test_each_file_is_loaded_by_a_job_named_after_table_and_version(
    emulator, warehouse, three_files
):
    warehouse.load([three_files])

    assert sorted(job_steps(emulator, "load")) == ["part0", "part1", "part2"]
    assert all(n.startswith("reviews_t__staging_v0_") for n in emulator.jobs.done if "part" in n)
    assert count_requests(emulator, "insertAll") == 0
    assert numbers_of(warehouse) == [1, 2, 3, 4]
    assert staging_tables(emulator) == []


def test_small_files_are_loaded_by_one_job(lake, emulator, warehouse):
    for number in range(5):
        delta(lake, numbers(number))

    warehouse.load([newest(lake)])

    assert job_steps(emulator, "load") == ["part0"]
    assert numbers_of(warehouse) == [0, 1, 2, 3, 4]


def test_load_uploads_only_changed_partitions(lake, emulator, warehouse, three_files):
    (whole,) = warehouse.load([three_files])
    emulator.jobs.done.clear()
    replace_partition(lake, "b", numbers(30, partition="b"))

    (load,) = warehouse.load([newest(lake, description="Other.", columns={"number": "It."})])

    assert numbers_of(warehouse) == [1, 2, 4, 30]
    assert job_steps(emulator, "load") == ["part0"]
    assert load.bytes < whole.bytes / 2
    deleted = [request for request in emulator.requests if "DELETE FROM" in request]
    assert len(deleted) == 1
    assert deleted[0].endswith("WHERE (`partition` = ?)")
    described = warehouse.describe("gold/t")
    assert (described.description, described.columns[0].description) == ("Other.", "It.")


def test_jobs_and_bytes_of_an_update_follow_the_change(lake, emulator, warehouse):
    """One upload of one partition, and no other statement than those of a swap."""
    for partition in "abcdefgh":
        delta(lake, numbers(*range(1_000), partition=partition))
    others = [lake.with_name(name) for name in ("same", "other")]
    for other in others:
        delta(other, numbers(1))
    tables = [newest(other, f"gold/{other.name}") for other in others]
    (whole, *_) = warehouse.load([newest(lake), *tables])
    emulator.jobs.done.clear()
    delta(lake, numbers(*range(10), partition="new"))

    (load, *skipped) = warehouse.load([newest(lake), *tables])

    statistics = [job["statistics"].get("load") for job in emulator.jobs.done.values()]
    (uploaded,) = filter(None, statistics)
    assert uploaded["outputRows"] == "10"
    assert int(uploaded["inputFileBytes"]) < 5_000
    assert (job_steps(emulator, "load"), job_steps(emulator, "query")) == (
        ["part0"],
        ["delete", "over"],
    )
    # The copy, the deletion, the count and the exchange.
    assert len(emulator.jobs.done) == 5
    assert all(load.skipped for load in skipped)
    assert (load.rows, load.bytes < whole.bytes / 8) == (8_010, True)


@pytest.mark.parametrize(("megabytes", "refused"), [("5", True), ("20", False)])
def test_query_that_would_bill_too_much_is_refused(
    lake, emulator, warehouse, megabytes, refused, monkeypatch
):
    """BigQuery bills ten megabytes at least."""
    delta(lake, numbers(1, partition="a"))
    delta(lake, numbers(2, partition="b"))
    warehouse.load([newest(lake)])
    replace_partition(lake, "b", numbers(3, partition="b"))
    monkeypatch.setenv("AMAZON_REVIEWS_BIGQUERY_MAX_MB", megabytes)
    limited = open_warehouse(URL)
    if not refused:
        limited.load([newest(lake)])
        assert numbers_of(limited) == [1, 3]
        return

    for call in (lambda: numbers_of(limited), lambda: limited.load([newest(lake)])):
        with pytest.raises(
            WarehouseError, match=r"bill more than AMAZON_REVIEWS_BIGQUERY_MAX_MB allows; .*5000000"
        ):
            call()
    assert numbers_of(warehouse) == [1, 2]


def test_merged_table_is_a_view_of_its_stored_rows(lake, emulator, warehouse):
    rows = parts(("a", "x", 2, 90, 2), ("a", "y", 1, None, 0), ("b", "x", 1, 10, 1))
    write_deltalake(str(lake), rows, partition_by=["partition"])
    old = newest(lake, "gold/months", columns={"asin": "A product."})
    warehouse.load([old])

    merged = replace(old, description="Merged.", content=7, **MERGED)
    warehouse.load([merged])
    more = parts(("c", "x", 1, 50, 1), ("c", "z", 1, 50, 1))
    write_deltalake(str(lake), more, mode="append")
    emulator.jobs.done.clear()
    warehouse.load([replace(merged, version=1, content=8)])

    assert job_steps(emulator, "load") == ["part0"]
    result = warehouse.query("SELECT * FROM months ORDER BY asin").to_pylist()
    assert result == [
        {"asin": "x", "reviews": 4, "mean_stars": 3.75},
        {"asin": "y", "reviews": 1, "mean_stars": None},
        {"asin": "z", "reviews": 1, "mean_stars": 5.0},
    ]
    described = warehouse.describe("gold/months")
    assert [(c.name, c.type) for c in described.columns] == [
        ("asin", "STRING"),
        ("reviews", "INT64"),
        ("mean_stars", "FLOAT64"),
    ]
    assert (described.rows, described.description, described.version) == (3, "Merged.", 1)
    assert described.columns[0].description == "A product."
    assert warehouse.contents() == {"gold/months": 8}
    assert warehouse.stored_rows() == {"gold/months": 5}
    assert warehouse.load([replace(merged, version=1, content=8)])[0].skipped
    warehouse.outdate("gold/months")
    assert warehouse.contents() == {"gold/months": 0}
    warehouse.drop("gold/months")
    assert (warehouse.versions(), emulator.catalogue.tables) == ({}, {})


def full_content(lake, version):
    rows = DeltaTable(str(lake), version=version).to_pyarrow_table().to_pylist()
    return Counter(map(str, rows))


def test_load_of_changed_partitions_equals_a_full_load(lake, warehouse):
    for partition in PARTITIONS:
        delta(lake, numbers(1, 2, partition=partition))
    size = sum(DeltaTable(str(lake)).get_add_actions()["size_bytes"].to_pylist())
    warehouse.load([newest(lake)])

    def change(*, whole=False):
        (load,) = warehouse.load([newest(lake)])
        content = Counter(map(str, warehouse.query("SELECT * FROM t").to_pylist()))
        assert content == full_content(lake, load.version)
        assert (load.bytes >= size) is whole

    for partition in PARTITIONS[:-1]:
        replace_partition(lake, partition, numbers(3, partition=partition))
        change()
    delta(lake, numbers(4, 5, partition="50%"))
    change()
    delta(lake, numbers(6, partition="new"))
    change()
    DeltaTable(str(lake)).delete("partition = 'a b'")
    change()
    delta(lake, numbers(7, partition=None))
    change(whole=True)
    delta(lake, numbers(8).append_column("extra", pa.array(["x"])), schema_mode="merge")
    change(whole=True)


def test_table_with_deletion_vectors_is_loaded_completely(lake, emulator, warehouse):
    both = pa.concat_tables([numbers(1, partition="a"), numbers(2, partition="b")])
    delta(lake, both, configuration={"delta.enableDeletionVectors": "true"})
    warehouse.load([newest(lake)])
    delta(lake, numbers(3, partition="b"))

    warehouse.load([newest(lake)])

    assert count_requests(emulator, "DELETE FROM") == 0
    assert numbers_of(warehouse) == [1, 2, 3]


def test_version_without_its_log_is_loaded_completely(lake, warehouse, three_files):
    warehouse.load([three_files])
    delta(lake, numbers(5, partition="a"))
    DeltaTable(str(lake)).create_checkpoint()
    (lake / "_delta_log" / f"{0:020}.json").unlink()

    warehouse.load([newest(lake)])

    assert numbers_of(warehouse) == [1, 2, 3, 4, 5]


def test_row_count_that_differs_from_the_log_leaves_the_old_table(lake, emulator, warehouse):
    delta(lake, numbers(1))
    warehouse.load([newest(lake)])
    delta(lake, numbers(2, 3, partition="q"))
    edit_stats(lake, 1, lambda stats: json.dumps(stats | {"numRecords": 5}))

    with pytest.raises(WarehouseError, match=r"gold/t: \d rows arrived .* version 1 has"):
        warehouse.load([newest(lake)])

    assert warehouse.versions() == {"gold/t": 0}
    assert numbers_of(warehouse) == [1]
    assert staging_tables(emulator) == []


def test_load_replaces_all_tables_or_none(lake, emulator, warehouse):
    for name in ("good", "bad"):
        delta(lake / name, numbers(1))
    warehouse.load([newest(lake / "good", "gold/good")])
    for name in ("good", "bad"):
        delta(lake / name, numbers(2))
    next((lake / "bad").rglob("*.parquet")).unlink()

    with pytest.raises(WarehouseError, match="gold/bad at Delta version 1"):
        warehouse.load([newest(lake / n, f"gold/{n}") for n in ("good", "bad")])

    assert warehouse.versions() == {"gold/good": 0}
    assert numbers_of(warehouse, "good") == [1]


def test_tables_of_other_owners_or_layers_are_never_replaced(lake, emulator, warehouse):
    delta(lake, numbers(1))
    emulator.catalogue.create_dataset(DATASET)
    theirs = {**DATASET["datasetReference"], "tableId": "theirs"}
    columns = {"fields": [{"name": "x", "type": "STRING"}]}
    emulator.catalogue.create_table("reviews", {"tableReference": theirs, "schema": columns})
    warehouse.load([newest(lake, "gold/t")])

    for name, noun in (("gold/theirs", "theirs"), ("silver/t", "t")):
        with pytest.raises(WarehouseError, match=rf"reviews\.{noun} was not loaded from {name}"):
            warehouse.load([newest(lake, name)])
    assert warehouse.versions() == {"gold/t": 0}


def test_flat_views_have_columns_without_arrays(lake, emulator, warehouse):
    for table in (GOLD_REVIEWS, GOLD_PRODUCTS):
        row = {"asin": "a", "title": "T", "categories": ["Books", "Poetry"], "price": 1}
        rows = pa.Table.from_pylist([row], schema=table.arrow_schema)
        write_deltalake(str(lake / table.key), rows)
    descriptions = {column.name: column.description for column in GOLD_REVIEWS.columns}
    reviews = newest(
        lake / "gold/reviews",
        "gold/reviews",
        description="Rows.",
        columns=descriptions,
        flat_view=GOLD_REVIEWS.flat_view,
    )
    products = newest(lake / "gold/products", "gold/products", flat_view=GOLD_PRODUCTS.flat_view)
    warehouse.load([products, reviews])

    (row,) = warehouse.query("SELECT * FROM reviews_flat").to_pylist()
    assert (row["title"], row["category_path"], row["price"]) == ("T", "Books > Poetry", 1)
    assert not {"style", "rescued", "categories"} & set(row)
    assert warehouse.query("SELECT title FROM products_flat").to_pylist() == [{"title": "T"}]
    view = emulator.catalogue.table("reviews", "reviews_flat")
    assert view["description"] == "Rows. Without arrays and maps."
    described = {field["name"]: field.get("description") for field in view["schema"]["fields"]}
    assert described["asin"] == descriptions["asin"]
    assert described["category_path"]
    assert set(warehouse.versions()) == {"gold/products", "gold/reviews"}

    before = len(emulator.requests)
    warehouse.load([reviews])
    assert not [r for r in emulator.requests[before:] if r.startswith(("PATCH", "POST"))]
    emulator.catalogue.tables["reviews", "reviews_flat"]["description"] = "Old."
    warehouse.load([reviews])
    assert emulator.catalogue.table("reviews", "reviews_flat")["description"] == view["description"]


def test_query_accepts_parameters(lake, warehouse):
    delta(lake, typed_rows(6))
    warehouse.load([newest(lake)])
    row = typed_rows(6).to_pylist()[0]

    for column in ("price", "reviewed_on", "read_at", "local_time", "verified", "vote", "text"):
        count = warehouse.query(f"SELECT count(*) AS n FROM t WHERE {column} = ?", [row[column]])
        assert count["n"].to_pylist() == [3], column
    assert warehouse.query("SELECT ? AS nothing", [None]).to_pylist() == [{"nothing": None}]
    assert warehouse.relation("gold/t") == "`test-project`.`reviews`.`t`"
    many = warehouse.query("SELECT * FROM unnest(generate_series(1, 25000)) AS t(n)")
    assert many["n"].to_pylist() == list(range(1, 25001))
    with pytest.raises(WarehouseError, match="the query failed: BigQuery rejects the request"):
        warehouse.query("SELECT nonsense")


def test_query_before_the_first_load_is_an_error_with_instructions(emulator, warehouse):
    assert warehouse.versions() == {}
    with pytest.raises(WarehouseError, match=r"does not exist yet.*AMAZON_REVIEWS_WAREHOUSE"):
        warehouse.query("SELECT 1")
    assert emulator.catalogue.datasets == {}


def test_dataset_is_created_in_the_configured_location(lake, emulator):
    delta(lake, numbers(1))

    open_warehouse(f"{URL}?location=europe-west3").load([newest(lake)])

    dataset = emulator.catalogue.dataset("reviews")
    assert dataset["location"] == "europe-west3"
    assert dataset["labels"] == {"application": "amazon_reviews"}
    assert numbers_of(open_warehouse(URL)) == [1]


def test_table_given_twice_in_a_load_is_an_error(warehouse, three_files):
    with pytest.raises(ValueError, match="twice"):
        warehouse.load([three_files, three_files])


def test_definitions_do_not_import_the_client():
    loaded = "import sys, amazon_reviews.definitions; print('google.cloud.bigquery' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True)
    assert process.stdout == "False\n", process.stderr


@pytest.mark.skipif(not REAL, reason="AMAZON_REVIEWS_TEST_BIGQUERY names no dataset to write to")
def test_load_into_a_real_dataset(lake):
    """Writes the tables smoke and smoke__staging_… to bigquery://project/dataset."""
    for partition in ("a", "b"):
        delta(lake, numbers(1, 2, partition=partition))
    warehouse = open_warehouse(REAL)

    (whole,) = warehouse.load([newest(lake, "gold/smoke", description="A test.")])
    replace_partition(lake, "b", numbers(7, partition="b"))
    (changed,) = warehouse.load([newest(lake, "gold/smoke", description="A test.")])

    assert (whole.rows, changed.rows, changed.bytes < whole.bytes) == (4, 3, True)
    assert numbers_of(warehouse, "smoke") == [1, 2, 7]
    assert warehouse.describe("gold/smoke").description == "A test."


def test_outdated_table_is_loaded_again_with_its_new_columns(warehouse, three_files):
    warehouse.load([replace(three_files, content=2**62)])

    warehouse.outdate("gold/t")
    warehouse.outdate("gold/absent")

    assert warehouse.contents() == {"gold/t": 0}
    DeltaTable(three_files.uri).alter.add_columns([Field("added", PrimitiveType("string"))])
    table = replace(three_files, version=DeltaTable(three_files.uri).version(), content=2**62)
    (load,) = warehouse.load([table])
    assert not load.skipped
    assert warehouse.contents() == {"gold/t": 2**62}
    added = warehouse.query("SELECT added FROM t")["added"].to_pylist()
    assert added == [None] * 4
