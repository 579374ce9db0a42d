"""Maintenance: fewer files, the same rows, and every recent version readable."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from amazon_reviews.resources.lakehouse.maintenance import Maintained, maintain
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS, BRONZE_REVIEWS
from amazon_reviews_tests.helpers import content

EVENTS = "bronze/review_events"
REVIEWS = "bronze/reviews"
COMMITS = 12
APPLICATION = "hub/0/sequence_number"


@pytest.fixture
def lakehouse(tmp_path):
    return Lakehouse(location=str(tmp_path))


@pytest.fixture
def streamed(lakehouse):
    """Events received one per run."""
    lakehouse.ensure(EVENTS)
    for number in range(COMMITS):
        row = {
            "body": b"%d" % number,
            "body_encoding": "utf-8",
            "hub": "hub",
            "hub_partition": "0",
            "sequence_number": number,
            "offset": str(number),
            "enqueued_at": datetime(2024, 5, 6, tzinfo=UTC),
            "properties": [],
            "partition": "stream",
        }
        rows = pa.Table.from_pylist([row], BRONZE_REVIEW_EVENTS.arrow_schema).to_reader()
        before = lakehouse.transaction_versions(EVENTS, [APPLICATION])
        lakehouse.write(rows, EVENTS, transaction_versions={APPLICATION: number}, expected=before)
    return lakehouse


def data_files(lakehouse, key):
    """Return the paths of all data files in the table's folder, needed or not."""
    folder = Path(lakehouse.uri(key))
    return {str(path) for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts}


def bodies(lakehouse, version=None):
    """Return the bodies of a version, read by DuckDB from its files."""
    table = lakehouse.delta(EVENTS, version)
    return sorted(
        int(bytes(body))
        for (body,) in duckdb.sql(f"SELECT body FROM read_parquet({table.file_uris()})").fetchall()
    )


def test_files_of_a_stream_are_compacted_without_changing_an_event(streamed):
    before = content(streamed, EVENTS)
    assert len(data_files(streamed, EVENTS)) == COMMITS

    done = dict(maintain(streamed))

    assert done == {EVENTS: Maintained(compacted=COMMITS, written=1, removed=0)}
    assert len(streamed.delta(EVENTS).file_uris()) == 1
    assert bodies(streamed) == list(range(COMMITS))
    assert content(streamed, EVENTS) == before
    assert streamed.transaction_versions(EVENTS, [APPLICATION]) == {APPLICATION: COMMITS - 1}


def test_compacted_table_is_left_unchanged(streamed):
    list(maintain(streamed))
    version = streamed.version(EVENTS)

    done = dict(maintain(streamed))

    assert done == {EVENTS: Maintained(compacted=0, written=0, removed=0)}
    assert streamed.version(EVENTS) == version


def test_version_of_the_last_day_stays_readable(streamed):
    version = streamed.version(EVENTS)
    list(maintain(streamed))

    assert streamed.version(EVENTS) > version
    assert bodies(streamed, version) == list(range(COMMITS))


def test_old_files_that_no_version_needs_are_removed(streamed):
    list(maintain(streamed))

    done = dict(maintain(replace(streamed, time_travel_days=0)))

    assert done[EVENTS].removed == COMMITS
    assert len(data_files(streamed, EVENTS)) == 1
    assert bodies(streamed) == list(range(COMMITS))
    assert streamed.transaction_versions(EVENTS, [APPLICATION]) == {APPLICATION: COMMITS - 1}


def test_only_old_files_of_a_killed_run_are_removed(streamed):
    """A young file may be that of a run which is about to commit it."""
    folder = Path(next(iter(data_files(streamed, EVENTS)))).parent
    young, old = folder / "young.parquet", folder / "old.parquet"
    for orphan, hours in ((young, 1), (old, 24 * streamed.time_travel_days + 1)):
        orphan.write_bytes(b"cut off")
        written = time.time() - hours * 3_600
        os.utime(orphan, (written, written))

    done = dict(maintain(streamed))

    assert done[EVENTS].removed == 1
    assert (young.exists(), old.exists()) == (True, False)
    assert bodies(streamed) == list(range(COMMITS))


def test_compacted_file_holds_rows_of_one_partition(lakehouse):
    lakehouse.ensure(REVIEWS)
    for number in range(3):
        for partition in ("partition_1", "partition_2"):
            row = {
                "raw": "{}",
                "raw_encoding": "utf-8",
                "file": "part-0.json",
                "line": number,
                "partition": partition,
            }
            rows = pa.Table.from_pylist([row], BRONZE_REVIEWS.arrow_schema)
            lakehouse.write(rows.to_reader(), REVIEWS)

    assert dict(maintain(lakehouse)) == {REVIEWS: Maintained(compacted=6, written=2, removed=0)}

    table = lakehouse.delta(REVIEWS)
    for partition in ("partition_1", "partition_2"):
        (uri,) = (uri for uri in table.file_uris() if f"partition={partition}/" in uri)
        lines = duckdb.sql(f"SELECT line FROM '{uri}' ORDER BY line").fetchall()
        assert lines == [(0,), (1,), (2,)]
