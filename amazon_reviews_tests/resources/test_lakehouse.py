"""Lakehouse tables: writes in one commit, transaction versions, locks and counts."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Thread

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import functions as F

from amazon_reviews.errors import ConcurrentWriteError, EngineError
from amazon_reviews.resources.lakehouse.scans import value_counts
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, partition_rows, row_count
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
    """A table with three partitions, the last of another dataset."""
    places = [("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", "p1", "products")]
    lakehouse.write(frame(spark, *places), KEY)
    return lakehouse


def test_interrupt_right_after_the_commit_leaves_its_files(spark, filled, monkeypatch):
    commit = DeltaTable.create_write_transaction

    def interrupted(*arguments, **options):
        commit(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(DeltaTable, "create_write_transaction", interrupted)
    with pytest.raises(KeyboardInterrupt):
        filled.write(frame(spark, ("e", "p3")), KEY)

    assert ("p3", "e") in ids(filled)


def test_write_replaces_exactly_the_named_partition(spark, filled):
    filled.write(
        frame(spark, ("x", "p1")), KEY, replacing={"table": ["reviews"], "partition": ["p1"]}
    )

    assert rows(filled, KEY, "table", "partition", "id") == [
        ("products", "p1", "d"),
        ("reviews", "p1", "x"),
        ("reviews", "p2", "c"),
    ]


def test_write_replaces_several_partitions_and_adds_new_ones(spark, filled):
    filled.write(frame(spark, ("x", "p3")), KEY, replacing={"partition": ["p1", "p3"]})

    assert ids(filled) == [("p2", "c"), ("p3", "x")]


def test_write_of_no_rows_empties_the_named_partition(spark, filled):
    filled.write(frame(spark, ("x", "p1")).where("id = 'y'"), KEY, replacing={"partition": ["p1"]})

    assert ids(filled) == [("p2", "c")]


def test_write_is_one_commit_of_new_rows_and_removals(spark, filled):
    before = filled.version(KEY)

    filled.write(frame(spark, ("x", "p1"), ("y", "p2")), KEY, replacing={"partition": ["p1", "p2"]})

    assert filled.version(KEY) == before + 1
    assert rows(filled, KEY, "id", version=before) == [("a",), ("b",), ("c",), ("d",)]


def test_frame_with_a_row_of_another_partition_is_rejected_and_nothing_changes(spark, filled):
    before = (filled.version(KEY), files_on_disk(filled))

    with pytest.raises(ValueError, match="a row has partition 'p2', not"):
        filled.write(frame(spark, ("x", "p1"), ("y", "p2")), KEY, replacing={"partition": ["p1"]})

    assert (filled.version(KEY), files_on_disk(filled)) == before


def test_failing_frame_leaves_no_files(spark, filled):
    before = (filled.version(KEY), files_on_disk(filled))
    failing = frame(spark, *((str(n), "p1") for n in range(100))).withColumn(
        "line",
        F.when(F.col("id") == "99", F.raise_error(F.lit("broken"))).otherwise(1).cast("long"),
    )

    with pytest.raises(EngineError, match=r"^gold/duplicates cannot be built: .*broken"):
        filled.write(failing, KEY, replacing={"partition": ["p1"]})

    assert (filled.version(KEY), files_on_disk(filled)) == before


def test_frame_without_a_column_is_rejected(spark, filled):
    before = filled.version(KEY)

    with pytest.raises(EngineError, match="line"):
        filled.write(frame(spark, ("x", "p1")).drop("line"), KEY, replacing={"partition": ["p1"]})

    assert filled.version(KEY) == before


def test_frame_is_added_by_default_and_replaces_the_table_when_asked(spark, filled):
    filled.write(frame(spark, ("e", "p2")), KEY)
    assert ids(filled)[-1] == ("p2", "e")

    filled.write(frame(spark, ("x", "p9")), KEY, replacing=ALL_ROWS)

    assert ids(filled) == [("p9", "x")]


def test_arrow_rows_are_added_by_default_and_replace_the_table_when_asked(filled):
    filled.write(arrow("e", partition="p2").to_reader(), KEY)
    assert ids(filled)[-1] == ("p2", "e")

    filled.write(arrow("x", partition="p9"), KEY, replacing=ALL_ROWS)

    assert ids(filled) == [("p9", "x")]


def test_arrow_rows_replace_several_values_of_two_columns(filled):
    replaced = {"table": ["reviews", "products"], "partition": ["p1", "p3"]}

    filled.write(arrow("x", partition="p3"), KEY, replacing=replaced)

    assert ids(filled) == [("p2", "c"), ("p3", "x")]


@pytest.mark.parametrize(
    "replacing", [{}, {"partition": []}, {"partition": "p1"}, "everything"], ids=str
)
@pytest.mark.parametrize("kind", ["frame", "arrow"])
def test_write_that_names_no_rows_to_replace_is_rejected(spark, filled, kind, replacing):
    new = frame(spark, ("x", "p1")) if kind == "frame" else arrow("x")
    before = filled.version(KEY)

    with pytest.raises(ValueError, match="names no rows; name columns with lists of values, or AL"):
        filled.write(new, KEY, replacing=replacing)

    assert filled.version(KEY) == before


@pytest.mark.parametrize("kind", ["frame", "arrow"])
def test_write_expects_transaction_versions_and_records_new_ones(spark, filled, kind):
    def write(name, expected):
        new = frame(spark, (name, "p5")) if kind == "frame" else arrow(name, partition="p5")
        filled.write(new, KEY, transaction_versions={"offset": 2}, expected={"offset": expected})

    write("x", None)
    with pytest.raises(ConcurrentWriteError, match="another run wrote gold/duplicates meanwhile"):
        write("y", None)
    write("z", 2)

    assert ids(filled)[-2:] == [("p5", "x"), ("p5", "z")]
    assert filled.transaction_versions(KEY, ["offset"]) == {"offset": 2}


@pytest.mark.parametrize(
    ("kind", "replacing"),
    [
        ("frame", {"partition": ["p1"]}),
        ("frame", ALL_ROWS),
        ("arrow", None),
        ("arrow", {"partition": ["p1"]}),
        ("arrow", ALL_ROWS),
    ],
    ids=str,
)
def test_write_adds_the_columns_that_an_older_table_lacks(spark, lakehouse, kind, replacing):
    write_deltalake(
        lakehouse.uri(KEY),
        arrow("old", partition="p2").drop_columns(["line"]),
        partition_by=list(GOLD_DUPLICATES.partition_by),
    )
    new = frame(spark, ("x", "p1")) if kind == "frame" else arrow("x")

    lakehouse.write(new, KEY, replacing=replacing)

    assert rows(lakehouse, KEY, "id", "line")[-1] == ("x", 1)
    assert row_count(lakehouse.delta(KEY)) == (1 if replacing == ALL_ROWS else 2)


def test_table_is_created_with_its_columns_partitions_and_comments(lakehouse):
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


def test_unwritten_table_has_no_version_and_no_transaction_versions(lakehouse):
    assert lakehouse.version(KEY) is None
    assert lakehouse.transaction_versions(KEY, ["a", "b"]) == {"a": None, "b": None}
    assert not lakehouse.exists(KEY)


def test_read_returns_the_named_partitions(spark, filled):
    assert {row.id for row in filled.read(spark, KEY, ["p1"]).collect()} == {"a", "b", "d"}
    assert filled.read(spark, KEY, ["p3"]).count() == 0
    assert filled.read(spark, KEY).count() == 4


@pytest.mark.parametrize("name", ["p'1", 'p"1', "p%201", "p=1", "p/1", "p é", "p\\1", "p,1"])
def test_partition_values_may_hold_any_characters(spark, filled, name):
    filled.write(
        arrow("x", partition=name), KEY, replacing={"table": ["reviews"], "partition": [name]}
    )
    filled.write(
        frame(spark, ("y", name)), KEY, replacing={"table": ["reviews"], "partition": [name]}
    )

    assert partition_rows(filled.delta(KEY), "reviews") == {"p1": 2, "p2": 1, name: 1}
    assert [row.id for row in filled.read(spark, KEY, [name]).collect()] == ["y"]
    filled.write(
        arrow("z", partition=name), KEY, replacing={"table": ["reviews"], "partition": [name]}
    )
    assert [row for row in ids(filled) if row[0] == name] == [(name, "z")]


def test_arrow_rows_replace_a_partition_and_record_versions_in_one_commit(filled):
    keys = {"table": ["reviews"], "partition": ["p1"]}
    before = filled.version(KEY)

    filled.write(
        arrow("x"), KEY, replacing=keys, transaction_versions={"version_of_p1": 7, "other": 1}
    )
    filled.write(arrow("y"), KEY, replacing=keys, transaction_versions={"version_of_p1": 2**63 - 1})

    assert filled.version(KEY) == before + 2
    assert filled.transaction_versions(KEY, ["version_of_p1", "other", "none"]) == {
        "version_of_p1": 2**63 - 1,
        "other": 1,
        "none": None,
    }
    assert filled.delta(KEY, before + 1).transaction_version("version_of_p1") == 7
    assert ids(filled) == [("p1", "d"), ("p1", "y"), ("p2", "c")]


def test_arrow_rows_of_another_partition_are_rejected(filled):
    before = filled.version(KEY)

    with pytest.raises(Exception, match="failed validation check"):
        filled.write(
            arrow("x", partition="p2"), KEY, replacing={"table": ["reviews"], "partition": ["p1"]}
        )

    assert filled.version(KEY) == before


def batches(*tables):
    return pa.RecordBatchReader.from_batches(
        GOLD_DUPLICATES.arrow_schema, [b for table in tables for b in table.to_batches()]
    )


@pytest.mark.parametrize("file_bytes", [0, 2**30])
def test_batches_of_several_partitions_replace_them_in_one_commit(filled, monkeypatch, file_bytes):
    monkeypatch.setattr("amazon_reviews.resources.lakehouse.data_files._FILE_BYTES", file_bytes)
    before = filled.version(KEY)
    nasty = "p 1%2F=é"
    mixed = pa.concat_tables([arrow("x", partition="p1"), arrow("y", partition=nasty)])

    filled.write(
        batches(mixed.combine_chunks(), arrow("z", partition="p1"), arrow(partition="p1")),
        KEY,
        replacing={"table": ["reviews"], "partition": ["p1", nasty]},
        transaction_versions={"mine": 7},
    )

    assert filled.version(KEY) == before + 1
    assert ids(filled) == [(nasty, "y"), ("p1", "d"), ("p1", "x"), ("p1", "z"), ("p2", "c")]
    assert filled.delta(KEY).transaction_version("mine") == 7
    stats = pa.table(filled.delta(KEY).get_add_actions(flatten=True))
    assert 0 in stats["null_count.id"].to_pylist()


def test_batches_of_another_partition_and_failing_ones_leave_nothing(filled):
    before, files = ids(filled), files_on_disk(filled)

    def failing():
        yield from arrow("x").to_batches()
        raise RuntimeError("stop")

    schema = GOLD_DUPLICATES.arrow_schema
    for rows_, error in (
        (batches(arrow("x", partition="p9")), ValueError),
        (pa.RecordBatchReader.from_batches(schema, failing()), RuntimeError),
    ):
        with pytest.raises(error):
            filled.write(rows_, KEY, replacing={"partition": ["p1"]})

    assert ids(filled) == before
    assert files_on_disk(filled) == files


@pytest.mark.long
def test_rows_that_compress_well_need_little_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_ALIKE, tmp_path], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) < 1024


_WRITE_ALIKE = """
import sys
from pathlib import Path
import pyarrow as pa
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import GOLD_DUPLICATES
schema = GOLD_DUPLICATES.arrow_schema
values = ("x" * 100_000, "k", "reviews", "p", "f")
def alike():
    for _ in range(100):
        columns = {name: pa.repeat(pa.scalar(value), 200) for name, value in zip(
            ("id", "kept_in", "table", "partition", "file"), values)}
        columns["line"] = pa.repeat(pa.scalar(1, pa.int64()), 200)
        yield pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
