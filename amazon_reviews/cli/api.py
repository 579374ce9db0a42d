"""`amazon-reviews api`."""

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.public import is_loopback, public_option
from amazon_reviews.errors import SettingsError
from amazon_reviews.killed_children import call_children
from amazon_reviews.serving.api.server import serve
from amazon_reviews.serving.api.settings import ApiSettings, load_api


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."
)
@public_option
def api(host: str, port: int, workers: int, public: bool) -> None:
    """Serve the HTTP API until interrupted.

    It reads the warehouse and the models. The page /docs of the server describes it. A host that
    other machines reach needs a key, or --public.
    """
    # A wrong setting is reported here: workers would start again and again.
    config.load()
    has_key = load_api().key.get_secret_value()
    if not (has_key or public or is_loopback(host)):
        raise SettingsError(
            ApiSettings.variable("key"),
            f"set a key, because other machines may reach --host {host}; or give --public, if "
            "everyone may use the API",
        )
    echo(f"http://{host}:{port}/docs", err=True)
    call_children("a worker of the API")
    serve(host, port, workers)
