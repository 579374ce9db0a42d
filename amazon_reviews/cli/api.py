"""`amazon-reviews api`."""

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.killed_children import call_children
from amazon_reviews.serving.api.server import serve
from amazon_reviews.serving.api.settings import load_api


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."
)
def api(host: str, port: int, workers: int) -> None:
    """Serve the HTTP API until interrupted.

    It reads the warehouse and the models. The page /docs of the server describes it.
    """
    # A wrong setting is reported here: workers would start again and again.
    config.load()
    load_api()
    echo(f"http://{host}:{port}/docs", err=True)
    call_children("a worker of the API")
    serve(host, port, workers)
