"""Takeover of projects whose outputs do not say what they were built from.

Releases before the planner recorded nothing with their outputs. Each output gets its record once:
if Dagster's events say that it was built after its inputs, it counts as built from them.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from amazon_reviews.errors import DamagedTableError
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.segments import sum_by_partition
from amazon_reviews.pipeline.state import Places
from amazon_reviews.pipeline.versions import model_version
from amazon_reviews.planner.model import Output
from amazon_reviews.planner.plan import in_build_order
from amazon_reviews.resources.lakehouse.tables import partition_rows, row_count
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE, Built, new_version

# No release has it, so `--code-changed` builds again what was adopted.
_UNKNOWN_CODE = "0"

Events = Mapping[str, Mapping[str, int]]
"""The newest materialization by key of the output and partition, or `WHOLE`."""


def adopt(instance: dg.DagsterInstance, places: Places) -> list[str]:
    """Give each output without a record one, where Dagster's events know it; return their keys."""
    outputs = in_build_order(OUTPUTS)
    without = [o.key for o in outputs if o.key in TABLES and _has_no_record(places, o)]
    if not without:
        return []
    events = {output.key: _newest_events(instance, output) for output in outputs}
    for output in outputs:
        model = output.key.removeprefix("model/")
        if output.key in without:
            _adopt_table(places, output, events)
        elif model != output.key and events[output.key] and places.model_store.current(model):
            current = not _is_older(events, output, WHOLE)
            inputs = dict(_inputs(places, output, WHOLE)) if current else {}
            checks = dict.fromkeys(output.checks, True)
            version = new_version(output.code_version)
            places.model_store.record(model, Built(version, inputs, checks))
    return without


def _has_no_record(places: Places, output: Output) -> bool:
    try:
        records = places.lakehouse.records(output.key)
    except DamagedTableError:
        return False
    return bool(
        records is not None
        and not records.versions
        and row_count(places.lakehouse.delta(output.key))
    )


def _adopt_table(places: Places, output: Output, events: Events) -> None:
    """Record versions of all that the table holds, and the inputs of what is current."""
    partitions = [WHOLE]
    if output.partitioned:
        rows = sum_by_partition(partition_rows(places.lakehouse.delta(output.key)))
        partitions = [*rows, *(p for p in events[output.key] if p not in rows)]
    built: dict[str, dict[str, int]] = {WHOLE: {}}
    checks: dict[str, dict[str, bool]] = {WHOLE: dict.fromkeys(output.table_checks, True)}
    for partition in partitions:
        current = partition in events[output.key] and not _is_older(events, output, partition)
        built[partition] = dict(_inputs(places, output, partition)) if current else {}
        checks.setdefault(partition, {}).update(dict.fromkeys(output.checks, True))
    places.lakehouse.record(output.key, built, checks, _UNKNOWN_CODE)


def _inputs(places: Places, output: Output, partition: str) -> Iterator[tuple[str, int]]:
    for key in output.inputs_of(partition):
        if key not in TABLES:
            yield key, model_version(places.model_store, key)
            continue
        by_partition = output.partitioned and TABLES[key].partitions
        yield key, places.lakehouse.versions(key).get(partition if by_partition else WHOLE, 0)


def _is_older(events: Events, output: Output, partition: str) -> bool:
    """Return True if an input of a partition was built after it."""
    own = events[output.key].get(partition, 0)
    for key in output.inputs_of(partition):
        above = events.get(key, {})
        newest = max(above.values(), default=0) if partition == WHOLE else above.get(partition, 0)
        if max(newest, above.get(WHOLE, 0)) > own:
            return True
    return False


def _newest_events(instance: dg.DagsterInstance, output: Output) -> dict[str, int]:
    key = dg.AssetKey(output.key.split("/"))
    if output.partitioned:
        return dict(
            instance.event_log_storage.get_latest_storage_id_by_partition(
                key, dg.DagsterEventType.ASSET_MATERIALIZATION
            )
        )
    records = instance.get_asset_records([key])
    event = records[0].asset_entry.last_materialization_storage_id if records else None
    return {} if event is None else {WHOLE: event}
