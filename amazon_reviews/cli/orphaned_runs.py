"""`amazon-reviews orphaned-runs`, called by deploy/code-server.sh."""

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.dagster_instance import dagster_instance
from amazon_reviews.headless.dead_runs import report_orphaned_runs


@click.command("orphaned-runs", hidden=True)
@click.option("--before", type=float, required=True, help="Start of the code server, epoch.")
def orphaned_runs(before: float) -> None:
    """Report runs of a stopped code server as failed."""
    with dagster_instance(config.load()) as instance:
        for run in report_orphaned_runs(instance, before):
            echo(f"run {run} died with its code server", err=True)
