"""`amazon-reviews report`."""

from pathlib import Path

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.disk import Place, explaining
from amazon_reviews.errors import UsageError
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.serving.report.page import write_report


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
def report(out: Path | None) -> None:
    """Write the report of the warehouse, and print its path."""
    settings = config.load()
    path = (out or settings.report).absolute()
    try:
        with explaining(Place("--out" if out else config.REPORT, path.parent)):
            write_report(open_warehouse(settings.warehouse), path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    echo(path)
