"""Size of DAGSTER_HOME in a year of runs, with the old ones removed meanwhile.

    python -m benchmarks.run_history data/dagster --into DIR

Takes the runs of a project, such as those of `make demo`, as templates, and records copies of
their rows and files until a year is over. Nine of ten runs are of the stream. Each run over the
partitions of a dataset is of new partitions, until there are enough; then they are built again.
After each four weeks the old runs are removed as `amazon-reviews maintain` does it, daily in
production. Only the newest runs of such a part, those that stay, get files of their own.
"""

import argparse
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import dagster as dg

from amazon_reviews.config import load
from amazon_reviews.definitions import defs
from amazon_reviews.defs.dagster_tables import pack, size_of
from amazon_reviews.defs.partitions import GOLD_REVIEW_PARTITIONS, PARTITIONS, add_missing
from amazon_reviews.defs.resources import retention_of
from amazon_reviews.defs.run_history import prune
from amazon_reviews.defs.run_queue import STREAM_JOB
from amazon_reviews.disk import readable_size
from amazon_reviews.pipeline.datasets import REVIEWS, STREAM
from benchmarks.machine import describe

_YEAR = timedelta(days=365)
_PARTS = 13
_STREAM_SHARE = 10
_MEGABYTE = 1_000_000
# A landing partition of the sample is `partition_N`; 11 is the place of N.
_RENAMED = (
    "CASE WHEN partition LIKE 'partition\\__%' ESCAPE '\\' THEN 'partition_' ||"
    " (1 + (shift + substr(partition, 11) - 1) % :partitions) ELSE partition END"
)


class _Copy(NamedTuple):
    """A run to record: that of a template; `shift` is added to the numbers of its partitions."""

    old: str
    new: str
    created: str
    shift: int


