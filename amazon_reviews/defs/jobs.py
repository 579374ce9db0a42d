"""Jobs that build no asset: accepting lost events, comparison of marts, and maintenance."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field, field_validator

from amazon_reviews.config import PREFIX
from amazon_reviews.defs.requests import BY_SCHEDULE, REASON_TAG
from amazon_reviews.defs.run_history import Retention, prune
from amazon_reviews.pipeline.partials import differing_rows, source_of
from amazon_reviews.pipeline.renamed_tables import remove_old_tables
from amazon_reviews.pipeline.stream_gaps import acknowledge_gaps
from amazon_reviews.resources.lakehouse.maintenance import maintain
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.renamed import RENAMED_TABLES


class Maintenance(dg.Config):
    """Options of the maintenance of tables."""

    tables: list[str] = Field(
        default=[],
        description="keys of the tables to maintain, such as gold/reviews; all without any",
    )
    time_travel_days: int | None = Field(
        default=None,
        ge=2,
        le=3650,
        description="days for which earlier versions of these tables stay readable, 2 or more, so "
        f"that a reader of such a version can finish; {PREFIX}TIME_TRAVEL_DAYS by default",
    )

    @field_validator("tables")
    @classmethod
    def _known(cls, keys: list[str]) -> list[str]:
        if unknown := [key for key in keys if key not in TABLES]:
            raise ValueError(f"{unknown[0]!r} is not a table, such as gold/reviews")
        return keys


@dg.op(config_schema={})
def accept_lost_events(
    context: dg.OpExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]
) -> None:
    """Mark all gaps that are known now as acknowledged."""
    context.log.info(f"gaps acknowledged: {acknowledge_gaps(lakehouse)}")


@dg.job
def acknowledge_event_gaps() -> None:
    """Accept that events are lost which the hub dropped before they were read."""
    accept_lost_events()


@dg.op(config_schema={})
def compare_partials(
    context: dg.OpExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> None:
    """Aggregate all rows again, and compare each partial aggregate row for row."""
    differing: dict[str, int] = {}
    partials = {key: mart for mart in TABLES.values() for key in mart.partials}
    for key, mart in partials.items():
        if lakehouse.exists(key):
            source = source_of(lakehouse, mart.inputs[0])
            rows = differing_rows(engine.session, lakehouse, TABLES[key], source, engine.batch_rows)
            context.log.info(f"{key}: {rows:,} rows differ from a full build")
            if rows:
                differing[mart.key] = rows
    if differing:
        rebuild = " ".join(f"--rebuild {key}" for key in differing)
        raise dg.Failure(
            f"{sum(differing.values()):,} rows differ from a full build; amazon-reviews run "
            f"{rebuild}",
            allow_retries=False,
        )


@dg.job
def compare_marts() -> None:
    """Prove that the marts, which are updated by partition, equal those of a full build.

    Marts whose reviews changed since they were built differ. All rows are read.
    """
    compare_partials()


@dg.op
def tidy_tables(
    context: dg.OpExecutionContext,
    config: Maintenance,
    lakehouse: dg.ResourceParam[Lakehouse],
    warehouse: dg.ResourceParam[Warehouse],
) -> None:
    """Compact and vacuum every table; remove the old tables of renamed ones."""
    for key in remove_old_tables(lakehouse, warehouse):
        context.log.info(f"{key} was removed: it is called {RENAMED_TABLES[key]} now")
    days = config.time_travel_days or lakehouse.time_travel_days
    kept = replace(lakehouse, time_travel_days=days)
    for key, done in maintain(kept, config.tables or TABLES):
        context.log.info(
            f"{key}: {done.compacted} files became {done.written}, {done.removed} removed"
        )


@dg.op(config_schema={})
def tidy_runs(context: dg.OpExecutionContext, retention: dg.ResourceParam[Retention]) -> None:
    """Remove old runs with their events, ticks, backfills and logs."""
    context.log.info(str(prune(context.instance, retention, datetime.now(UTC))))


@dg.job
def maintain_tables() -> None:
    """Compact small files, remove those that no reader of the last days needs, and old runs."""
    tidy_tables()
    tidy_runs()


daily_maintenance = dg.ScheduleDefinition(
    name="daily_maintenance",
    job=maintain_tables,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=BY_SCHEDULE | {REASON_TAG: "maintenance, once a day"},
    description="Compacts and vacuums the tables, and removes old runs, once a day.",
)
