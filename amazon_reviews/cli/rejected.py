"""`amazon-reviews rejected list` and `amazon-reviews rejected replay`."""

import json
import sys

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.tables import print_table
from amazon_reviews.pipeline.rejected import partitions_with_rejected, rejected_by_reason
from amazon_reviews.resources.lakehouse.tables import Lakehouse


@click.group()
def rejected() -> None:
    """List the rejected lines, or build their partitions again."""


@rejected.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON.")
def list_rejected(as_json: bool) -> None:
    """Count the rejected lines by table and reason."""
    counts = rejected_by_reason(Lakehouse(config.load().lakehouse))
    rows = [
        {"table": table, "reason": reason, "lines": lines}
        for (table, reason), lines in counts.items()
    ]
    if as_json:
        echo(json.dumps(rows, indent=2))
    else:
        print_table(rows)


@rejected.command()
@click.option("--select", default="*", hidden=True)
def replay(select: str) -> None:
    """Build partitions with rejected lines again, after a validation rule was fixed."""
    # Here because Dagster takes a second to import, which `rejected list` must not wait for.
    from amazon_reviews.cli.common.up_to_date import bring_up_to_date

    settings = config.load()
    lakehouse = Lakehouse(settings.lakehouse)
    before = sum(rejected_by_reason(lakehouse).values())
    outcome = bring_up_to_date(settings, select, partitions_with_rejected(lakehouse))
    after = sum(rejected_by_reason(lakehouse).values())
    echo(f"{before} lines were rejected before, {after} are rejected now")
    sys.exit(1 if outcome.failures else 0)
