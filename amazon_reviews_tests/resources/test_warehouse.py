import json
import logging
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from amazon_reviews.errors import DamagedWarehouseError, SettingsError, WarehouseError
from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.resources.warehouse.duckdb.warehouse import DuckDBWarehouse
from amazon_reviews_tests.resources.deltas import (
    PARTITIONS,
    delta,
    edit_stats,
    numbers,
    replace_partition,
    typed_rows,
)
from amazon_reviews_tests.rights import WITHOUT_RIGHTS

ROOT = Path(__file__).parents[2]


def rows(file, sql):
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def leftovers(file):
    return [p.name for p in file.parent.iterdir() if p.name.endswith(".tmp")]


@pytest.fixture
def warehouse(file):
    return DuckDBWarehouse(file)


@pytest.fixture
def loaded(lake, warehouse):
    """gold/kept at version 0 with the numbers 1, 2, 3 in the warehouse."""
    delta(lake / "kept", numbers(1, 2, 3))
    warehouse.load([TableVersion("gold/kept", str(lake / "kept"), 0, "The numbers.")])
    return warehouse


def test_load_keeps_types_and_values_of_delta(lake, file, warehouse):
    table = typed_rows(6)
    version = delta(lake, table)

    (load,) = warehouse.load([TableVersion("gold/reviews", str(lake), version)])

    assert (load.rows, load.skipped) == (6, False)
    assert load.bytes == sum(p.stat().st_size for p in lake.rglob("*.parquet"))
    described = rows(file, "SELECT column_name, column_type FROM (DESCRIBE gold.reviews)")
    assert described == [
        ("partition", "VARCHAR"),
        ("price", "DECIMAL(12,2)"),
        ("reviewed_on", "DATE"),
        ("style", "MAP(VARCHAR, VARCHAR)"),
        ("categories", "VARCHAR[]"),
        ("read_at", "TIMESTAMP WITH TIME ZONE"),
        ("local_time", "TIMESTAMP"),
        ("verified", "BOOLEAN"),
        ("vote", "INTEGER"),
        ("text", "VARCHAR"),
    ]
    arrived = warehouse.query("FROM gold.reviews").to_pylist()
    assert sorted(arrived, key=str) == sorted(table.to_pylist(), key=str)


def test_column_added_later_is_null_in_older_rows(lake, file, warehouse):
    delta(lake, numbers(1))
    wider = numbers(2).append_column("style", pa.array(["new"]))
    version = delta(lake, wider, schema_mode="merge")

    warehouse.load([TableVersion("gold/t", str(lake), version)])

    assert rows(file, "SELECT number, style FROM gold.t ORDER BY 1") == [(1, None), (2, "new")]


def test_table_without_rows_is_loaded_with_its_columns(lake, file, warehouse):
    delta(lake, numbers())

    (load,) = warehouse.load([TableVersion("gold/t", str(lake), 0)])

    assert (load.rows, load.skipped) == (0, False)
    assert rows(file, "SELECT column_type FROM (DESCRIBE gold.t)") == [("BIGINT",), ("VARCHAR",)]


def test_descriptions_become_comments(lake, file, warehouse):
    delta(lake, numbers(1))
    columns = {"number": "Someone's number.", "absent": "Not in the table."}

    warehouse.load([TableVersion("gold/t", str(lake), 0, "One row per 'thing'.", columns)])

    assert rows(file, "SELECT comment FROM duckdb_tables() WHERE table_name = 't'") == [
        ("One row per 'thing'.",)
    ]
    description = warehouse.describe("gold/t")
    assert (description.version, description.rows) == (0, 1)
    assert description.description == "One row per 'thing'."
    assert [(c.name, c.type, c.description) for c in description.columns] == [
        ("number", "BIGINT", "Someone's number."),
        ("partition", "VARCHAR", ""),
    ]
    with pytest.raises(WarehouseError, match="gold/absent is not in the warehouse"):
        warehouse.describe("gold/absent")


def test_rows_are_stored_in_the_order_of_sort_by(lake, file, warehouse):
    mixed = Random(3).sample(range(1_000), 1_000)
    delta(lake, numbers(*mixed))

    warehouse.load([TableVersion("gold/t", str(lake), 0, sort_by="number")])

    assert rows(file, "SELECT number FROM gold.t ORDER BY rowid") == [(n,) for n in range(1_000)]


