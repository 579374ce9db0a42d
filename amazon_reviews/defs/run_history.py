"""Removal of old runs from Dagster's storage, with their events, ticks, backfills and logs.

`DagsterInstance.delete_run` is not enough. It removes the newest materializations with their run,
and the asset catalog forgets the partition. It leaves the results of checks, snapshots, logs and
the SQLite file of the run, and takes 40 ms a run. So this module works on the tables of Dagster's
storage, in SQLite and in PostgreSQL. `DagsterInstance` gives the connections.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import Connection

from amazon_reviews.defs.dagster_tables import (
    batches,
    event_tables,
    execute,
    pack,
    reclaim,
    run_tables,
    schedule_tables,
    size_of,
)
from amazon_reviews.defs.kept_connections import close_connections
from amazon_reviews.defs.outliving_events import remove_check_results, shorten_events
from amazon_reviews.disk import readable_size

_ENDED = "('SUCCESS', 'FAILURE', 'CANCELED')"
_UNDER_WAY = "('REQUESTED', 'CANCELING', 'FAILING')"

_OLD_RUNS = f"""
SELECT run_id, status FROM runs
WHERE status IN {_ENDED}
AND (create_timestamp < :before
  OR id <= (SELECT id FROM runs ORDER BY id DESC LIMIT 1 OFFSET :keep))
AND (backfill_id IS NULL OR backfill_id NOT IN (
  SELECT key FROM bulk_actions WHERE status IN {_UNDER_WAY}))
AND run_id NOT IN (
  SELECT value FROM run_tags
  WHERE key IN ('dagster/parent_run_id', 'dagster/root_run_id')
  AND run_id IN (SELECT run_id FROM runs WHERE status NOT IN {_ENDED}))
ORDER BY id
"""
_ENDED_RUNS = f"SELECT run_id FROM runs WHERE status IN {_ENDED}"
_RECORDED_RUNS = """
SELECT run_id FROM event_logs WHERE run_id <> ''
UNION SELECT run_id FROM asset_check_executions WHERE run_id <> ''
"""
_OLD_BACKFILLS = f"""
SELECT key FROM bulk_actions
WHERE status NOT IN {_UNDER_WAY}
AND (timestamp < :before
  OR id <= (SELECT id FROM bulk_actions ORDER BY id DESC LIMIT 1 OFFSET :keep))
AND key NOT IN (SELECT backfill_id FROM runs WHERE backfill_id IS NOT NULL)
"""
# Two conditions, so that both use the index: a null equals nothing.
_NEWER = """EXISTS (
  SELECT 1 FROM event_logs newer
  WHERE newer.asset_key = event_logs.asset_key AND newer.dagster_event_type = {event_type}
  AND newer.partition = event_logs.partition AND newer.id > event_logs.id
) OR event_logs.partition IS NULL AND EXISTS (
  SELECT 1 FROM event_logs newer
  WHERE newer.asset_key = event_logs.asset_key AND newer.dagster_event_type = {event_type}
  AND newer.partition IS NULL AND newer.id > event_logs.id
)"""
# A run that should have built what nothing has built since: the reason is in its log.
_STILL_FAILED = f"""
SELECT DISTINCT run_id FROM event_logs
WHERE run_id IN :runs AND dagster_event_type = 'ASSET_MATERIALIZATION_PLANNED'
AND NOT ({_NEWER.format(event_type="'ASSET_MATERIALIZATION_PLANNED'")})
AND NOT ({_NEWER.format(event_type="'ASSET_MATERIALIZATION'")})
"""
# All but the newest materialization and observation of each partition of each asset.
_SUPERSEDED = f"""
SELECT id FROM event_logs
WHERE run_id IN :runs AND (
  asset_key IS NULL
  OR dagster_event_type NOT IN ('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION')
  OR {_NEWER.format(event_type="event_logs.dagster_event_type")}
)"""
# A sensor stores a verdict that changes, and Dagster a state of freshness, without a run.
_OLD_WITHOUT_RUN = f"""
SELECT id FROM event_logs WHERE run_id = '' AND timestamp < :before
AND (dagster_event_type = 'ASSET_CHECK_EVALUATION'
  OR dagster_event_type = 'FRESHNESS_STATE_CHANGE'
  AND ({_NEWER.format(event_type="event_logs.dagster_event_type")}))
