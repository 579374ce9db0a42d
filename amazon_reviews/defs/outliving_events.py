"""Events and check results that stay without their run, as short as they can be.

The newest ones of each partition stay for good, so their size is what many partitions need.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from amazon_reviews.defs.dagster_tables import batches, event_tables, execute

_READ_ROWS = 10_000
_LARGEST_ID = 2**63 - 1
# There is no index by run, so all are read once.
_CHECK_RESULTS = """
SELECT id, run_id, run_id = '' AND create_timestamp < :before,
  execution_status, asset_key, check_name, partition
FROM asset_check_executions WHERE id < :last ORDER BY id DESC LIMIT :rows
"""
# They are of the table as it was then, and the newest event of the asset has them.
_OF_THE_TABLE = {"dagster/row_count", "dagster/uri", "delta_version", "pinned", "preview"}
_OF_PARTITIONS = """
SELECT id, event FROM event_logs
WHERE run_id IN :runs AND partition IS NOT NULL AND EXISTS (
  SELECT 1 FROM event_logs newer
  WHERE newer.asset_key = event_logs.asset_key
  AND newer.dagster_event_type = event_logs.dagster_event_type AND newer.id > event_logs.id
)"""


def remove_check_results(
    instance: dg.DagsterInstance, before: datetime, gone: Collection[str], runs: Collection[str]
) -> None:
    """Remove the results of checks in runs that are gone, but the newest of each partition.

    Results without a run go when they are older than `before`. Those that stay of `runs` are
    shortened, as those of runs that went earlier already are.
    """
    newest: set[tuple[str, ...]] = set()
    removable, outliving = [], []
    last = _LARGEST_ID
    with event_tables(instance) as connection:
        values = {"before": before, "rows": _READ_ROWS}
        while page := execute(connection, _CHECK_RESULTS, last=last, **values).fetchall():
            for last, run, is_old, status, *check in page:
                is_gone = is_old or run in gone
                if is_gone and (status == "PLANNED" or (*check,) in newest):
                    removable.append(last)
                elif status != "PLANNED":
                    newest.add((*check,))
                    if run in runs and check[-1] is not None:
                        outliving.append(last)
    for batch in batches(removable):
        with event_tables(instance) as connection:
            execute(connection, "DELETE FROM asset_check_executions WHERE id IN :ids", ids=batch)
    _shorten_check_results(instance, outliving)


def shorten_events(instance: dg.DagsterInstance, runs: Sequence[str]) -> None:
    """Shorten the events of partitions that are left of these runs.

    The newest event of an asset stays as it is: its page shows it.
    """
    with event_tables(instance) as connection:
        for number, event in execute(connection, _OF_PARTITIONS, runs=runs).fetchall():
            statement = "UPDATE event_logs SET event = :event WHERE id = :number"
            execute(connection, statement, event=shortened(event), number=number)


def _shorten_check_results(instance: dg.DagsterInstance, numbers: Sequence[int]) -> None:
    """Shorten these check results."""
    table = "asset_check_executions"
    for batch in batches(numbers):
        statement = f"SELECT id, evaluation_event FROM {table} WHERE id IN :numbers"
        with event_tables(instance) as connection:
            for number, event in execute(connection, statement, numbers=batch).fetchall():
                statement = f"UPDATE {table} SET evaluation_event = :event WHERE id = :number"
                execute(connection, statement, event=shortened(event), number=number)


def shortened(event: str) -> str:
    """Return the JSON text of an event without what only the log of its run shows.

    Figures of the partition, data versions and the verdict of a check stay.
    """
    entry = json.loads(event)
    inner = entry["dagster_event"]
    # Dagster shows the text of the entry if the event has none.
    inner.update(logging_tags={}, message=None, solid_handle=None, step_handle=None)
    data: dict[str, Any] = inner["event_specific_data"]
    if recorded := data.get("materialization") or data.get("asset_observation"):
        entries = recorded["metadata_entries"]
        recorded["metadata_entries"] = [e for e in entries if e["label"] not in _OF_THE_TABLE]
    return json.dumps(entry, separators=(",", ":"))
