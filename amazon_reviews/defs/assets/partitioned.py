"""Runs over several partitions: figures, failures and check results of each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.metadata import table_metadata, version_tags
from amazon_reviews.error_log import in_one_line
from amazon_reviews.errors import FailedPartitionsError, by_reason
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.shown_text import terminal_text


class StreamScope(dg.Config):
    """The part of the stream that a run builds again."""

    rebuild: bool = Field(
        default=False,
        description="build all of the stream again, for instance after a rule was corrected",
    )


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
    check_results: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult:
    """Report the partitions of a run, and fail it if one of them failed.

    Raises:
        Failure: some partitions failed; the others are recorded as materialized and checked, so
            that the tables below go on with them.
    """
    key = context.asset_key.to_user_string()
    metadata = table_metadata(lakehouse, key) if figures else {}
    if failures:
        for name, values in figures.items():
            event = dg.AssetMaterialization(
                context.asset_key,
                partition=name,
                metadata={**metadata, **values},
                tags=version_tags(lakehouse, key, name),
            )
            context.log_event(event)
        for result in check_results if figures else ():
            context.log_event(_evaluation(context, result))
        raise dg.Failure(
            description=by_reason(failures),
            metadata={"failed partitions": len(failures), "materialized": len(figures)},
            allow_retries=False,
        )
    for name, values in figures.items():
        context.add_asset_metadata(dict(values), partition_key=name)
    return dg.MaterializeResult(metadata=metadata, check_results=check_results)


def _evaluation(
    context: dg.AssetExecutionContext, result: dg.AssetCheckResult
) -> dg.AssetCheckEvaluation:
    """Return the event of a check result, for a step that is about to fail."""
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
