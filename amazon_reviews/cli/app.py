"""`amazon-reviews app`."""

import os
import sys

import click

from amazon_reviews import config
from amazon_reviews.serving.dashboard import streamlit_command


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port."
)
def app(host: str, port: int) -> None:
    """Serve the dashboard until interrupted."""
    # A wrong setting is reported here, not in the browser of the first user.
    config.load()
    sys.stdout.flush()
    os.execv(sys.executable, streamlit_command(host, port))
