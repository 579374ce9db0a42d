"""Size of DAGSTER_HOME after a year of runs, and the time to remove the old ones.

    python -m benchmarks.run_history data/dagster

Takes the runs of a project, such as those of `make demo`, as templates, and copies their rows and
files until a year is recorded. Nine of ten runs are of the stream. The SQLite files of the runs are
hard links, each counted with its full size. Then old runs are removed as `amazon-reviews maintain`
does it.
"""

import argparse
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg

from amazon_reviews.config import load
from amazon_reviews.defs.dagster_tables import size_of
from amazon_reviews.defs.requests import STREAM_JOB
from amazon_reviews.defs.resources import retention_of
from amazon_reviews.defs.run_history import prune
from amazon_reviews.disk import readable_size
from benchmarks.machine import describe

_YEAR = timedelta(days=365)
_STREAM_SHARE = 10
_TICK_SECONDS = 30
_COMMITTED_RUNS = 2_000
# File systems allow 65,000 or fewer.
_MOST_LINKS = 30_000
_ASSET_EVENTS = "('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION', 'ASSET_MATERIALIZATION_PLANNED')"


def main() -> None:
    """Copy the runs, measure, remove the old ones, measure again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path, help="DAGSTER_HOME with the templates")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, default=5_000)
    options = parser.parse_args()
    machine = describe()
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores; load before: {machine['load_before']}")
    with tempfile.TemporaryDirectory(dir=options.home.parent) as folder:
        home = Path(folder) / "dagster"
        shutil.copytree(options.home, home, symlinks=True)
        multiply(home, options.runs, options.partitions)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            before = size_of(instance)
            for attempt in ("first", "second"):
                started = time.monotonic()
                removed = prune(instance, retention_of(load()), datetime.now(UTC))
                print(f"{attempt} time: {removed}, in {time.monotonic() - started:.1f} s")
            after = size_of(instance)
            print(f"{options.runs:,} runs, {options.partitions:,} partitions")
            print(f"{readable_size(before)} before, {readable_size(after)} after")
            print(f"{instance.get_runs_count():,} runs are left")


def multiply(home: Path, runs: int, partitions: int) -> None:
    """Copy the ended runs in a home until there are so many, with so many partitions."""
    history = home / "history"
    with closing(sqlite3.connect(history / "runs.db")) as database:
        streams = _ids(database, f"pipeline_name = '{STREAM_JOB}'")
        others = _ids(database, f"pipeline_name <> '{STREAM_JOB}'")
        now, known = datetime.now(UTC).replace(tzinfo=None), len(streams) + len(others)
        copies = []
        for number in range(runs - known):
            templates = others if number % _STREAM_SHARE == 0 or not streams else streams
            created = now - _YEAR + _YEAR * number / runs
            old = templates[number // _STREAM_SHARE % len(templates)]
            copies.append((old, str(uuid4()), number, f"{created:%Y-%m-%d %H:%M:%S.%f}"))
        _map(database, copies)
        database.execute(
            "INSERT INTO runs (run_id, snapshot_id, pipeline_name, mode, status, run_body,"
            " create_timestamp, update_timestamp, start_time, end_time)"
            " SELECT new, snapshot_id, pipeline_name, mode, status,"
            " replace(run_body, run_id, new), created, created, start_time, end_time"
            " FROM copies CROSS JOIN runs ON run_id = old"
        )
        database.execute(
            "INSERT INTO run_tags (run_id, key, value)"
            " SELECT new, key, value FROM copies JOIN run_tags ON run_id = old"
        )
        database.commit()
    for start in range(0, len(copies), _COMMITTED_RUNS):
        part = copies[start : start + _COMMITTED_RUNS]
        _multiply_events(history / "runs" / "index.db", part, partitions)
    for old, new, *_ in copies:
        _link(history / "runs" / f"{old}.db", history / "runs" / f"{new}.db")
        if (logs := home / "storage" / old).is_dir():
            shutil.copytree(logs, home / "storage" / new, copy_function=_link)
    _multiply_ticks(home / "schedules" / "schedules.db")


def _multiply_events(index: Path, copies: list[tuple[str, str, int, str]], partitions: int) -> None:
    with closing(sqlite3.connect(index)) as database:
        _map(database, copies)
        database.execute(
            "INSERT INTO event_logs"
            " (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)"
            " SELECT new, event, dagster_event_type, created, step_key, asset_key,"
            f" CASE WHEN partition IN (NULL, 'stream') OR {_STREAM_SHARE} > number THEN partition"
            f" ELSE partition || '_' || (number * 7 % {partitions} / 10) END"
            " FROM copies CROSS JOIN event_logs ON run_id = old"
        )
        database.execute(
            "INSERT INTO asset_check_executions (asset_key, check_name, partition, run_id,"
            " execution_status, evaluation_event, evaluation_event_timestamp)"
            " SELECT asset_key, check_name, partition, new, execution_status, evaluation_event,"
            " created FROM copies CROSS JOIN asset_check_executions ON run_id = old"
        )
        database.execute(
            "INSERT INTO asset_event_tags (event_id, asset_key, key, value)"
            " SELECT id, asset_key, 'dagster/code_version', '1' FROM event_logs"
            f" WHERE dagster_event_type IN {_ASSET_EVENTS} AND run_id IN (SELECT new FROM copies)"
        )
        database.commit()


def _multiply_ticks(schedules: Path) -> None:
    """Record ticks as three sensors leave them in a week, which Dagster keeps automatically."""
    ticks = 3 * timedelta(days=7) // timedelta(seconds=_TICK_SECONDS)
    with closing(sqlite3.connect(schedules)) as database:
        database.executemany(
            "INSERT INTO job_ticks (job_origin_id, selector_id, status, type, timestamp, tick_body)"
            " VALUES (?1, ?1, 'SKIPPED', 'SENSOR', CURRENT_TIMESTAMP, printf('%.700c', 'x'))",
            ((number % 3,) for number in range(ticks)),
        )
        database.commit()


def _link(source: str | Path, target: str | Path) -> None:
    if os.stat(source).st_nlink < _MOST_LINKS:
        os.link(source, target)
    else:
        # The next links are to this copy.
        shutil.copyfile(source, target)
        os.replace(shutil.copyfile(source, f"{source}.copy"), source)


def _ids(database: sqlite3.Connection, condition: str) -> list[str]:
    query = f"SELECT run_id FROM runs WHERE status = 'SUCCESS' AND {condition} ORDER BY id"
    return [run for (run,) in database.execute(query)]


def _map(database: sqlite3.Connection, copies: list[tuple[str, str, int, str]]) -> None:
    database.execute(
        "CREATE TEMP TABLE copies (old TEXT, new TEXT PRIMARY KEY, number INTEGER, created TEXT)"
    )
    database.executemany("INSERT INTO copies VALUES (?, ?, ?, ?)", copies)


if __name__ == "__main__":
    main()
