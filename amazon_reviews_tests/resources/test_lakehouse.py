"""Partitions replaced in one commit, or not at all."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Thread

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from amazon_reviews.resources.lakehouse.tables import partition_rows, row_count, value_counts
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.layers import GOLD_DUPLICATES
from amazon_reviews_tests.helpers import rows

KEY = "gold/duplicates"
COLUMNS = "id string, kept_in string, table string, partition string, file string, line bigint"


def frame(spark, *places):
    """Rows given as (id, partition) or (id, partition, table)."""
    full = [
        (name, "k", table[0] if table else "reviews", partition, "f", 1)
        for name, partition, *table in places
    ]
    return spark.createDataFrame(full, COLUMNS).select(*GOLD_DUPLICATES.names)


def arrow(*ids, partition="p1", table="reviews"):
    given = {"id": ids, "kept_in": "k", "table": table, "partition": partition, "file": "f"}
    columns = {
        name: list(value) if name == "id" else [value] * len(ids) for name, value in given.items()
    }
    columns["line"] = list(range(1, len(ids) + 1))
    return pa.table(columns, schema=GOLD_DUPLICATES.arrow_schema)


def ids(lakehouse):
    return rows(lakehouse, KEY, "partition", "id")


def files_on_disk(lakehouse, key=KEY):
    return sorted(path for path in Path(lakehouse.uri(key)).rglob("*.parquet"))


@pytest.fixture
def filled(spark, lakehouse):
    """A table with three partitions, the last of another noun."""
    places = [("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", "p1", "products")]
    lakehouse.append(frame(spark, *places), KEY)
    return lakehouse


def test_an_interrupt_right_after_the_commit_leaves_its_files(spark, filled, monkeypatch):
    commit = DeltaTable.create_write_transaction

    def interrupted(*arguments, **options):
        commit(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(DeltaTable, "create_write_transaction", interrupted)
    with pytest.raises(KeyboardInterrupt):
        filled.append(frame(spark, ("e", "p3")), KEY)

    assert ("p3", "e") in ids(filled)


def test_replace_replaces_exactly_its_partition(spark, filled):
    filled.replace(frame(spark, ("x", "p1")), KEY, {"table": ["reviews"], "partition": ["p1"]})

    assert rows(filled, KEY, "table", "partition", "id") == [
        ("products", "p1", "d"),
        ("reviews", "p1", "x"),
        ("reviews", "p2", "c"),
    ]


def test_replace_takes_several_partitions_and_adds_new_ones(spark, filled):
    filled.replace(frame(spark, ("x", "p3")), KEY, {"partition": ["p1", "p3"]})

    assert ids(filled) == [("p2", "c"), ("p3", "x")]


def test_replace_by_nothing_empties_the_partition(spark, filled):
    filled.replace(frame(spark, ("x", "p1")).where("id = 'y'"), KEY, {"partition": ["p1"]})

    assert ids(filled) == [("p2", "c")]


def test_replace_is_one_commit_of_rows_and_removals(spark, filled):
    before = filled.version(KEY)

    filled.replace(frame(spark, ("x", "p1"), ("y", "p2")), KEY, {"partition": ["p1", "p2"]})

    assert filled.version(KEY) == before + 1
    assert rows(filled, KEY, "id", version=before) == [("a",), ("b",), ("c",), ("d",)]


def test_a_row_of_another_partition_is_refused_and_nothing_changes(spark, filled):
    before = (filled.version(KEY), files_on_disk(filled))

    with pytest.raises(ValueError, match="a row has partition 'p2', not"):
        filled.replace(frame(spark, ("x", "p1"), ("y", "p2")), KEY, {"partition": ["p1"]})

    assert (filled.version(KEY), files_on_disk(filled)) == before


def test_a_frame_that_fails_leaves_nothing(spark, filled):
    before = (filled.version(KEY), files_on_disk(filled))
    failing = frame(spark, *((str(n), "p1") for n in range(100))).withColumn(
        "line",
        F.when(F.col("id") == "99", F.raise_error(F.lit("broken"))).otherwise(1).cast("long"),
    )

    with pytest.raises(PySparkException, match="broken"):
        filled.replace(failing, KEY, {"partition": ["p1"]})

    assert (filled.version(KEY), files_on_disk(filled)) == before


def test_a_missing_column_is_refused(spark, filled):
    before = filled.version(KEY)

    with pytest.raises(PySparkException, match="line"):
        filled.replace(frame(spark, ("x", "p1")).drop("line"), KEY, {"partition": ["p1"]})

    assert filled.version(KEY) == before


def test_overwrite_replaces_the_table_and_append_adds(spark, filled):
    filled.append(frame(spark, ("e", "p2")), KEY)
    assert ids(filled)[-1] == ("p2", "e")

    filled.overwrite(frame(spark, ("x", "p9")), KEY)

    assert ids(filled) == [("p9", "x")]


def test_a_table_is_made_with_its_columns_partitions_and_comments(lakehouse):
    lakehouse.ensure("silver/reviews")

    table = lakehouse.delta("silver/reviews")
    fields = {field.name: field for field in table.schema().fields}
    expected = TABLES["silver/reviews"]
    assert list(fields) == expected.names
    assert table.metadata().partition_columns == ["partition"]
    assert table.metadata().description == expected.grain
    assert fields["vote"].metadata["comment"] == "helpful votes; null when none was given"
    assert lakehouse.version("silver/reviews") == 0
    lakehouse.ensure("silver/reviews")
    assert lakehouse.version("silver/reviews") == 0


def test_a_table_that_was_never_written_has_no_version_and_no_marks(lakehouse):
    assert lakehouse.version(KEY) is None
    assert lakehouse.transaction_versions(KEY, ["a", "b"]) == {"a": None, "b": None}
    assert not lakehouse.exists(KEY)


def test_read_gives_the_partitions_that_are_named(spark, filled):
    assert {row.id for row in filled.read(spark, KEY, ["p1"]).collect()} == {"a", "b", "d"}
    assert filled.read(spark, KEY, ["p3"]).count() == 0
    assert filled.read(spark, KEY).count() == 4


@pytest.mark.parametrize("name", ["p'1", 'p"1', "p%201", "p=1", "p/1", "p é", "p\\1", "p,1"])
def test_partition_values_of_any_characters(spark, filled, name):
    filled.replace_arrow(arrow("x", partition=name), KEY, {"table": "reviews", "partition": name})
    filled.replace(frame(spark, ("y", name)), KEY, {"table": ["reviews"], "partition": [name]})

    assert partition_rows(filled.delta(KEY), "reviews") == {"p1": 2, "p2": 1, name: 1}
    assert [row.id for row in filled.read(spark, KEY, [name]).collect()] == ["y"]
    filled.replace_arrow(arrow("z", partition=name), KEY, {"table": "reviews", "partition": name})
    assert [row for row in ids(filled) if row[0] == name] == [(name, "z")]


def test_arrow_rows_replace_one_partition_and_record_marks_in_the_same_commit(filled):
    keys = {"table": "reviews", "partition": "p1"}
    before = filled.version(KEY)

    filled.replace_arrow(arrow("x"), KEY, keys, {"mark": 7, "other": 1})
    filled.replace_arrow(arrow("y"), KEY, keys, {"mark": 2**63 - 1})

    assert filled.version(KEY) == before + 2
    assert filled.transaction_versions(KEY, ["mark", "other", "none"]) == {
        "mark": 2**63 - 1,
        "other": 1,
        "none": None,
    }
    assert filled.delta(KEY, before + 1).transaction_version("mark") == 7
    assert ids(filled) == [("p1", "d"), ("p1", "y"), ("p2", "c")]


def test_arrow_rows_of_another_partition_are_refused(filled):
    before = filled.version(KEY)

    with pytest.raises(Exception, match="failed validation check"):
        filled.replace_arrow(
            arrow("x", partition="p2"), KEY, {"table": "reviews", "partition": "p1"}
        )

    assert filled.version(KEY) == before


def test_rows_are_counted_from_the_log(spark, filled):
    table = filled.delta(KEY)

    assert partition_rows(table) == {"p1": 3, "p2": 1}
    assert partition_rows(table, "reviews") == {"p1": 2, "p2": 1}
    assert partition_rows(table, "products") == {"p1": 1}
    assert row_count(table) == 4
    assert value_counts(table, "kept_in") == {"k": 4}
    for path in files_on_disk(filled):
        path.unlink()
    assert partition_rows(table) == {"p1": 3, "p2": 1}


def test_counts_of_an_empty_table(lakehouse):
    lakehouse.ensure(KEY)

    assert (partition_rows(lakehouse.delta(KEY)), row_count(lakehouse.delta(KEY))) == ({}, 0)


WRITER = """
import sys
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews_tests.resources.test_lakehouse import KEY, arrow