def main() -> None:
    """Record a year, part by part, and print the sizes and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path, help="DAGSTER_HOME with the templates")
    parser.add_argument("--into", type=Path, required=True, help="DAGSTER_HOME of the year")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, default=50_000, help="of each table of reviews")
    options = parser.parse_args()
    machine = describe()
    print(
        f"CPU: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB;"
        f" load before: {machine['load_before']}"
    )
    options.into.mkdir(parents=True)
    shutil.copy(options.home / "dagster.yaml", options.into)
    shutil.copytree(options.home / "history", options.into / "history")
    shutil.copytree(options.home / "schedules", options.into / "schedules")
    with dg.DagsterInstance.from_config(str(options.into)) as instance:
        _record_year(instance, options.home, options.runs, options.partitions)
        print(f"{instance.get_runs_count():,} runs are left, in {readable_size(size_of(instance))}")
    for line in contents(options.into):
        print(line)


def _record_year(instance: dg.DagsterInstance, templates: Path, runs: int, partitions: int) -> None:
    home, retention = Path(instance.root_directory), retention_of(load())
    files = {}
    for path in (home / "history" / "runs").glob("*-*.db"):
        # Each run's is packed once, here for all of its copies.
        pack(path)
        files[path.stem] = path.read_bytes()
    start, largest, spent = datetime.now(UTC) - _YEAR, 0, []
    copies = list(_copies(templates, runs, start))
    for part in range(_PARTS):
        of_part = copies[part * runs // _PARTS : (part + 1) * runs // _PARTS]
        _record(home, templates, of_part, partitions)
        for copy in of_part[-retention.runs :]:
            (home / "history" / "runs" / f"{copy.new}.db").write_bytes(files[copy.old])
            if (logs := templates / "storage" / copy.old).is_dir():
                shutil.copytree(logs, home / "storage" / copy.new)
        if part == _PARTS - 1:
            names = [f"partition_{number}" for number in range(1, partitions + 1)]
            add_missing(instance, PARTITIONS[REVIEWS.name], names)
            add_missing(instance, GOLD_REVIEW_PARTITIONS, [*names, STREAM.partition])
            _record_ticks(home)
        before = size_of(instance)
        largest = max(largest, before)
        began = time.monotonic()
        removed = prune(instance, retention, start + _YEAR * (part + 1) / _PARTS)
        spent.append(time.monotonic() - began)
        print(
            f"part {part + 1}: {readable_size(before)} before; {removed}, in {spent[-1]:.1f} s;"
            f" {readable_size(size_of(instance))} after",
            flush=True,
        )
    print(f"{runs:,} runs, {partitions:,} partitions of each table of reviews")
    print(
        f"at most {readable_size(largest)} before a removal; {sum(spent):,.0f} s for all removals"
    )
    began = time.monotonic()
    again = prune(instance, retention, datetime.now(UTC))
    print(f"once more: {again}, in {time.monotonic() - began:.1f} s")


def _copies(templates: Path, runs: int, start: datetime) -> Iterator[_Copy]:
    """Yield the runs of a year, in their order."""
    with closing(sqlite3.connect(templates / "history" / "runs.db")) as database:
        streams = _ids(database, f"pipeline_name = '{STREAM_JOB}'")
        others = _ids(database, f"pipeline_name <> '{STREAM_JOB}'")
    with closing(sqlite3.connect(templates / "history" / "runs" / "index.db")) as database:
        query = "SELECT count(*) FROM dynamic_partitions WHERE partitions_def_name = ?"
        (batch,) = database.execute(query, (REVIEWS.folder,)).fetchone()
    for number in range(runs):
        round_, of_others = divmod(number, _STREAM_SHARE)
        chosen = others if of_others == 0 or not streams else streams
        use, place = divmod(round_, len(chosen))
        created = f"{start + _YEAR * number / runs:%Y-%m-%d %H:%M:%S.%f}"
        yield _Copy(chosen[place], str(uuid4()), created, use * batch)


def _record(home: Path, templates: Path, copies: Sequence[_Copy], partitions: int) -> None:
    """Record runs with their events and check results."""
    with _database(home, templates, "history/runs.db", copies) as database:
        database.execute(
            "INSERT INTO runs (run_id, snapshot_id, pipeline_name, mode, status, run_body,"
            " create_timestamp, update_timestamp, start_time, end_time)"
            " SELECT new, snapshot_id, pipeline_name, mode, status, replace(run_body, run_id, new),"
            " created, created, unixepoch(created), unixepoch(created) + end_time - start_time"
            " FROM copies CROSS JOIN template.runs ON run_id = old"
        )
        database.execute(
            "INSERT INTO run_tags (run_id, key, value) SELECT new, key, value"
            " FROM copies CROSS JOIN template.run_tags ON run_id = old"
        )
        database.execute(
            "INSERT OR IGNORE INTO snapshots (snapshot_id, snapshot_body, snapshot_type)"
            " SELECT snapshot_id, snapshot_body, snapshot_type FROM template.snapshots"
        )
    with _database(home, templates, "history/runs/index.db", copies) as database:
        _record_events(database, partitions)


def _record_events(database: sqlite3.Connection, partitions: int) -> None:
    number = {"partitions": partitions}
    database.execute(
        "CREATE TEMP TABLE events AS SELECT event_logs.id AS old_id, copies.*,"
        " (SELECT coalesce(max(id), 0) FROM main.event_logs)"
        " + row_number() OVER (ORDER BY copies.rowid, event_logs.id) AS new_id,"
        f" {_RENAMED} AS renamed"
        " FROM copies CROSS JOIN template.event_logs ON run_id = old",
        number,
    )
    database.execute("CREATE INDEX temp.by_event ON events (new, old_id)")
    database.execute(
        "INSERT INTO event_logs"
        " (id, run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)"
        " SELECT new_id, new, CASE WHEN partition IS NULL THEN replace(event, run_id, new) ELSE"
        " replace(replace(event, run_id, new), json_quote(partition), json_quote(renamed)) END,"
        " dagster_event_type, created, step_key, asset_key, renamed"
        " FROM events CROSS JOIN template.event_logs ON id = old_id ORDER BY new_id"
    )
    database.execute(
        "INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)"
        " SELECT new_id, asset_key, key, value, created"
        " FROM events CROSS JOIN template.asset_event_tags ON event_id = old_id"
    )
    database.execute(
        "INSERT INTO asset_check_executions (asset_key, check_name, partition, run_id,"
        " execution_status, evaluation_event, evaluation_event_timestamp,"
        " evaluation_event_storage_id, materialization_event_storage_id)"
        f" SELECT asset_key, check_name, {_RENAMED}, copies.new, execution_status,"
        " CASE WHEN partition IS NULL THEN replace(evaluation_event, run_id, copies.new) ELSE"
        " replace(replace(evaluation_event, run_id, copies.new),"
        f" json_quote(partition), json_quote({_RENAMED})) END, copies.created,"
        " (SELECT new_id FROM events WHERE events.new = copies.new"
        "  AND old_id = evaluation_event_storage_id),"
        " (SELECT new_id FROM events WHERE events.new = copies.new"
        "  AND old_id = materialization_event_storage_id)"
        " FROM copies CROSS JOIN template.asset_check_executions ON run_id = old",
        number,
    )


def _record_ticks(home: Path) -> None:
    """Record the ticks of a week, which Dagster keeps automatically."""
    with closing(sqlite3.connect(home / "schedules" / "schedules.db")) as database:
        for sensor in defs.sensors or ():
            ticks = timedelta(days=7) // timedelta(seconds=sensor.minimum_interval_seconds or 30)
            database.executemany(
                "INSERT INTO job_ticks"
                " (job_origin_id, selector_id, status, type, timestamp, tick_body)"
                " VALUES (?1, ?1, 'SKIPPED', 'SENSOR', CURRENT_TIMESTAMP, printf('%.700c', 'x'))",
                ((f"{sensor.name} of a year",) for _ in range(ticks)),
            )
        database.commit()


@contextmanager
def _database(
    home: Path, templates: Path, name: str, copies: Sequence[_Copy]
) -> Iterator[sqlite3.Connection]:
    """Open a database with that of the templates beside it, and the runs in `copies`."""
    with closing(sqlite3.connect(home / name)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("ATTACH ? AS template", (str(templates / name),))
        database.execute(
            "CREATE TEMP TABLE copies (old TEXT, new TEXT PRIMARY KEY, created TEXT, shift INTEGER)"
        )
        database.executemany("INSERT INTO copies VALUES (?, ?, ?, ?)", copies)
        yield database
        database.commit()


def contents(home: Path) -> Iterator[str]:
    """Yield what takes the space."""
    by_folder: dict[str, int] = {}
    for path in home.rglob("*"):
        if path.is_file():
            part = str(path.relative_to(home).parent)
            if path.name.count("-") == 4:
                part = "history/runs/RUN.db"
            elif path.suffix == ".db":
                part = str(path.relative_to(home))
            elif part.startswith("storage"):
                part = "storage"
            by_folder[part] = by_folder.get(part, 0) + path.lstat().st_size
    for name, size in sorted(by_folder.items(), key=lambda item: -item[1]):
        if size > _MEGABYTE:
            yield f"  {name}: {readable_size(size)}"
    with closing(sqlite3.connect(home / "history" / "runs" / "index.db")) as database:
        query = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC"
        for name, size in database.execute(query):
            if size > _MEGABYTE:
                yield f"    index.db, {name}: {readable_size(size)}"


def _ids(database: sqlite3.Connection, condition: str) -> list[str]:
    query = f"SELECT run_id FROM runs WHERE status = 'SUCCESS' AND {condition} ORDER BY id"
    return [run for (run,) in database.execute(query)]


if __name__ == "__main__":
    main()
