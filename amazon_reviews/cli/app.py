"""`amazon-reviews app`."""

import os
import sys

import click

from amazon_reviews import config
from amazon_reviews.cli.common.public import is_loopback, public_option
from amazon_reviews.errors import UsageError
from amazon_reviews.serving.dashboard import streamlit_command


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port."
)
@public_option
def app(host: str, port: int, public: bool) -> None:
    """Serve the dashboard until interrupted.

    It has no login. A host that other machines reach needs --public.
    """
    # A wrong setting is reported here, not in the browser of the first user.
    config.load()
    if not (public or is_loopback(host)):
        raise UsageError(
            f"other machines may reach --host {host}, and the dashboard has no login; put a proxy "
            "with a login before it, or give --public, if everyone may use it"
        )
    sys.stdout.flush()
    os.execv(sys.executable, streamlit_command(host, port))
