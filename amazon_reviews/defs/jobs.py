"""Jobs that build no asset: accepting lost events, and maintenance of the tables."""

import dagster as dg

from amazon_reviews.pipeline.renamed_tables import remove_old_tables
from amazon_reviews.pipeline.stream_gaps import acknowledge_gaps
from amazon_reviews.resources.lakehouse.maintenance import maintain
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.renamed import RENAMED_TABLES


@dg.op
def accept_lost_events(
    context: dg.OpExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]
) -> None:
    """Mark all gaps that are known now as acknowledged."""
    context.log.info(f"{acknowledge_gaps(lakehouse)} gaps acknowledged")


@dg.job
def acknowledge_event_gaps() -> None:
    """Accept that events are lost which the hub dropped before they were read."""
    accept_lost_events()


@dg.op
def tidy_tables(
    context: dg.OpExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
    warehouse: dg.ResourceParam[Warehouse],
) -> None:
    """Compact and vacuum every table; remove the old tables of renamed ones."""
    for key in remove_old_tables(lakehouse, warehouse):
        context.log.info(f"{key} was removed: it is called {RENAMED_TABLES[key]} now")
    for key, done in maintain(lakehouse):
        context.log.info(
            f"{key}: {done.compacted} files became {done.written}, {done.removed} removed"
        )


@dg.job
def maintain_tables() -> None:
    """Compact small files, and remove those that no reader of the last days needs."""
    tidy_tables()


daily_maintenance = dg.ScheduleDefinition(
    name="daily_maintenance",
    job=maintain_tables,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Compacts and vacuums the tables once a day.",
)
