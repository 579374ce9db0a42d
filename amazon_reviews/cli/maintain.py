"""`amazon-reviews maintain`."""

from datetime import UTC, datetime

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.dagster_instance import dagster_instance
from amazon_reviews.cli.common.tables import print_table
from amazon_reviews.defs.resources import retention_of
from amazon_reviews.defs.run_history import prune
from amazon_reviews.pipeline.renamed_tables import remove_old_tables
from amazon_reviews.resources.lakehouse import maintenance
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas.renamed import RENAMED_TABLES


@click.command()
def maintain() -> None:
    """Compact small files; remove old files, old tables and old runs.

    Files stay as long as the versions of the last AMAZON_REVIEWS_TIME_TRAVEL_DAYS need them. An
    old table is one that a newer release stores under another name. AMAZON_REVIEWS_KEEP_RUNS,
    _KEEP_RUN_DAYS and _KEEP_TICKS say how much of Dagster's history stays.
    """
    settings = config.load()
    lakehouse = Lakehouse(settings.lakehouse, settings.time_travel_days)
    for key in remove_old_tables(lakehouse, open_warehouse(settings.warehouse)):
        echo(f"{key} was removed: it is called {RENAMED_TABLES[key]} now", err=True)
    print_table(
        [
            {
                "table": key,
                "compacted": files.compacted,
                "into": files.written,
                "removed": files.removed,
            }
            for key, files in maintenance.maintain(lakehouse)
        ]
    )
    with dagster_instance(settings) as instance:
        echo(str(prune(instance, retention_of(settings), datetime.now(UTC))), err=True)