def test_load_brings_exactly_the_requested_version(lake, file, warehouse):
    delta(lake, numbers(1))
    delta(lake, numbers(2))

    for version, expected in ((1, [(1,), (2,)]), (0, [(1,)])):
        warehouse.load([TableVersion("gold/t", str(lake), version)])
        assert warehouse.versions() == {"gold/t": version}
        assert rows(file, "SELECT number FROM gold.t ORDER BY 1") == expected


def test_loaded_version_is_skipped_and_leaves_the_file_untouched(lake, file, loaded):
    before = (file.stat().st_ino, file.stat().st_mtime_ns)

    (load,) = loaded.load([TableVersion("gold/kept", str(lake / "kept"), 0)])

    assert (load.skipped, load.rows, load.bytes) == (True, 3, 0)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == before


def test_versions_of_equal_content_are_loaded_once(lake, file, loaded):
    uri = str(lake / "kept")
    loaded.load([TableVersion("gold/kept", uri, 0, content=5)])
    before = file.stat().st_ino
    delta(lake / "kept", numbers())

    (same,) = loaded.load([TableVersion("gold/kept", uri, 1, content=5)])

    assert (same.skipped, same.version) == (True, 0)
    assert file.stat().st_ino == before
    assert loaded.versions() == {"gold/kept": 0}
    (other,) = loaded.load([TableVersion("gold/kept", uri, 1, content=6)])
    assert (other.skipped, other.version) == (False, 1)
    assert loaded.contents() == {"gold/kept": 6}


def test_versions_without_content_version_are_told_apart_by_delta_version(lake, loaded):
    delta(lake / "kept", numbers(4))

    (load,) = loaded.load([TableVersion("gold/kept", str(lake / "kept"), 1)])

    assert (load.skipped, load.rows) == (False, 4)
    assert loaded.contents() == {"gold/kept": 0}


def test_missing_content_version_is_recorded_without_reading_rows(lake, loaded):
    version = 2**62 + 1
    table = TableVersion("gold/kept", str(lake / "kept"), 0, content=version)

    (load,) = loaded.load([table])

    assert (load.rows, load.bytes) == (3, 0)
    assert loaded.contents() == {"gold/kept": version}
    assert loaded.load([table])[0].skipped
    (unknown,) = loaded.load([TableVersion("gold/kept", str(lake / "kept"), 0)])
    assert unknown.skipped
    assert loaded.contents() == {"gold/kept": version}


def test_file_of_an_earlier_release_has_no_content_versions_until_the_next_load(lake, file, loaded):
    with duckdb.connect(str(file)) as connection:
        connection.execute("ALTER TABLE main._loads DROP COLUMN content")
    delta(lake / "new", numbers(7))

    assert loaded.versions() == {"gold/kept": 0}
    assert loaded.contents() == {"gold/kept": 0}
    assert loaded.load([TableVersion("gold/kept", str(lake / "kept"), 0)])[0].skipped
    loaded.load([TableVersion("gold/new", str(lake / "new"), 0, content=5)])
    assert loaded.contents() == {"gold/kept": 0, "gold/new": 5}


@pytest.mark.parametrize("content", [0, 5])
def test_recreated_delta_table_is_loaded_at_an_equal_version(lake, file, loaded, content):
    table = TableVersion("gold/kept", str(lake / "kept"), 0, content=content)
    loaded.load([table])
    shutil.rmtree(lake / "kept")
    delta(lake / "kept", numbers(9))

    (load,) = loaded.load([table])

    assert not load.skipped
    assert rows(file, "SELECT number FROM gold.kept") == [(9,)]


def test_equal_file_names_in_another_delta_table_count_as_changed(lake, file, warehouse):
    delta(lake, pa.concat_tables([numbers(1, partition="a"), numbers(2, partition="b")]))
    warehouse.load([TableVersion("gold/t", str(lake), 0)])
    name = next(lake.glob("partition=a/*")).name
    shutil.rmtree(lake)
    delta(lake, pa.concat_tables([numbers(10, partition="a"), numbers(20, partition="b")]))
    written = next(lake.glob("partition=a/*"))
    commit = next(lake.glob("_delta_log/*.json"))
    commit.write_text(commit.read_text().replace(written.name, name))
    written.rename(written.with_name(name))

    warehouse.load([TableVersion("gold/t", str(lake), 0)])

    assert rows(file, "SELECT number FROM gold.t ORDER BY 1") == [(10,), (20,)]


