"""Time travel: earlier versions stay readable for the promised days, and no longer."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from amazon_reviews.resources.lakehouse.checksums import FOLDER, recorded_checksums
from amazon_reviews.resources.lakehouse.log import log_at, read_log
from amazon_reviews.resources.lakehouse.maintenance import maintain
from amazon_reviews.resources.lakehouse.object_store import filesystem
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, LOG_DAYS, Lakehouse
from amazon_reviews.resources.lakehouse.verification import damaged_files
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE

KEY = "gold/brands"
MART = TABLES[KEY]
DAYS = 7


@pytest.fixture
def lakehouse(tmp_path):
    return Lakehouse(str(tmp_path), DAYS)


def write(lakehouse, number):
    """Replace all rows by one that names its version."""
    values = dict.fromkeys(MART.names) | {MART.names[0]: f"brand {number}"}
    rows = pa.Table.from_pylist([values], MART.arrow_schema)
    lakehouse.write(rows, KEY, replacing=ALL_ROWS, built={WHOLE: {"gold/products": number}})


def names(lakehouse, version=None):
    """Return the names in a version, read by DuckDB from its files."""
    files = DeltaTable(lakehouse.uri(KEY), version=version).file_uris()
    return [
        name
        for (name,) in duckdb.sql(f"SELECT {MART.names[0]} FROM read_parquet({files})").fetchall()
    ]


def log_of(lakehouse):
    return Path(lakehouse.uri(KEY)) / "_delta_log"


def age(lakehouse, version, days):
    """Let a commit, and what it did, be as old as this."""
    moment = time.time() - days * 86_400
    path = log_of(lakehouse) / f"{version:020d}.json"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        for action, name in (("commitInfo", "timestamp"), ("remove", "deletionTimestamp")):
            if action in line:
                line[action][name] = int(moment * 1000)
        if "add" in line:
            os.utime(Path(lakehouse.uri(KEY)) / line["add"]["path"], (moment, moment))
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    os.utime(path, (moment, moment))
    lakehouse.record_checksums(KEY, version)


def readable(lakehouse, versions):
    """Return the versions of which all files are there."""
    found = []
    for version in versions:
        uris = DeltaTable(lakehouse.uri(KEY), version=version).file_uris()
        if all(Path(uri.removeprefix("file://")).exists() for uri in uris):
            found.append(version)
    return found


def test_each_version_of_the_last_days_is_readable_and_older_ones_are_removed(lakehouse):
    for number in range(1, 6):
        write(lakehouse, number)
    # Version 2 was the newest one until eight days ago, version 3 until six days ago.
    for version, days in ((0, 40), (1, 20), (2, 9), (3, 8), (4, 6), (5, 1)):
        age(lakehouse, version, days)

    ((_, done),) = maintain(lakehouse)

    assert done.removed == 2
    assert readable(lakehouse, range(1, 6)) == [3, 4, 5]
    assert [names(lakehouse, version) for version in (3, 4, 5)] == [
        ["brand 3"],
        ["brand 4"],
        ["brand 5"],
    ]


def test_the_setting_says_how_long(lakehouse):
    for number in range(1, 4):
        write(lakehouse, number)
    for version, days in ((0, 90), (1, 80), (2, 70), (3, 50)):
        age(lakehouse, version, days)

    list(maintain(replace(lakehouse, time_travel_days=60)))
    assert readable(lakehouse, range(1, 4)) == [2, 3]

    list(maintain(replace(lakehouse, time_travel_days=40)))
    assert readable(lakehouse, range(1, 4)) == [3]
    properties = lakehouse.delta(KEY).metadata().configuration
    assert properties["delta.deletedFileRetentionDuration"] == "interval 40 days"


def test_a_checkpoint_does_not_forget_files_that_versions_need(lakehouse):
    """A vacuum deletes old files that the log does not name."""
    long = replace(lakehouse, time_travel_days=30)
    for number in range(1, 3):
        write(long, number)
    for version, days in ((0, 40), (1, 40), (2, 20)):
        age(long, version, days)
    DeltaTable(long.uri(KEY)).create_checkpoint()

    list(maintain(long))

    assert names(long, 1) == ["brand 1"]


def test_log_entries_go_only_when_no_version_of_the_last_days_needs_them(lakehouse):
    """A version that was the newest one until yesterday may be a year old."""
    for number in range(1, 6):
        write(lakehouse, number)
        if number in (2, 4):
            DeltaTable(lakehouse.uri(KEY)).create_checkpoint()
    for version, days in ((0, 400), (1, 390), (2, 380), (3, 370), (4, 1), (5, 0.5)):
        age(lakehouse, version, days)
    DeltaTable(lakehouse.uri(KEY)).create_checkpoint()

    list(maintain(lakehouse))

    left = sorted(path.name for path in log_of(lakehouse).glob("*[0-9].json"))
    assert left[0] == f"{2:020d}.json"
    assert [names(lakehouse, version) for version in (3, 4, 5)] == [
        ["brand 3"],
        ["brand 4"],
        ["brand 5"],
    ]
    assert list(damaged_files(lakehouse, KEY, lambda done, size: None)) == []
    log = Lakehouse(lakehouse.location).log(KEY)
    assert log.version == lakehouse.delta(KEY).version()


def test_a_commit_removes_no_log_entry(lakehouse):
    """Engines remove all that are old enough when they write a checkpoint."""
    lakehouse.ensure(KEY)
    lakehouse.delta(KEY).alter.set_table_properties({"delta.checkpointInterval": "5"})
    old = time.time() - 2 * LOG_DAYS * 86_400
    for number in range(2, 12):
        for path in log_of(lakehouse).iterdir():
            os.utime(path, (old, old))
        write(lakehouse, number)

    assert list(log_of(lakehouse).glob("*.checkpoint.parquet"))
    assert names(lakehouse, 7) == ["brand 7"]
    assert len(list(log_of(lakehouse).glob("*[0-9].json"))) == 12


def test_a_log_with_a_checkpoint_is_read_as_without(lakehouse):
    for number in range(1, 4):
        write(lakehouse, number)
    files = filesystem(lakehouse.location)
    before = read_log(files, KEY)
    DeltaTable(lakehouse.uri(KEY)).create_checkpoint()

    after = read_log(files, KEY)

    assert (after.records, after.columns) == (before.records, before.columns)
    assert after.columns == {*MART.names}
    assert log_at(files, KEY, 2).records.versions != after.records.versions


def test_checksums_stay_as_long_as_the_files(lakehouse):
    for number in range(1, 4):
        write(lakehouse, number)
    for version, days in ((0, 40), (1, 40), (2, 35), (3, 3)):
        age(lakehouse, version, days)
    DeltaTable(lakehouse.uri(KEY)).create_checkpoint()
    write(lakehouse, 4)
    # Its checkpoint lets the log lose its beginning, where the file of version 2 was added.
    for version in (0, 1, 2):
        (log_of(lakehouse) / f"{version:020d}.json").unlink()

    list(maintain(lakehouse))

    sums, damaged = recorded_checksums(filesystem(lakehouse.location), KEY)
    folder = Path(lakehouse.uri(KEY))
    present = {str(path.relative_to(folder)) for path in folder.glob("*.parquet")}
    assert (len(present), damaged) == (3, [])
    assert present <= sums.keys()
    assert {name for name in sums if name.endswith(".parquet") and "/" not in name} == present
    assert sorted(path.name for path in (folder / FOLDER).iterdir())[0] == f"{2:020d}"


def test_old_tables_get_the_properties(lakehouse):
    write(lakehouse, 1)
    table = DeltaTable(lakehouse.uri(KEY))
    table.alter.set_table_properties({"delta.enableExpiredLogCleanup": "true"})

    list(maintain(lakehouse))
    version = lakehouse.version(KEY)
    list(maintain(lakehouse))

    assert lakehouse.delta(KEY).metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
    assert lakehouse.version(KEY) == version