"""
# The newest tick of each sensor and schedule stays: Dagster goes on from it.
_OLD_TICKS = """
DELETE FROM job_ticks WHERE id IN (
  SELECT id FROM (
    SELECT id, timestamp,
      row_number() OVER (PARTITION BY selector_id ORDER BY id DESC) AS place
    FROM job_ticks
  ) ranked
  WHERE place > :keep OR place > 1 AND timestamp < :before
)"""


@dataclass(frozen=True)
class Retention:
    """The settings: days and number of runs that stay, and number of ticks of each sensor."""

    run_days: int
    runs: int
    ticks: int


@dataclass(frozen=True)
class Removed:
    """The numbers of what was removed, and the bytes that were freed."""

    runs: int = 0
    events: int = 0
    ticks: int = 0
    backfills: int = 0
    size: int = 0

    def __str__(self) -> str:
        """Return one line for people."""
        counts = {"runs": self.runs, "events": self.events, "ticks": self.ticks}
        counts |= {"backfills": self.backfills}
        parts = [f"{number:,} {name}" for name, number in counts.items() if number]
        removed = f"{', '.join(parts)} removed" if parts else "nothing to remove"
        freed = f"; {readable_size(self.size)} freed" if self.size else ""
        return f"history of runs: {removed}{freed}"


def prune(instance: dg.DagsterInstance, retention: Retention, now: datetime) -> Removed:
    """Remove what is older, or more, than the settings keep.

    The newest materialization, observation and check result of each partition stay, also without
    their run. So do runs that have not ended, those of a backfill that has not, and the newest
    failed run of what nothing has built since.
    """
    before = now.astimezone(UTC).replace(tzinfo=None) - timedelta(days=retention.run_days)
    old = {"before": before, "keep": retention.runs}
    # SQLite's logs would count as freed when their last connection is closed.
    close_connections()
    size = size_of(instance)
    # A run is there before its events, so these are listed first.
    with event_tables(instance) as connection:
        recorded = {run for (run,) in execute(connection, _RECORDED_RUNS)}
    runs = _removable_runs(instance, old)
    # What stayed without its run goes as soon as there is something newer.
    earlier = sorted(recorded - _known_runs(instance))
    remove_check_results(instance, before, {*runs, *earlier}, {*runs})
    events = sum(_remove_runs(instance, batch) for batch in batches(earlier))
    events += sum(_remove_runs(instance, batch, shorten=True) for batch in batches(runs))
    events += _remove_events_without_run(instance, before)
    with run_tables(instance) as connection:
        backfills = [key for (key,) in execute(connection, _OLD_BACKFILLS, **old)]
        for batch in batches(backfills):
            for table, column in (("backfill_tags", "backfill_id"), ("bulk_actions", "key")):
                execute(connection, f"DELETE FROM {table} WHERE {column} IN :keys", keys=batch)
        _remove_snapshots(connection)
    ticks = 0
    # An instance in memory has no ticks.
    if schedules := instance.schedule_storage:
        schedules.purge_asset_evaluations(before.replace(tzinfo=UTC).timestamp())
        with schedule_tables(instance) as connection:
            ticks = execute(connection, _OLD_TICKS, keep=retention.ticks, before=before).rowcount
    _tidy_shards(instance)
    _remove_tick_logs(instance, retention, now)
    reclaim(instance)
    return Removed(len(runs), events, ticks, len(backfills), max(0, size - size_of(instance)))


def _removable_runs(instance: dg.DagsterInstance, old: Mapping[str, Any]) -> list[str]:
    """Return the old runs that nobody needs, the oldest first."""
    with run_tables(instance) as connection:
        runs = execute(connection, _OLD_RUNS, **old).fetchall()
    failed = [run for run, status in runs if status == "FAILURE"]
    needed: set[str] = set()
    with event_tables(instance) as connection:
        for batch in batches(failed):
            needed |= {run for (run,) in execute(connection, _STILL_FAILED, runs=batch)}
    return [run for run, _ in runs if run not in needed]


def _remove_runs(
    instance: dg.DagsterInstance, runs: Sequence[str], *, shorten: bool = False
) -> int:
    """Remove runs, their logs and all events but the newest; return the number of events.

    `shorten` shortens the events that stay.

    The runs go last: after a kill in between, the next call finds them again.
    """
    with event_tables(instance) as connection:
        events = [number for (number,) in execute(connection, _SUPERSEDED, runs=runs)]
        for batch in batches(events):
            for table, column in (("asset_event_tags", "event_id"), ("event_logs", "id")):
                execute(connection, f"DELETE FROM {table} WHERE {column} IN :ids", ids=batch)
    if shorten:
        shorten_events(instance, runs)
    for run in runs:
        instance.compute_log_manager.delete_logs(prefix=[run])
    with run_tables(instance) as connection:
        for table in ("run_tags", "runs"):
            execute(connection, f"DELETE FROM {table} WHERE run_id IN :runs", runs=runs)
    return len(events)


def _remove_events_without_run(instance: dg.DagsterInstance, before: datetime) -> int:
    """Remove old events that belong to no run; the results of checks have a table of their own."""
    storage: Any = instance.event_log_storage
    connections = [storage.index_connection()]
    if storage.is_run_sharded:
        connections.append(storage.run_connection(""))
    events: list[int] = []
    for connect in connections:
        with connect as connection:
            events = [number for (number,) in execute(connection, _OLD_WITHOUT_RUN, before=before)]
            for batch in batches(events):
                execute(connection, "DELETE FROM event_logs WHERE id IN :ids", ids=batch)
    return len(events)


def _remove_snapshots(connection: Connection) -> None:
    """Remove the snapshots of jobs and plans that no run refers to."""
    used: set[str] = set()
    for (body,) in execute(connection, "SELECT run_body FROM runs"):
        run = json.loads(body)
        used |= {str(run.get(f"{kind}_snapshot_id")) for kind in ("pipeline", "execution_plan")}
        used.add(str(run.get("job_snapshot_id")))
    snapshots = execute(connection, "SELECT snapshot_id, snapshot_body FROM snapshots").fetchall()
    for name, body in snapshots:
        if name in used and (lineage := json.loads(zlib.decompress(body)).get("lineage_snapshot")):
            used.add(str(lineage.get("parent_snapshot_id")))
    unused = [name for name, _ in snapshots if name not in used]
    for batch in batches(unused):
        execute(connection, "DELETE FROM snapshots WHERE snapshot_id IN :names", names=batch)


def _tidy_shards(instance: dg.DagsterInstance) -> None:
    """Remove the SQLite files of runs that are gone, also of those deleted in the UI.

    Those of the other ended runs are rewritten, once each.
    """
    storage: Any = instance.event_log_storage
    # As above, a run is there before its file.
    shards = storage.get_all_run_ids() if storage.is_run_sharded else []
    known = _known_runs(instance)
    with run_tables(instance) as connection:
        ended = {run for (run,) in execute(connection, _ENDED_RUNS)}
    close_connections()
    for shard in shards:
        path = Path(storage.path_for_shard(shard))
        if shard not in known:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        elif shard in ended:
            pack(path)


def _remove_tick_logs(instance: dg.DagsterInstance, retention: Retention, now: datetime) -> None:
    """Remove what old ticks of a sensor or schedule have logged: each has files in its folder."""
    before = (now - timedelta(days=retention.run_days)).timestamp()
    for folder in Path(instance.storage_directory()).glob("__repository__*/*"):
        files = [(path.stat().st_mtime, path) for path in folder.iterdir() if path.is_file()]
        for place, (written, path) in enumerate(sorted(files, reverse=True)):
            if place >= retention.ticks or written < before:
                path.unlink(missing_ok=True)


def _known_runs(instance: dg.DagsterInstance) -> set[str]:
    with run_tables(instance) as connection:
        return {run for (run,) in execute(connection, "SELECT run_id FROM runs")}
