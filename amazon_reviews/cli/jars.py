"""`amazon-reviews jars`."""

import click

from amazon_reviews.cli.common.console import echo
from amazon_reviews.resources.spark.jvm import fetch_jars, jars_folder


@click.command()
def jars() -> None:
    """Fetch the jars of the engine `spark`, and print their folder.

    AMAZON_REVIEWS_ENGINE=spark needs them. They are fetched once.
    """
    fetch_jars()
    echo(jars_folder())
