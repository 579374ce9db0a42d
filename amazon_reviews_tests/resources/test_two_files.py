"""The hidden file beside the DuckDB warehouse: updates in place, readers, kills and damage."""

import logging
import re
import shutil
import subprocess
import sys
from random import Random

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from amazon_reviews.cli.doctor import _warehouse_room
from amazon_reviews.config import Settings
from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.duckdb import previous as two_files
from amazon_reviews.resources.warehouse.duckdb.warehouse import DuckDBWarehouse
from amazon_reviews_tests.resources.deltas import delta, numbers, replace_partition
from amazon_reviews_tests.resources.test_warehouse import DAMAGES, leftovers, load_in_child, rows


@pytest.fixture
def hidden(file):
    return file.with_name(".warehouse.duckdb.previous")


def texts(lake, name, partition, count=12_000):
    """Replace a partition of long texts; return the version."""
    random = Random(partition)
    content = [random.randbytes(100).hex() for _ in range(count)]
    table = pa.table({"text": content, "partition": [partition] * count})
    version = replace_partition(lake / name, partition, table) if (lake / name).exists() else None
    return delta(lake / name, table) if version is None else version


def load(file, lake, **versions):
    tables = [TableVersion(f"gold/{n}", str(lake / n), version) for n, version in versions.items()]
    return DuckDBWarehouse(file).load(tables)


def content(file, lake, *names):
    return {name: sorted(rows(file, f"FROM gold.{name}")) for name in names}


def written_bytes():
    with open("/proc/self/io") as counts:
        return int(dict(line.split(": ") for line in counts)["wchar"])


@pytest.mark.skipif(sys.platform != "linux", reason="/proc counts the written bytes")
def test_update_writes_what_changed_and_exchanges_the_files(lake, file, hidden):
    load(file, lake, t=[texts(lake, "t", name) for name in "abcd"][-1])
    size, inodes = file.stat().st_size, (file.stat().st_ino, hidden.stat().st_ino)
    before = written_bytes()

    for number in range(2):
        load(file, lake, t=texts(lake, "t", f"new {number}", 20))

    assert (file.stat().st_ino, hidden.stat().st_ino) == inodes
    # Two copies would be twice the size.
    assert written_bytes() - before < size
    assert rows(file, "SELECT count(*), count(DISTINCT partition) FROM gold.t") == [(48_040, 6)]
    assert rows(hidden, "SELECT count(*), count(DISTINCT partition) FROM gold.t") == [(48_020, 5)]


def test_tables_outside_a_load_are_brought_to_their_newest_state(lake, file):
    """The file that becomes the warehouse lacks the last load of the others."""
    delta(lake / "whole", numbers(1))
    for name in ("parted", "t"):
        delta(lake / name, pa.concat_tables([numbers(1, partition=p) for p in "ab"]))
    load(file, lake, whole=0, parted=0, t=0)
    delta(lake / "whole", numbers(2), mode="overwrite")
    replace_partition(lake / "parted", "b", numbers(3, 4, partition="b"))
    load(file, lake, whole=1, parted=1)
    newest = content(file, lake, "whole", "parted")

    load(file, lake, t=replace_partition(lake / "t", "a", numbers(5, partition="a")))

    assert content(file, lake, "whole", "parted") == newest
    assert newest["parted"] == [(1, "a"), (3, "b"), (4, "b")]
    assert content(file, lake, "t") == {"t": [(1, "b"), (5, "a")]}


def test_removed_and_outdated_tables_stay_so(lake, file):
    for name in ("gone", "old", "t"):
        delta(lake / name, numbers(1))
    warehouse = DuckDBWarehouse(file)
    warehouse.load(
        [TableVersion(f"gold/{n}", str(lake / n), 0, content=7) for n in ("gone", "old")]
    )
    warehouse.drop("gold/gone")
    warehouse.outdate("gold/old")

    for version in range(3):
        delta(lake / "t", numbers(version))
        load(file, lake, t=version)
        assert DuckDBWarehouse(file).contents() == {"gold/old": 0, "gold/t": 0}
        assert rows(file, "SELECT number FROM gold.old") == [(1,)]