@pytest.mark.parametrize("kept_version", [0, 1])
def test_tables_outside_a_load_stay(lake, file, loaded, kept_version):
    delta(lake / "new", numbers(7))
    tables = [TableVersion("silver/new", str(lake / "new"), 0)]
    if kept_version:
        delta(lake / "kept", numbers(4))
        tables.append(TableVersion("gold/kept", str(lake / "kept"), 1))

    loads = loaded.load(tables)

    assert [load.name for load in loads] == [table.name for table in tables]
    assert loaded.versions() == {"gold/kept": kept_version, "silver/new": 0}
    assert rows(file, "SELECT count(*) FROM gold.kept") == [(3 + kept_version,)]
    assert rows(file, "SELECT number FROM silver.new") == [(7,)]


def full_content(lake, version, folder):
    other = DuckDBWarehouse(folder / f"full_{version}.duckdb")
    other.load([TableVersion("gold/t", str(lake), version)])
    return Counter(map(str, other.query("FROM gold.t").to_pylist()))


def test_load_of_changed_partitions_equals_a_full_load(lake, tmp_path, warehouse):
    for partition in PARTITIONS:
        delta(lake, numbers(1, 2, partition=partition))
    size = sum(DeltaTable(str(lake)).get_add_actions()["size_bytes"].to_pylist())
    warehouse.load([TableVersion("gold/t", str(lake), DeltaTable(str(lake)).version())])

    def change(*, whole=False):
        version = DeltaTable(str(lake)).version()
        (load,) = warehouse.load([TableVersion("gold/t", str(lake), version)])
        content = Counter(map(str, warehouse.query("FROM gold.t").to_pylist()))
        assert content == full_content(lake, version, tmp_path)
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
    write_deltalake(
        str(lake), numbers(9, partition="50%"), mode="overwrite", schema_mode="overwrite"
    )
    change()


def test_partitions_by_two_columns_are_replaced_one_by_one(lake, file, warehouse):
    columns = {
        "year": pa.array([2017, 2017, 2018], pa.int32()),
        "day": [date(2017, 1, 1), date(2017, 1, 2), date(2017, 1, 1)],
        "number": [1, 2, 3],
    }
    write_deltalake(str(lake), pa.table(columns), partition_by=["year", "day"])
    (first,) = warehouse.load([TableVersion("gold/t", str(lake), 0)])
    DeltaTable(str(lake)).update(predicate="number = 2", updates={"number": "20"})

    (second,) = warehouse.load([TableVersion("gold/t", str(lake), 1)])

    assert rows(file, "SELECT number FROM gold.t ORDER BY 1") == [(1,), (3,), (20,)]
    assert second.bytes < first.bytes / 2


def test_table_with_deletion_vectors_is_loaded_completely(lake, file, warehouse):
    delta(
        lake,
        pa.concat_tables([numbers(1, partition="a"), numbers(2, partition="b")]),
        configuration={"delta.enableDeletionVectors": "true"},
    )
    (first,) = warehouse.load([TableVersion("gold/t", str(lake), 0)])
    delta(lake, numbers(3, partition="b"))

    (second,) = warehouse.load([TableVersion("gold/t", str(lake), 1)])

    assert second.bytes > first.bytes
    assert rows(file, "SELECT number FROM gold.t ORDER BY 1") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("replacements", "largest"),
    [(["abc", "ab"], 2.1), (["abcd"], 2.1), ([""], 0.7)],
    ids=["deleted rows", "whole table", "free blocks"],
)
def test_unused_space_of_the_file_is_freed(lake, file, loaded, replacements, largest):
    random = Random(7)

    def part(name, count):
        texts = [random.randbytes(150).hex() for _ in range(count)]
        return pa.table({"text": texts, "partition": [name] * count})

    def load(names, others):
        """Replace the partitions of `names` by 8,000 rows each, and those of `others` by 10."""
        tables = [part(name, 8_000) for name in names] + [part(o, 10) for o in others]
        predicate = " OR ".join(f"partition = '{name}'" for name in [*names, *others])
        mode = {"mode": "overwrite", "predicate": predicate} if (lake / "t").exists() else {}
        version = delta(lake / "t", pa.concat_tables(tables), **mode)
        return loaded.load([TableVersion("gold/t", str(lake / "t"), version)])[0].rows

    load("abcd", "")
    delta(lake / "last", numbers(1))
    loaded.load([TableVersion("gold/last", str(lake / "last"), 0)])
    first = file.stat().st_size
    rows_left = [load(names, "" if names else "abcd") for names in replacements][-1]

    assert file.stat().st_size < largest * first
    counts = "SELECT count(*), count(DISTINCT text) FROM gold.t"
    assert rows(file, counts) == [(rows_left, rows_left)]
    assert rows(file, "SELECT sum(number) FROM gold.kept") == [(6,)]
    assert loaded.describe("gold/kept").description == "The numbers."


