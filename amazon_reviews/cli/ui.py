"""`amazon-reviews ui`."""

import os
import sys

import click

from amazon_reviews import config
from amazon_reviews.cli.common import dagster_dev
from amazon_reviews.cli.common.dagster_instance import WORKSPACE, dagster_instance

ADDRESS = "127.0.0.1"


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port."
)
def ui(port: int) -> None:
    """Serve the Dagster UI and its daemon until interrupted.

    It listens on this machine only, because it has no login.
    """
    with dagster_instance(config.load()):
        # Dagster finds the instance ready, with the project's dagster.yaml.
        pass
    sys.stdout.flush()
    options = ("--workspace", str(WORKSPACE), "--host", ADDRESS, "--port", str(port))
    os.execv(sys.executable, (sys.executable, "-m", dagster_dev.__name__, *options))
