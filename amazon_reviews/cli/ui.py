"""`amazon-reviews ui`."""

import os
import sys
import time

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.dagster_instance import WORKSPACE, dagster_instance
from amazon_reviews.headless.dead_runs import report_orphaned_runs

ADDRESS = "127.0.0.1"


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port."
)
def ui(port: int) -> None:
    """Serve the Dagster UI and its daemon until interrupted.

    It listens on this machine only, because it has no login.
    """
    with dagster_instance(config.load()) as instance:
        # Dagster shows a run whose process died together with its code server as running forever,
        # and the sensors wait for it.
        for run in report_orphaned_runs(instance, time.time()):
            echo(f"run {run} died with its code server", err=True)
    sys.stdout.flush()
    command = ("dagster", "dev", "--workspace", str(WORKSPACE))
    address = ("--host", ADDRESS, "--port", str(port))
    os.execv(sys.executable, (sys.executable, "-m", *command, *address))
