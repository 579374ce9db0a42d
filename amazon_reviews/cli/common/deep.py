"""The verification of all stored files on the command line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from amazon_reviews.cli.common.dagster_databases import damaged_databases
from amazon_reviews.cli.common.transfer import transfer
from amazon_reviews.pipeline.state import Places
from amazon_reviews.pipeline.verification import verify

deep_option: Callable[[Any], Any] = click.option(
    "--deep",
    is_flag=True,
    help="Also read every byte that is stored, in object stores too, and name each damaged file "
    "with what makes it again.",
)


def damage(places: Places, dagster_home: Path) -> Iterator[str]:
    """Verify all stored files with the progress on stderr; yield a line for each damaged one."""
    with transfer("verified") as progress:
        yield from map(str, verify(places, progress.advance))
    yield from damaged_databases(dagster_home)