location, name, partition = sys.argv[1:]
lakehouse = Lakehouse(location=location)
print("ready", flush=True)
sys.stdin.readline()
for turn in range(6):
    rows = arrow(f"{name}{turn}", f"{name}{turn}+", partition=partition)
    keys = {"table": "reviews", "partition": partition}
    lakehouse.replace_arrow(rows, KEY, keys, {f"{name} wrote": turn})
"""


def python(code, *arguments):
    """A process that runs the code, with the project on its path."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )


def test_processes_that_write_at_once_take_turns(lakehouse):
    """A and B write the same partition, C another."""
    lakehouse.ensure(KEY)
    version = lakehouse.version(KEY)
    places = {"A": "p1", "B": "p1", "C": "p2"}
    writers = [python(WRITER, lakehouse.location, *place) for place in places.items()]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()

    assert [writer.wait(60) for writer in writers] == [0, 0, 0]

    assert lakehouse.version(KEY) == version + 18
    assert set(
        lakehouse.transaction_versions(KEY, [f"{name} wrote" for name in places]).values()
    ) == {5}
    assert ids(lakehouse) in [
        [("p1", f"{last}5"), ("p1", f"{last}5+"), ("p2", "C5"), ("p2", "C5+")] for last in "AB"
    ]


def test_a_table_is_created_once_by_whoever_comes_first(lakehouse):
    together = Barrier(8)

    def create(_):
        together.wait(30)
        lakehouse.ensure(KEY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))

    assert lakehouse.version(KEY) == 0


def test_a_writer_waits_for_the_one_before(filled):
    keys = {"table": "reviews", "partition": "p1"}
    other = Thread(target=filled.replace_arrow, args=(arrow("late"), KEY, keys))

    with filled.writing(KEY):
        other.start()
        other.join(0.5)
        assert other.is_alive()
        assert ids(filled)[:2] == [("p1", "a"), ("p1", "b")]
    other.join(60)

    assert ids(filled) == [("p1", "d"), ("p1", "late"), ("p2", "c")]


def test_a_lock_is_freed_by_a_killed_process(lakehouse):
    lakehouse.ensure(KEY)
    holder = python(HOLDER, lakehouse.location)
    assert holder.stdout.readline() == "locked\n"
    holder.kill()

    with lakehouse.writing(KEY):
        assert holder.wait(30) == -9


HOLDER = """
import sys, threading
from amazon_reviews.resources.lakehouse.tables import Lakehouse
with Lakehouse(location=sys.argv[1]).writing("gold/duplicates"):
    print("locked", flush=True)
    threading.Event().wait()
"""
