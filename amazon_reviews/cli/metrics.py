"""`amazon-reviews metrics`."""

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.public import is_loopback, public_option
from amazon_reviews.errors import UsageError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=9108, show_default=True, help="Port."
)
@public_option
def metrics(host: str, port: int, public: bool) -> None:
    """Serve metrics of the pipeline for Prometheus until interrupted.

    They come from what lakehouse, warehouse and models record. A host that other machines reach
    needs --public.
    """
    settings = config.load()
    if not (public or is_loopback(host)):
        raise UsageError(
            f"other machines may reach --host {host}, and the metrics have no login; give "
            "--public, if everyone may read them"
        )
    # Here because it takes a second to import, which `metrics --help` must not wait for.
    from prometheus_client import CollectorRegistry, start_http_server

    from amazon_reviews.defs.resources import places_of
    from amazon_reviews.pipeline.metrics import PipelineMetrics

    registry = CollectorRegistry(auto_describe=False)
    registry.register(PipelineMetrics(places_of(settings)))
    try:
        _, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise UsageError(f"--host {host} --port {port}: {error.strerror or error}") from error
    echo(f"http://{host}:{port}/metrics", err=True)
    thread.join()
