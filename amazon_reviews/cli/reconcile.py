"""`amazon-reviews reconcile`."""

import json
import sys

import click

from amazon_reviews import config
from amazon_reviews.cli.common.tables import print_table
from amazon_reviews.cli.common.terminal import plain
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.resources.lakehouse.tables import Lakehouse


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON.")
def reconcile(as_json: bool) -> None:
    """Print the reconciliation; exit 1 if lines are lost or invented.

    In every partition of a table, lines = kept + duplicates + rejected.
    """
    accounts = reconcile_all(Lakehouse(config.load().lakehouse))
    rows = [account.as_dict() for account in accounts]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        print_table(rows)
    differing = [account for account in accounts if not account.balanced]
    for account in differing:
        name = f"{account.layer}/{account.table} {account.partition}"
        click.echo(
            plain(f"{name} does not reconcile; `amazon-reviews run` builds it again"), err=True
        )
    sys.exit(1 if differing else 0)
