"""The marts: what is asked of the reviews, and of the pipeline, each a table of its own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa

from amazon_reviews.defs.assets.common import OWNERS
from amazon_reviews.defs.assets.metadata import column_schema, table_metadata
from amazon_reviews.defs.automation_conditions import FOLLOW_AT_TIMES
from amazon_reviews.errors import EventHubUnavailableError, HubChangedError
from amazon_reviews.pipeline import monitoring
from amazon_reviews.pipeline.marts import MARTS, Mart, counted, make_mart, pinned
from amazon_reviews.pipeline.stream import Lag, lag
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import Table, marts

_RUNS = 100
_PIPELINE = {
    marts.PIPELINE_RECONCILIATION: ("gold/reviews", "gold/products", "silver/rejected"),
    marts.PIPELINE_REJECTED: ("silver/rejected",),
    marts.PIPELINE_STREAM: ("bronze/review_events", "bronze/event_gaps"),
    marts.PIPELINE_RUNS: ("gold/reviews", "gold/products"),
}


def _spec(table: Table, inputs: tuple[str, ...], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        table.key.split("/"),
        deps=[key.split("/") for key in inputs],
        group_name="marts",
        kinds={"delta"},
        owners=OWNERS,
        code_version="1",
        description=description,
        metadata={"dagster/column_schema": column_schema(table.key)},
        automation_condition=FOLLOW_AT_TIMES,
        skippable=True,
    )


def _adds_up(mart: Mart) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        "adds_up",
        asset=mart.table.key.split("/"),
        blocking=True,
        description=f"its reviews are as many as those of {mart.inputs[0]}",
    )


@dg.multi_asset(
    specs=[_spec(mart.table, mart.inputs, mart.transform.__doc__ or "") for mart in MARTS],
    check_specs=[_adds_up(mart) for mart in MARTS if mart.complete],
    can_subset=True,
    pool="review_marts",
)
def review_marts(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.MaterializeResult]:
    """Make the selected marts, all from the same state of the reviews."""
    versions = pinned(lakehouse)
    for mart in MARTS:
        key = mart.table.key
        if dg.AssetKey(key.split("/")) in context.selected_asset_keys:
            make_mart(engine.session, lakehouse, mart, versions)
            yield dg.MaterializeResult(
                asset_key=key.split("/"),
                metadata=table_metadata(lakehouse, key),
                check_results=[_counted(lakehouse, mart, versions)] if mart.complete else [],
            )


def _counted(lakehouse: Lakehouse, mart: Mart, versions: dict[str, int]) -> dg.AssetCheckResult:
    own, whole = counted(lakehouse, mart, versions)
    return dg.AssetCheckResult(
        check_name="adds_up",
        asset_key=mart.table.key.split("/"),
        passed=own == whole,
        description=None if own == whole else f"{own:,} reviews of {whole:,}",
        metadata={"reviews": own, "expected": whole},
    )


@dg.multi_asset(
    specs=[_spec(table, inputs, table.grain) for table, inputs in _PIPELINE.items()],
    can_subset=True,
    pool="pipeline_marts",
)
def pipeline_marts(
    context: dg.AssetExecutionContext,
    event_hub: dg.ResourceParam[EventHub],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.MaterializeResult]:
    """Write down what the pipeline did, and how far the stream is behind."""
    rows: dict[Table, Callable[[], pa.Table]] = {
        marts.PIPELINE_RECONCILIATION: lambda: monitoring.books(lakehouse),
        marts.PIPELINE_REJECTED: lambda: monitoring.rejected(lakehouse),
        marts.PIPELINE_STREAM: lambda: monitoring.stream(lakehouse, _behind(event_hub, lakehouse)),
        marts.PIPELINE_RUNS: lambda: _runs(context.instance),
    }
    for table, made in rows.items():
        if dg.AssetKey(table.key.split("/")) in context.selected_asset_keys:
            lakehouse.replace_arrow(made(), table.key, {})
            metadata = table_metadata(lakehouse, table.key)
            yield dg.MaterializeResult(asset_key=table.key.split("/"), metadata=metadata)


def _behind(event_hub: EventHub, lakehouse: Lakehouse) -> dict[str, Lag] | None:
    """The lag by hub partition; None where there is no hub, or it does not answer."""
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