def test_reader_sees_the_old_state_until_a_load_ends(lake, file, loaded):
    open_before = duckdb.connect(str(file), read_only=True)
    assert loaded.query("SELECT sum(number) AS n FROM gold.kept").to_pylist() == [{"n": 6}]
    delta(lake / "kept", numbers(4))

    DuckDBWarehouse(file).load([TableVersion("gold/kept", str(lake / "kept"), 1)])

    assert loaded.query("SELECT sum(number) AS n FROM gold.kept").to_pylist() == [{"n": 10}]
    assert open_before.execute("SELECT sum(number) FROM gold.kept").fetchall() == [(6,)]
    open_before.close()


def test_threads_never_see_tables_of_two_loads(lake, file):
    for version in range(6):
        for name in ("left", "right"):
            delta(lake / name, numbers(*range(version + 1)), mode="overwrite")

    def load(version):
        tables = [TableVersion(f"gold/{n}", str(lake / n), version) for n in ("left", "right")]
        DuckDBWarehouse(file).load(tables)

    load(0)
    reader = DuckDBWarehouse(file)
    counts = "SELECT (SELECT count(*) FROM gold.left) AS a, (SELECT count(*) FROM gold.right) AS b"

    def read_until_last(_):
        seen = [(1, 1)]
        while seen[-1] != (6, 6):
            (row,) = reader.query(counts).to_pylist()
            seen.append((row["a"], row["b"]))
        return seen

    with ThreadPoolExecutor(3) as threads:
        results = [threads.submit(read_until_last, n) for n in range(3)]
        for version in range(1, 6):
            load(version)
    for seen in (result.result() for result in results):
        assert seen == sorted(seen)
        assert all(a == b for a, b in seen)


def test_query_takes_parameters_and_cannot_write(tmp_path, loaded):
    result = loaded.query("SELECT number FROM gold.kept WHERE number > ? ORDER BY 1", [1])
    assert result == pa.table({"number": [2, 3]})
    assert loaded.relation("gold/kept") == '"gold"."kept"'
    target = tmp_path / "stolen.csv"
    for statement in ("DELETE FROM gold.kept", f"COPY gold.kept TO '{target}'", "SELECT nonsense"):
        with pytest.raises(WarehouseError):
            loaded.query(statement)
    assert not target.exists()


def test_query_before_any_load_explains_what_to_do(warehouse):
    assert warehouse.versions() == {}
    with pytest.raises(WarehouseError, match=r"does not exist yet.*AMAZON_REVIEWS_WAREHOUSE"):
        warehouse.query("SELECT 1")


def test_row_count_that_differs_from_the_log_fails_the_load(lake, file, loaded):
    delta(lake / "t", numbers(1, 2))
    edit_stats(lake / "t", 0, lambda stats: json.dumps(stats | {"numRecords": 5}))

    with pytest.raises(WarehouseError, match=r"gold/t: 2 rows arrived .* version 0 has 5"):
        loaded.load([TableVersion("gold/t", str(lake / "t"), 0)])

    assert rows(file, "SELECT name FROM main._loads") == [("gold/kept",)]
    assert leftovers(file) == []


def test_rows_are_counted_by_a_scan_without_statistics(lake, warehouse):
    delta(lake, numbers(1, 2))
    edit_stats(lake, 0, lambda stats: None)

    assert warehouse.load([TableVersion("gold/t", str(lake), 0)])[0].rows == 2


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [truncate, Path.unlink])
def test_damaged_data_file_leaves_the_warehouse_unchanged(lake, file, loaded, damage):
    delta(lake / "good", numbers(1))
    delta(lake / "bad", numbers(*range(1000)))
    damage(next((lake / "bad").rglob("*.parquet")))
    tables = [TableVersion(f"gold/{name}", str(lake / name), 0) for name in ("good", "bad")]

    with pytest.raises(WarehouseError, match="gold/bad at Delta version 0 could not be loaded"):
        loaded.load(tables)

    assert loaded.versions() == {"gold/kept": 0}
    assert rows(file, "SELECT sum(number) FROM gold.kept") == [(6,)]
    assert leftovers(file) == []