Lakehouse(sys.argv[1]).write(
    pa.RecordBatchReader.from_batches(schema, alike()),
    "gold/duplicates", replacing={"partition": ["p"]},
)
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) // 1024)
"""


def test_rows_are_counted_from_the_log_without_data_files(spark, filled):
    table = filled.delta(KEY)

    assert partition_rows(table) == {"p1": 3, "p2": 1}
    assert partition_rows(table, "reviews") == {"p1": 2, "p2": 1}
    assert partition_rows(table, "products") == {"p1": 1}
    assert row_count(table) == 4
    assert value_counts(table, "kept_in") == {"k": 4}
    for path in files_on_disk(filled):
        path.unlink()
    assert partition_rows(table) == {"p1": 3, "p2": 1}


def test_readers_share_a_table_until_it_changes(filled):
    first = filled.delta(KEY)

    assert filled.delta(KEY) is first
    assert filled.delta(KEY, first.version()) is first
    assert filled.delta(KEY, 0).version() == 0
    assert filled.open(KEY) is not first

    filled.write(arrow("e"), KEY)

    assert row_count(first) == 4
    assert row_count(filled.delta(KEY)) == 5


def test_readers_see_what_others_write_and_a_table_that_was_made_again(filled):
    version = filled.delta(KEY).version()
    write_deltalake(filled.uri(KEY), arrow("e"), mode="append")
    assert row_count(filled.delta(KEY)) == 5

    shutil.rmtree(filled.uri(KEY))
    filled.ensure(KEY)
    while filled.delta(KEY).version() <= version:
        filled.write(arrow("e"), KEY, replacing=ALL_ROWS)

    assert row_count(filled.delta(KEY)) == 1


def test_empty_table_has_no_rows(lakehouse):
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
    keys = {"table": ["reviews"], "partition": [partition]}
    lakehouse.write(
        rows, KEY, replacing=keys, transaction_versions={f"{name} wrote": turn}
    )
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


def test_table_is_created_once_by_eight_threads(lakehouse):
    together = Barrier(8)

    def create(_):
        together.wait(30)
        lakehouse.ensure(KEY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))

    assert lakehouse.version(KEY) == 0


def test_writer_waits_for_the_lock_of_another(filled):
    keys = {"table": ["reviews"], "partition": ["p1"]}
    other = Thread(target=filled.write, args=(arrow("late"), KEY), kwargs={"replacing": keys})

    with filled.writer_lock(KEY):
        other.start()
        other.join(0.5)
        assert other.is_alive()
        assert ids(filled)[:2] == [("p1", "a"), ("p1", "b")]
    other.join(60)

    assert ids(filled) == [("p1", "d"), ("p1", "late"), ("p2", "c")]


def test_lock_of_a_killed_process_is_released(lakehouse):
    lakehouse.ensure(KEY)
    holder = python(HOLDER, lakehouse.location)
    assert holder.stdout.readline() == "locked\n"
    holder.kill()

    with lakehouse.writer_lock(KEY):
        assert holder.wait(30) == -9


HOLDER = """
import sys, threading
from amazon_reviews.resources.lakehouse.tables import Lakehouse
with Lakehouse(location=sys.argv[1]).writer_lock("gold/duplicates"):
    print("locked", flush=True)
    threading.Event().wait()
"""
