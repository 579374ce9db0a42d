"""Runs over several partitions: figures, failures and check results of each."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.metadata import table_metadata, version_tags
from amazon_reviews.defs.assets.spec import Events
from amazon_reviews.defs.dagster_private import (
    AssetCheckEvaluationTargetMaterializationData,
    AssetMaterializationPlannedData,
)
from amazon_reviews.defs.partitions import in_order, known_partitions
from amazon_reviews.defs.run_options import MORE_PARTITIONS, step_of
from amazon_reviews.error_log import in_one_line
from amazon_reviews.errors import FailedPartitionsError, by_reason
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.shown_text import terminal_text

_EXAMPLES = 3
# Dagster stores the metadata of a run with each of its partitions, and keeps the newest of each. A
# preview is as large as all else.
_MOST_PREVIEWS = 20


class PartitionScope(dg.Config):
    """The partitions that a run builds beside the range that Dagster gives it."""

    more_partitions: list[str] = Field(
        default=[],
        description="further partitions that the same run builds, which need not be consecutive",
    )


class StreamScope(dg.Config):
    """The part of the stream that a run builds again."""

    rebuild: bool = Field(
        default=False,
        description="build all of the stream again, for instance after a rule was corrected",
    )


class ReviewScope(PartitionScope, StreamScope):
    """The partitions that a run builds, and the part of the stream that it builds again."""


def names_of(context: dg.AssetExecutionContext, scope: PartitionScope) -> list[str]:
    """Return the partitions of a run, in order and each once.

    Raises:
        Failure: there is no such partition; nothing was built.
    """
    partitions = context.assets_def.partitions_def
    assert partitions is not None
    key = context.asset_key.to_user_string()
    known = known_partitions(context.instance, partitions) if scope.more_partitions else ()
    if unknown := unknown_partitions(key, scope.more_partitions, known):
        raise dg.Failure(f"{MORE_PARTITIONS}: {unknown}", allow_retries=False)
    return in_order({*context.partition_keys, *scope.more_partitions})


def unknown_partitions(key: str, names: Sequence[str], known: Sequence[str]) -> str:
    """Return a text that names the partitions that a table does not have; empty if it has all."""
    there = {*known}
    unknown = [name for name in dict.fromkeys(names) if name not in there]
    if not unknown:
        return ""
    some = ", ".join(map(terminal_text, unknown[:_EXAMPLES]))
    more = f" and {len(unknown) - _EXAMPLES} more" if len(unknown) > _EXAMPLES else ""
    its = f"{known[0]} to {known[-1]}" if known else "no partition yet"
    return f"{key} has no partition {some}{more}; it has {its}"


@contextmanager
def failures_of(
    context: dg.AssetExecutionContext,
) -> Iterator[dict[str, str]]:
    """Collect the reasons of failed partitions for `partitioned_result`, and log each traceback."""
    failures: dict[str, str] = {}
    home = Path(context.instance.root_directory)
    try:
        yield failures
    except FailedPartitionsError as failed:
        for name, error in failed.errors.items():
            failures[name] = in_one_line(error, home)
            context.log.error(terminal_text(f"{name}: {error}"), exc_info=error)


def partitioned_result(
    context: dg.AssetExecutionContext,
    lakehouse: Lakehouse,
    figures: Mapping[str, Mapping[str, Any]],
    failures: Mapping[str, str] | None = None,
    checks: Mapping[str, Sequence[dg.AssetCheckResult]] | None = None,
) -> Events:
    """Yield the materialization of a run's partitions, and the check results of each partition.

    A blocking check that failed fails the run after that, so all results are recorded.

    Args:
        context: that of the asset.
        lakehouse: where the table is.
        figures: metadata by partition that was built.
        failures: reasons by partition that could not be built.
        checks: the check results by partition.

    Raises:
        Failure: some partitions failed; the others are recorded as materialized and checked, so
            that the tables below go on with them.
    """
    key = context.asset_key.to_user_string()
    metadata = table_metadata(lakehouse, key) if figures else {}
    # Dagster itself records the range of a run that succeeds.
    of_dagster = set() if failures else {*context.partition_keys}
    if len(figures) > _MOST_PREVIEWS:
        del metadata["preview"]
    for name in [name for name in figures if name not in of_dagster]:
        event = dg.AssetMaterialization(
            context.asset_key,
            partition=name,
            metadata={**metadata, **figures[name]},
            tags=version_tags(lakehouse, key, name),
        )
        context.log_event(event)
    if failures:
        for evaluation in evaluations(context, checks or {}):
            context.log_event(evaluation)
        _mark_failed(context, failures.keys() - {*context.partition_keys})
        raise dg.Failure(
            description=by_reason(failures),
            metadata={"failed partitions": len(failures), "materialized": len(figures)},
            allow_retries=False,
        )
    for name in of_dagster & figures.keys():
        context.add_asset_metadata(dict(figures[name]), partition_key=name)
    yield dg.MaterializeResult(metadata=metadata)
    yield from evaluations(context, checks or {})
    yield from check_outputs(context)


def _mark_failed(context: dg.AssetExecutionContext, names: Iterable[str]) -> None:
    """Let Dagster show partitions as failed: those that a failed run has planned and not made.

    Dagster itself has planned the range of the run, and not the other partitions.
    """
    step = step_of(context.asset_key.to_user_string())
    for name in names:
        planned = AssetMaterializationPlannedData(context.asset_key, partition=name)
        event = dg.DagsterEvent.build_asset_materialization_planned_event(
            context.job_name, step, planned
        )
        context.instance.report_dagster_event(event, context.run.run_id)


def evaluations(
    context: dg.AssetExecutionContext, checks: Mapping[str, Sequence[dg.AssetCheckResult]]
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the event of each check result.

    Dagster turns the results of a run over several partitions into events without a partition.
    """
    if not checks:
        return
    targets = target_of(context, context.asset_key, checks)
    for partition, results in checks.items():
        for result in results:
            key = dg.AssetCheckKey(context.asset_key, str(result.check_name))
            yield dg.AssetCheckEvaluation(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=result.passed,
                metadata=result.metadata,
                target_materialization_data=targets[partition],
                severity=result.severity,
                description=result.description,
                blocking=context.assets_def.get_spec_for_check_key(key).blocking,
                partition=partition,
            )


def target_of(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    key: dg.AssetKey,
    partitions: Iterable[str],
) -> dict[str, AssetCheckEvaluationTargetMaterializationData]:
    """Return the materialization of each partition that this run just made."""
    materialized = context.instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, {*partitions}
    )
    return {
        partition: AssetCheckEvaluationTargetMaterializationData(
            storage_id=storage_id, run_id=context.run.run_id, timestamp=time.time()
        )
        for partition, storage_id in materialized.items()
    }


def check_outputs(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
    """Yield the outputs of the step's checks, which Dagster expects beside their results."""
    for spec in context.assets_def.check_specs:
        yield dg.Output(None, spec.get_python_identifier())
