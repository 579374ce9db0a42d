"""The names that Dagster does not export; no other module imports from `dagster._core`."""

# The types of the function that instance.py replaces, and below its module. A release of Dagster
# that takes the partitions of a check together would replace these imports and the function.
from dagster._core.asset_graph_view.serializable_entity_subset import SerializableEntitySubset

# The materialization that a check result is about: without it the UI does not show the result of a
# partition. A partition as an argument of `dg.AssetCheckResult` would replace this import.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

# The type of `Definitions.resolve_asset_graph()`. That method is public, its type is not: an
# export of `AssetGraph` as `dg.AssetGraph` would replace this import.
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

# The content of the event that a run will materialize a partition, which the public
# `DagsterEvent.build_asset_materialization_planned_event` takes: an export of it as
# `dg.AssetMaterializationPlannedData` would replace this import.
from dagster._core.events import AssetMaterializationPlannedData

# The type of `DagsterEvent.step_failure_data`, a public property: `dg.StepFailureData` would
# replace this import.
from dagster._core.execution.plan.objects import StepFailureData

# The defaults of an instance class that is named in dagster.yaml: if such a class need not return
# them, or `dg.DagsterInstance` does, this import goes.
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage import asset_check_state
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionResolvedStatus,
    AssetCheckPartitionInfo,
)
from dagster._core.storage.asset_check_state import InProgressRuns, StatusSubsets

# The type of the value of `capture_logs`. An option of the compute log manager to start its helper
# processes with signals blocked would replace this import and the patch in compute_logs.py.
from dagster._core.storage.compute_log_manager import CapturedLogContext

# The storages of which kept_connections.py replaces how they connect. An option of theirs to keep
# connections open, and to set `PRAGMA synchronous`, would replace these imports and the module.
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.runs import SqliteRunStorage

__all__ = [
    "INDEX_SHARD_NAME",
    "AssetCheckEvaluationTargetMaterializationData",
    "AssetCheckExecutionRecordStatus",
    "AssetCheckExecutionResolvedStatus",
    "AssetCheckPartitionInfo",
    "AssetGraph",
    "AssetMaterializationPlannedData",
    "CapturedLogContext",
    "InProgressRuns",
    "InstanceRef",
    "SerializableEntitySubset",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
    "StatusSubsets",
    "StepFailureData",
    "asset_check_state",
]