def garbage(file, start, length=64):
    with open(file, "r+b") as handle:
        handle.seek(start)
        handle.write(Random(7).randbytes(length))


DAMAGES = {
    "empty": lambda file: os.truncate(file, 0),
    "4 kB": lambda file: os.truncate(file, 4_096),
    "100 kB": lambda file: os.truncate(file, 100_000),
    "random bytes": lambda file: file.write_bytes(Random(7).randbytes(50_000)),
    "garbage in the header": lambda file: garbage(file, 100),
    "garbage in the records": lambda file: garbage(file, file.stat().st_size - 262_144 + 100),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_is_kept_beside_the_new_one_of_the_next_load(
    lake, file, loaded, damage, caplog
):
    file.chmod(0o640)
    damage(file)
    content = file.read_bytes()
    aside = file.with_name("warehouse.duckdb.damaged")
    aside.write_text("older")
    reads = [loaded.versions, loaded.contents, lambda: loaded.describe("gold/kept")]
    for read in reads:
        with pytest.raises(DamagedWarehouseError, match=rf"{file} is damaged.*amazon-reviews run"):
            read()
    assert file.read_bytes() == content

    with caplog.at_level(logging.WARNING):
        (load,) = loaded.load([TableVersion("gold/kept", str(lake / "kept"), 0, content=5)])

    assert (load.skipped, load.rows) == (False, 3)
    assert aside.read_bytes() == content
    assert f"{file} was damaged, and is now {aside}" in caplog.text
    assert loaded.contents() == {"gold/kept": 5}
    assert rows(file, "SELECT sum(number) FROM gold.kept") == [(6,)]
    assert file.stat().st_mode & 0o777 == 0o640
    assert leftovers(file) == []


def test_file_that_was_never_a_warehouse_is_refused_and_stays(lake, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("This is no warehouse, but somebody needs it.\n" * 100)
    before = file.read_bytes()

    for _ in range(2):
        with pytest.raises(WarehouseError, match=r"notes\.txt is not a DuckDB file.*stays"):
            DuckDBWarehouse(file).load([TableVersion("gold/t", str(lake / "t"), 0)])

    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*notes*")] == ["notes.txt"]


def test_failed_load_of_a_damaged_file_leaves_it(lake, file, loaded):
    os.truncate(file, 4_096)
    content = file.read_bytes()
    next((lake / "kept").rglob("*.parquet")).unlink()

    with pytest.raises(WarehouseError, match="gold/kept at Delta version 0 could not be loaded"):
        loaded.load([TableVersion("gold/kept", str(lake / "kept"), 0)])

    assert file.read_bytes() == content
    assert not file.with_name("warehouse.duckdb.damaged").exists()


@pytest.fixture
def damaged_rows(lake, file, loaded):
    """gold/t with two partitions, whose rows are damaged in the warehouse but not its records."""
    random = Random(7)
    texts = [random.randbytes(100).hex() for _ in range(20_000)]
    table = pa.table({"text": texts, "partition": ["a"] * 10_000 + ["b"] * 10_000})
    delta(lake / "t", table)
    loaded.load([TableVersion("gold/t", str(lake / "t"), 0)])
    blocks = "SELECT DISTINCT block_id FROM pragma_storage_info('gold.t') WHERE block_id >= 0"
    for (block,) in rows(file, blocks):
        garbage(file, 3 * 4_096 + block * 262_144 + 100)
    assert set(loaded.versions()) == {"gold/kept", "gold/t"}
    return loaded


def test_damage_of_a_table_is_told_by_queries_that_read_it(damaged_rows):
    for _ in range(2):
        with pytest.raises(DamagedWarehouseError, match=r"is damaged.*amazon-reviews run"):
            damaged_rows.query("SELECT max(text) FROM gold.t")
    assert damaged_rows.query("SELECT sum(number) AS n FROM gold.kept").to_pylist() == [{"n": 6}]


def test_damage_met_by_a_load_is_replaced_by_the_tables_of_the_load(lake, file, damaged_rows):
    file.with_name(".warehouse.duckdb.previous").unlink()
    replacement = pa.table({"text": ["x", "y"], "partition": ["b", "b"]})
    replace_partition(lake / "t", "b", replacement)

    (load,) = damaged_rows.load([TableVersion("gold/t", str(lake / "t"), 1)])

    assert (load.skipped, load.rows) == (False, 10_002)
    assert damaged_rows.versions() == {"gold/t": 1}
    assert damaged_rows.query("SELECT max(text) AS m FROM gold.t").to_pylist() == [{"m": "y"}]
    assert file.with_name("warehouse.duckdb.damaged").exists()


def test_error_of_a_query_that_quotes_damage_is_not_damage(loaded):
    with pytest.raises(WarehouseError) as error:
        loaded.query("SELECT error('Corrupt database file: x') FROM gold.kept")
    assert not isinstance(error.value, DamagedWarehouseError)


def refused(file, lake, match):
    """Check that reading and loading are refused as `match` says, and leave the file."""
    content, stat = file.read_bytes(), file.stat()
    warehouse = DuckDBWarehouse(file)
    load = [TableVersion("gold/kept", str(lake / "kept"), 0)]
    for call in (warehouse.versions, warehouse.contents, lambda: warehouse.load(load)):
        with pytest.raises(WarehouseError, match=match) as error:
            call()
        assert not isinstance(error.value, DamagedWarehouseError)
    assert (file.read_bytes(), file.stat().st_ino) == (content, stat.st_ino)
    assert not file.with_name(f"{file.name}.damaged").exists()


@pytest.mark.parametrize("statement", ["SELECT 1", "CREATE TABLE _loads (name VARCHAR)"])
def test_database_of_another_program_is_refused(lake, tmp_path, statement):
    delta(lake / "kept", numbers(1))
    theirs = tmp_path / "theirs.duckdb"
    with duckdb.connect(str(theirs)) as connection:
        connection.execute(statement)

    refused(
        theirs, lake, r"theirs\.duckdb is a DuckDB database, but not .* AMAZON_REVIEWS_WAREHOUSE"
    )


def test_file_that_another_program_writes_is_refused(lake, file, loaded):
    writer = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout.readline() == "open\n"
        refused(file, lake, "is open in a program that writes to it; end that program")
        child.communicate("go\n")


@pytest.mark.skipif(not WITHOUT_RIGHTS, reason="root, and no setpriv to give up its rights")
@pytest.mark.parametrize("locked", ["file", "folder"])
def test_file_that_may_not_be_read_is_refused(tmp_path, locked):
    file = tmp_path / "data" / "warehouse.duckdb"
    file.parent.mkdir()
    duckdb.connect(str(file)).close()
    (file if locked == "file" else file.parent).chmod(0)
    child = (
        "import sys; from amazon_reviews.resources.warehouse.connect import open_warehouse\n"
        "try: open_warehouse(sys.argv[1]).contents()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [*WITHOUT_RIGHTS, sys.executable, "-c", child, f"duckdb:///{file}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    (file if locked == "file" else file.parent).chmod(0o700)
    assert done.stdout.startswith(f"WarehouseError {file} may not be read by this account; ")


def test_missing_version_or_table_is_named(lake, loaded):
    for uri, version in ((lake / "kept", 7), (lake / "nothing", 0)):
        with pytest.raises(WarehouseError, match=f"gold/t at Delta version {version}"):
            loaded.load([TableVersion("gold/t", str(uri), version)])


CHILD = """
import json, os, resource, sys
from deltalake import DeltaTable
import fcntl
from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.resources.deltas import (
    PARTITIONS,
    delta,
    edit_stats,
    numbers,
    replace_partition,
    typed_rows,
)

def pause():
    print("paused", flush=True)
    sys.stdin.readline()

def before(module, name, call):
    real = getattr(module, name)
    calls = []
    def patched(*args, **kwargs):
        calls.append(name)
        if len(calls) == call:
            pause()
        return real(*args, **kwargs)
    setattr(module, name, patched)

{setup}
try:
    open_warehouse(sys.argv[1]).load([TableVersion(*table) for table in json.loads(sys.argv[2])])
except WarehouseError as error:
    sys.exit(str(error))
"""
AT_THE_SWAP = "before(os, 'replace', 1)"
AT_THE_SECOND_TABLE = "before(DeltaTable, 'scan', 2)"
REPORTS_THE_LOCK = """
flock = fcntl.flock
refusals = []
def reporting(handle, operation):
    try:
        flock(handle, operation)
    except BlockingIOError:
        if not refusals:
            print("waits", flush=True)
        refusals.append(operation)
        raise
fcntl.flock = reporting
"""


def load_in_child(file, tables, setup):
    """Start a load in another process, which prints `paused` and waits where `setup` pauses it."""
    command = [sys.executable, "-c", CHILD.format(setup=setup), f"duckdb:///{file}"]
    return subprocess.Popen(
        [*command, json.dumps(tables)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("moment", [AT_THE_SECOND_TABLE, AT_THE_SWAP])
def test_killed_load_leaves_the_old_file_and_the_next_load_cleans_up(lake, file, loaded, moment):
    delta(lake / "kept", numbers(4))
    delta(lake / "t", numbers(5))
    tables = [("gold/kept", str(lake / "kept"), 1), ("gold/t", str(lake / "t"), 0)]

    with load_in_child(file, tables, moment) as child:
        assert child.stdout.readline() == "paused\n"
        child.kill()
    assert leftovers(file)
    assert rows(file, "SELECT sum(number) FROM gold.kept") == [(6,)]

    loaded.load([TableVersion(*table) for table in tables])
    assert loaded.versions() == {"gold/kept": 1, "gold/t": 0}
    assert leftovers(file) == []


def test_second_of_two_concurrent_loads_builds_on_the_first(lake, file):
    delta(lake / "a", numbers(1))
    delta(lake / "b", numbers(2))

    with load_in_child(file, [("gold/a", str(lake / "a"), 0)], AT_THE_SWAP) as first:
        assert first.stdout.readline() == "paused\n"
        with load_in_child(file, [("gold/b", str(lake / "b"), 0)], REPORTS_THE_LOCK) as second:
            assert second.stdout.readline() == "waits\n"
            first.communicate("go\n")
            assert (second.communicate()[1], second.returncode, first.returncode) == ("", 0, 0)

    assert rows(file, "SELECT name FROM main._loads ORDER BY 1") == [("gold/a",), ("gold/b",)]
    assert leftovers(file) == []


def test_full_disk_leaves_the_warehouse_unchanged(lake, file, loaded):
    random = Random(7)
    texts = pa.table({"text": [random.randbytes(500).hex() for _ in range(5_000)]})
    write_deltalake(str(lake / "t"), texts)
    full = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({2**20 + 2**19},) * 2)"

    with load_in_child(file, [("gold/t", str(lake / "t"), 0)], full) as child:
        error = child.communicate()[1]

    assert child.returncode == 1
    assert "could not be loaded" in error
    assert "File too large" in error
    assert loaded.versions() == {"gold/kept": 0}
    assert leftovers(file) == []


def test_load_keeps_the_mode_of_the_file(lake, file, loaded):
    file.chmod(0o640)
    delta(lake / "t", numbers(1))

    loaded.load([TableVersion("gold/t", str(lake / "t"), 0)])

    assert file.stat().st_mode & 0o777 == 0o640


def test_duckdb_urls_are_relative_or_absolute(tmp_path, monkeypatch, lake):
    delta(lake, numbers(1))
    monkeypatch.chdir(tmp_path)
    table = TableVersion("gold/t", str(lake), 0)
    for url in ("duckdb:///data/relative.duckdb", f"duckdb:///{tmp_path}/absolute.duckdb"):
        open_warehouse(url).load([table])
    assert (tmp_path / "data" / "relative.duckdb").exists()
    assert (tmp_path / "absolute.duckdb").exists()


@pytest.mark.parametrize("url", ["", "duckdb://", "duckdb:///", "x.duckdb", "mysql://u:secret@h/d"])
def test_unknown_urls_are_rejected_without_their_password(url):
    with pytest.raises(
        SettingsError, match=r"AMAZON_REVIEWS_WAREHOUSE.*duckdb:///relative"
    ) as error:
        open_warehouse(url)
    assert "secret" not in str(error.value)


def test_table_names_need_a_layer_and_occur_once_in_a_load(warehouse):
    for name in ("reviews", "gold/reviews/x", "gold/Reviews", 'gold/a"b'):
        with pytest.raises(ValueError, match="layer/name"):
            TableVersion(name, "uri", 0)
    table = TableVersion("gold/t", "uri", 0, storage_options={"sas_token": "secret"})
    assert "secret" not in repr(table)
    with pytest.raises(ValueError, match="twice"):
        warehouse.load([table, table])
