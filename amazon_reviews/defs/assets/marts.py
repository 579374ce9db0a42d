"""The marts of the reviews and of the pipeline."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa
from pydantic import Field

from amazon_reviews.defs.assets.metadata import data_version, table_metadata
from amazon_reviews.defs.assets.spec import table_spec
from amazon_reviews.errors import EventHubUnavailableError, HubChangedError
from amazon_reviews.pipeline import monitoring
from amazon_reviews.pipeline.marts import (
    MARTS,
    MartBuilder,
    output_and_input_reviews,
    transform_of,
)
from amazon_reviews.pipeline.stream_lag import Lag, lag
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import Table, marts
from amazon_reviews.schemas.built import WHOLE

_RUNS = 100


class MartScope(dg.Config):
    """The marts of which a run builds more than what changed."""

    rebuild: list[str] = Field(
        default=[],
        description="marts, such as gold/brand_years, that are added up again from all reviews",
    )


def _adds_up(mart: Table) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        "adds_up",
        asset=mart.path,
        blocking=True,
        description=f"its reviews are as many as those of {mart.inputs[0]}",
    )


@dg.multi_asset(
    specs=[table_spec(mart, transform=transform_of(mart), skippable=True) for mart in MARTS],
    check_specs=[_adds_up(mart) for mart in MARTS if mart.adds_up],
    can_subset=True,
    pool="review_marts",
)
def review_marts(
    context: dg.AssetExecutionContext,
    config: MartScope,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.MaterializeResult]:
    """Build the selected marts, all from the same state of the reviews."""
    builder = MartBuilder(engine.session, lakehouse, engine.batch_rows, rebuild=config.rebuild)
    for mart in MARTS:
        if dg.AssetKey(mart.path) in context.selected_asset_keys:
            builder.build(mart)
            checks = [_counted(lakehouse, mart, builder.versions)] if mart.adds_up else []
            verdicts = {str(check.check_name): check.passed for check in checks}
            metadata = table_metadata(lakehouse, mart.key)
            lakehouse.record(mart.key, checks={WHOLE: verdicts} if verdicts else None)
            yield dg.MaterializeResult(
                asset_key=mart.path,
                metadata=metadata,
                check_results=checks,
                data_version=data_version(lakehouse, mart.key),
            )


def _counted(lakehouse: Lakehouse, mart: Table, versions: dict[str, int]) -> dg.AssetCheckResult:
    reviews, expected = output_and_input_reviews(lakehouse, mart, versions)
    return dg.AssetCheckResult(
        check_name="adds_up",
        asset_key=mart.path,
        passed=reviews == expected,
        description=None if reviews == expected else f"{reviews:,} reviews of {expected:,}",
        metadata={"reviews": reviews, "expected": expected},
    )


@dg.multi_asset(
    specs=[table_spec(table, skippable=True) for table in marts.PIPELINE_MARTS],
    can_subset=True,
    pool="pipeline_marts",
)
def pipeline_marts(
    context: dg.AssetExecutionContext,
    event_hub: dg.ResourceParam[EventHub],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.MaterializeResult]:
    """Build the tables about the pipeline: its source, reconciliation, rejected lines, stream."""
    rows: dict[Table, Callable[[], pa.Table]] = {
        marts.SOURCE_COLUMNS: lambda: monitoring.source_columns_rows(lakehouse),
        marts.PIPELINE_RECONCILIATION: lambda: monitoring.reconciliation_rows(lakehouse),
        marts.PIPELINE_REJECTED: lambda: monitoring.rejected_rows(lakehouse),
        marts.PIPELINE_STREAM: lambda: monitoring.stream_rows(
            lakehouse, _behind(event_hub, lakehouse)
        ),
        marts.PIPELINE_RUNS: lambda: _runs(context.instance),
    }
    for table, build in rows.items():
        if dg.AssetKey(table.path) in context.selected_asset_keys:
            inputs = lakehouse.input_versions(table.key)
            lakehouse.write(build(), table.key, replacing=ALL_ROWS, built={WHOLE: inputs})
            metadata = table_metadata(lakehouse, table.key)
            yield dg.MaterializeResult(
                asset_key=table.path,
                metadata=metadata,
                data_version=data_version(lakehouse, table.key),
            )


def _behind(event_hub: EventHub, lakehouse: Lakehouse) -> dict[str, Lag] | None:
    """Return the lag by hub partition; None without a hub, or if it does not answer."""
    if not event_hub.enabled:
        return None
    try:
        return lag(event_hub, lakehouse)
    except (EventHubUnavailableError, HubChangedError):
        return None


def _runs(instance: dg.DagsterInstance) -> pa.Table:
    rows = []
    for record in instance.get_run_records(limit=_RUNS):
        run = record.dagster_run
        ended = record.end_time
        rows.append(
            {
                "run_id": run.run_id,
                "job": run.job_name,
                "assets": ", ".join(sorted(k.to_user_string() for k in run.asset_selection or ())),
                "status": run.status.value,
                "started_at": _moment(record.start_time),
                "ended_at": _moment(ended),
                "seconds": ended - record.start_time if ended and record.start_time else None,
            }
        )
    return pa.Table.from_pylist(rows, marts.PIPELINE_RUNS.arrow_schema)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
