"""The Dagster instance of all processes: the web server and the daemon load nothing else from here.

The page of a check asks Dagster for the state of all of its partitions. Dagster asks its storage
about each partition, and copies the set of partitions for each: minutes with thousands of them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from amazon_reviews.defs.dagster_private import (
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionResolvedStatus,
    AssetCheckPartitionInfo,
    InProgressRuns,
    InstanceRef,
    SerializableEntitySubset,
    StatusSubsets,
    asset_check_state,
)

_VERDICTS = {
    AssetCheckExecutionRecordStatus.SUCCEEDED: AssetCheckExecutionResolvedStatus.SUCCEEDED,
    AssetCheckExecutionRecordStatus.FAILED: AssetCheckExecutionResolvedStatus.FAILED,
}
_add_one_result = asset_check_state._process_partition_records


class Instance(dg.DagsterInstance):
    """Dagster's own, named in `dagster.yaml` so that each process loads this module."""

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """Return the settings that Dagster's own instance does not have: none."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, Any]:
        """Return the parts of an instance of which `dagster.yaml` says nothing."""
        return InstanceRef.config_defaults(base_dir)


def _add_results(
    key: dg.AssetCheckKey,
    partitions_def: dg.PartitionsDefinition[str] | None,
    subsets: StatusSubsets,
    in_progress_runs: InProgressRuns,
    partition_infos: Sequence[AssetCheckPartitionInfo],
) -> tuple[StatusSubsets, InProgressRuns]:
    """Do once for each status and run what Dagster does for each partition."""
    if partitions_def is None:
        return _add_one_result(key, partitions_def, subsets, in_progress_runs, partition_infos)
    known = partitions_def.filter_valid_partition_keys(
        {result.partition_key for result in partition_infos if result.partition_key is not None}
    )
    with_status = defaultdict[AssetCheckExecutionResolvedStatus, list[str]](list)
    with_run = defaultdict[str, list[str]](list)
    outdated = []
    for result in partition_infos:
        partition = result.partition_key
        if partition is None or partition not in known:
            continue
        if result.latest_execution_status == AssetCheckExecutionRecordStatus.PLANNED:
            with_status[AssetCheckExecutionResolvedStatus.IN_PROGRESS].append(partition)
            with_run[result.latest_planned_run_id].append(partition)
        elif result.is_current:
            with_status[_VERDICTS[result.latest_execution_status]].append(partition)
        else:
            outdated.append(partition)

    def subset(names: Sequence[str]) -> SerializableEntitySubset[dg.AssetCheckKey]:
        return SerializableEntitySubset.from_coercible_value(key, names, partitions_def)

    without = subset(outdated)
    return (
        {
            status: old.compute_difference(without).compute_union(subset(with_status[status]))
            for status, old in subsets.items()
        },
        {
            run: in_progress_runs.get(run, subset([])).compute_union(subset(with_run[run]))
            for run in {**in_progress_runs, **with_run}
        },
    )


asset_check_state._process_partition_records = _add_results
