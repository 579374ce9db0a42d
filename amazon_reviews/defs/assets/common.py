"""What the assets of all layers share: their options, and how partitioned runs report."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.metadata import column_schema, report_partitions, table_metadata
from amazon_reviews.defs.partitions import partitions_of
from amazon_reviews.errors import FailedPartitionsError
from amazon_reviews.resources.lakehouse.tables import Lakehouse

OWNERS = ["team:data"]


class StreamScope(dg.Config):
    """How much of the stream a run makes again."""

    rebuild: bool = Field(
        default=False,
        description="make all of the stream again, not only what changed; for mended rules",
    )


def asset_options(
    key: str, code_version: str, *, partitioned: bool = True, group: str | None = None
) -> dict[str, Any]:
    """The options of the asset that keeps the Delta table `key`; its group is its layer if none."""
    layer, noun = key.split("/")
    options: dict[str, Any] = {
        "key": [layer, noun],
        "group_name": group or layer,
        "kinds": {"delta"},
        "owners": OWNERS,
        "code_version": code_version,
        "metadata": {"dagster/column_schema": column_schema(key)},
        "pool": f"{layer}_{noun}",
    }
    if partitioned:
        options["partitions_def"] = partitions_of(key)
        options["backfill_policy"] = dg.BackfillPolicy.single_run()
    return options


@contextmanager
def failures_of(
    context: dg.AssetExecutionContext,
) -> Iterator[dict[str, str]]:
    """Collect why partitions failed, by name, for `partitioned_result`; log each with its trace."""
    failures: dict[str, str] = {}
    try:
        yield failures
    except FailedPartitionsError as failed:
        failures |= failed.reasons
        for name, error in failed.errors.items():
            context.log.error(f"{name}: {error}", exc_info=error)


def partitioned_result(
    context: dg.AssetExecutionContext,
    lakehouse: Lakehouse,
    figures: Mapping[str, Mapping[str, Any]],
    failures: Mapping[str, str] | None = None,
    check_results: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult:
    """Report the partitions of a run, and fail it if one of them failed.

    Raises:
        Failure: some partitions failed; the others are recorded as materialized and checked, so
            that the tables below go on with them.
    """
    metadata = table_metadata(lakehouse, context.asset_key.to_user_string()) if figures else {}
    if failures:
        for name, values in figures.items():
            event = dg.AssetMaterialization(
                context.asset_key, partition=name, metadata={**metadata, **values}
            )
            context.log_event(event)
        for result in check_results if figures else ():
            context.log_event(_evaluation(context, result))
        raise dg.Failure(
            description="; ".join(f"{name}: {reason}" for name, reason in failures.items()),
            metadata={"failed partitions": len(failures), "materialized": len(figures)},
            allow_retries=False,
        )
    report_partitions(context, figures)
    return dg.MaterializeResult(metadata=metadata, check_results=check_results)


def _evaluation(
    context: dg.AssetExecutionContext, result: dg.AssetCheckResult
) -> dg.AssetCheckEvaluation:
    """The event of a check result of the context's asset, for a step that is about to fail."""
    key = context.asset_key
    spec = context.assets_def.get_spec_for_check_key(dg.AssetCheckKey(key, str(result.check_name)))
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=spec.name,
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
        blocking=spec.blocking,
    )
