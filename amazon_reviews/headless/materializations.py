"""Dagster's records of the tables: their newest materializations and failed checks."""

from collections.abc import Mapping
from functools import cached_property

import dagster as dg

from amazon_reviews.headless.dagster_private import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
    AssetGraph,
)

WHOLE = "__whole__"
"""Stands for the whole of a table without partitions."""


class Materializations:
    """The records of an instance at one moment, read once, at the first use."""

    def __init__(self, instance: dg.DagsterInstance, graph: AssetGraph) -> None:
        self._instance = instance
        self._graph = graph
        self._partitioned: dict[dg.AssetKey, Mapping[str, int]] = {}

    def materialized(self, key: dg.AssetKey) -> dict[str, int]:
        """Return the newest materialization of each partition, or of `WHOLE`."""
        if not self._graph.get(key).is_partitioned:
            event = self._whole_tables.get(key)
            return {} if event is None else {WHOLE: event}
        if key not in self._partitioned:
            storage = self._instance.event_log_storage
            self._partitioned[key] = storage.get_latest_storage_id_by_partition(
                key, dg.DagsterEventType.ASSET_MATERIALIZATION
            )
        return dict(self._partitioned[key])

    def is_blocked(self, key: dg.AssetKey) -> bool:
        """Return True if the last run of a blocking check failed, or ended without a result."""
        return key in self._blocked

    @cached_property
    def _whole_tables(self) -> dict[dg.AssetKey, int | None]:
        keys = [
            k for k in self._graph.get_all_asset_keys() if not self._graph.get(k).is_partitioned
        ]
        entries = [record.asset_entry for record in self._instance.get_asset_records(keys)]
        return {entry.asset_key: entry.last_materialization_storage_id for entry in entries}

    @cached_property
    def _blocked(self) -> set[dg.AssetKey]:
        checks = [key for key in self._graph.asset_check_keys if self._graph.get(key).blocking]
        latest = self._instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
        return {key.asset_key for key, record in latest.items() if self._has_failed(key, record)}

    def _has_failed(self, check: dg.AssetCheckKey, record: AssetCheckExecutionRecord) -> bool:
        if record.status == AssetCheckExecutionRecordStatus.PLANNED:
            newest = self._instance.get_latest_materialization_event(check.asset_key)
            run = self._instance.get_run_by_id(record.run_id)
            return bool(newest and newest.run_id == record.run_id and (not run or run.is_finished))
        evaluation = record.event and record.event.asset_check_evaluation
        return bool(
            evaluation
            and not evaluation.passed
            and evaluation.severity == dg.AssetCheckSeverity.ERROR
        )