READER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(connection.execute("SELECT sum(number) FROM gold.t").fetchall()[0][0], flush=True)
"""


def test_reader_of_another_process_keeps_its_rows_over_many_updates(lake, file, hidden):
    delta(lake / "t", numbers(0))
    load(file, lake, t=0)
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:

        def read():
            reader.stdin.write("go\n")
            reader.stdin.flush()
            return int(reader.stdout.readline())

        assert read() == 0
        for version in range(1, 5):
            load(file, lake, t=delta(lake / "t", numbers(version)))
            assert read() == 0
            assert rows(file, "SELECT sum(number) FROM gold.t") == [(sum(range(version + 1)),)]
        # The file of the reader has no name any more, and the two others take turns again.
        inodes = {file.stat().st_ino, hidden.stat().st_ino}
        load(file, lake, t=delta(lake / "t", numbers(5)))
        assert {file.stat().st_ino, hidden.stat().st_ino} == inodes
        reader.stdin.close()


def test_reader_of_the_same_process_keeps_its_rows_over_many_updates(lake, file):
    delta(lake / "t", numbers(0))
    load(file, lake, t=0)
    (alias := file.with_name("alias")).hardlink_to(file)
    before = alias.read_bytes()
    with duckdb.connect(str(file), read_only=True) as reader:
        for version in range(1, 4):
            load(file, lake, t=delta(lake / "t", numbers(version)))
            assert reader.execute("SELECT sum(number) FROM gold.t").fetchall() == [(0,)]
    assert alias.read_bytes() == before


def test_load_leaves_no_reader_on_the_hidden_file(lake, file, hidden):
    warehouse = DuckDBWarehouse(file)
    for version in range(3):
        delta(lake / "t", numbers(version))
        warehouse.load([TableVersion("gold/t", str(lake / "t"), version)])
        assert not two_files.is_open_here(hidden)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(damage, id=name, marks=() if name == "100 kB" else pytest.mark.long)
        for name, damage in DAMAGES.items()
    ],
)
def test_damaged_hidden_file_is_replaced(lake, file, hidden, damage):
    delta(lake / "t", numbers(1))
    load(file, lake, t=0)
    damage(hidden)
    hidden.with_name(f"{hidden.name}.wal").write_bytes(b"of a killed load")

    for version in (1, 2):
        load(file, lake, t=delta(lake / "t", numbers(version)))
    assert rows(file, "SELECT sum(number) FROM gold.t") == [(4,)]
    assert rows(hidden, "SELECT sum(number) FROM gold.t") == [(2,)]
    assert sorted(path.name for path in file.parent.iterdir()) == [
        ".warehouse.duckdb.lock",
        ".warehouse.duckdb.previous",
        "warehouse.duckdb",
    ]


def test_damage_of_rows_in_the_hidden_file_is_reported_and_noticed(lake, file, hidden, caplog):
    load(file, lake, t=[texts(lake, "t", name) for name in "ab"][-1])
    blocks = "SELECT DISTINCT block_id FROM pragma_storage_info('gold.t') WHERE block_id >= 0"
    for (block,) in rows(hidden, blocks):
        with open(hidden, "r+b") as handle:
            handle.seek(3 * 4_096 + block * 262_144 + 100)
            handle.write(Random(7).randbytes(64))

    ((name, place, _),) = DuckDBWarehouse(file).damaged(lambda done, whole: None)
    assert (name, place) == ("", str(hidden))
    with caplog.at_level(logging.WARNING):
        load(file, lake, t=texts(lake, "t", "b", 10))

    assert f"{hidden} cannot be used, and is made again" in caplog.text
    assert rows(file, "SELECT count(*), count(DISTINCT text) FROM gold.t") == [(12_010, 12_010)]
    assert not [*DuckDBWarehouse(file).damaged(lambda done, whole: None)]


def test_file_system_without_hard_links_has_no_hidden_file(lake, file, hidden, monkeypatch):
    def refuse(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(two_files.os, "link", refuse)
    for version in range(3):
        delta(lake / "t", numbers(version))
        load(file, lake, t=version)
        assert rows(file, "SELECT sum(number) FROM gold.t") == [(sum(range(version + 1)),)]


def test_doctor_shows_the_room_of_both_files(lake, file, monkeypatch):
    settings = Settings(warehouse=f"duckdb:///{file}")
    assert not [*_warehouse_room(settings)]
    delta(lake / "t", numbers(1))
    load(file, lake, t=0)
    (finding,) = _warehouse_room(settings)
    assert re.match(r"two files of .* [kM]B, .* free$", finding.value)
    assert not finding.advice

    usage = shutil.disk_usage(file.parent)._replace(free=20_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    (finding,) = _warehouse_room(settings)
    assert finding.value.endswith(", 20.0 kB free")
    assert finding.advice.startswith("free some space: an update needs a copy")


def at(function, call=1):
    return f"""
from amazon_reviews.resources.warehouse.duckdb import load, previous, warehouse
before({function.rpartition(".")[0]}, {function.rpartition(".")[2]!r}, {call})
"""


STATEMENT = """
real = duckdb.DuckDBPyConnection.execute
def execute(self, sql, *rest, **more):
    if sql.startswith({!r}):
        pause()
    return real(self, sql, *rest, **more)
duckdb.DuckDBPyConnection.execute = execute
"""
MOMENTS = {
    "begin": "import duckdb" + STATEMENT.format("BEGIN"),
    "first rows": "before(DeltaTable, 'scan', 1)",
    "second table": "before(DeltaTable, 'scan', 2)",
    "records": at("load.write_states"),
    "commit": "import duckdb" + STATEMENT.format("COMMIT"),
    "checkpoint": "import duckdb" + STATEMENT.format("CHECKPOINT"),
    "link": "before(os, 'link', 1)",
    "new name": "before(os, 'replace', 1)",
    "removal": at("previous.remove"),
    "old name": "before(os, 'replace', 2)",
}


@pytest.mark.long
@pytest.mark.parametrize("state", ["one file", "two files"])
@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_next_load_after_a_kill_is_right(lake, file, moment, state, hidden):
    for name in ("kept", "t", "u"):
        delta(lake / name, pa.concat_tables([numbers(1, partition=p) for p in "ab"]))
    load(file, lake, kept=0, t=0, u=0)
    for name in ("kept", "t", "u"):
        replace_partition(lake / name, "a", numbers(2, partition="a"))
    load(file, lake, kept=1, t=1)
    old = content(file, lake, "kept", "t", "u")
    if state == "one file":
        hidden.unlink()

    tables = [(f"gold/{name}", str(lake / name), 1) for name in ("t", "u")]
    replace_partition(lake / "t", "b", numbers(3, 4, partition="b"))
    tables[0] = ("gold/t", str(lake / "t"), 2)
    with load_in_child(file, tables, moment) as child:
        assert child.stdout.readline() == "paused\n", child.stderr.read()
        child.kill()
    new = {"kept": old["kept"], "t": [(2, "a"), (3, "b"), (4, "b")], "u": [(1, "b"), (2, "a")]}
    assert content(file, lake, "kept", "t", "u") in (old, new)

    load(file, lake, u=1, t=2)
    assert content(file, lake, "kept", "t", "u") == new
    replace_partition(lake / "u", "b", numbers(9, partition="b"))
    load(file, lake, u=2)
    assert content(file, lake, "kept", "t", "u") == new | {"u": [(2, "a"), (9, "b")]}
    assert leftovers(file) == []


@pytest.mark.long
def test_files_stay_small_over_200_updates(lake, file, hidden):
    write_deltalake(str(lake / "mart"), numbers(*range(20_000)))
    load(file, lake, t=[texts(lake, "t", name, 5_000) for name in "abcd"][-1], mart=0)
    first = file.stat().st_size
    largest = 0
    for number in range(200):
        write_deltalake(str(lake / "mart"), numbers(*range(number, 20_000)), mode="overwrite")
        version = texts(lake, "t", "abcd"[number % 4], 4_000 + number)
        load(file, lake, t=version, mart=number + 1)
        largest = max(largest, file.stat().st_size, hidden.stat().st_size)
    assert largest < 3 * first
    assert rows(file, "SELECT count(*), count(DISTINCT text) FROM gold.t") == [(16_790, 16_790)]
    assert rows(file, "SELECT count(*) FROM gold.mart") == [(19_801,)]
