"""`amazon-reviews sample`."""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.progress import progress_bar
from amazon_reviews.devtools.sample_data import PROFILES, SampleOptions, generate
from amazon_reviews.disk import Place, check_room, explaining
from amazon_reviews.errors import UsageError

# Measured with the first profile, whose files are compressed; the others take more.
_BYTES_PER_RECORD = 80


@click.command()
@click.option("--reviews", default=100_000, show_default=True, help="Lines of reviews.")
@click.option("--products", default=2_000, show_default=True, help="Distinct products.")
@click.option("--users", default=5_000, show_default=True, help="Reviewers.")
@click.option("--partitions", default=10, show_default=True, help="Partition folders.")
@click.option("--events", default=1_000, show_default=True, help="Event bodies for the stream.")
@click.option("--titles", default=300, show_default=True, help="Streaming titles.")
@click.option("--title-ratings", default=6_000, show_default=True, help="Ratings of the titles.")
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default=PROFILES[0],
    show_default=True,
    help="Source profile of reviews and products.",
)
@click.option("--incidents", default=0, show_default=True, help="Products whose stars drop.")
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same files.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder (default: the landing zone).")
@click.option("--if-empty", is_flag=True, help="Leave a folder that is not empty as it is.")
def sample(out: Path | None, if_empty: bool, **options: Any) -> None:
    """Generate sample data in the source's own formats.

    Every profile has the same reviews; only amazon_… profiles have files of products.

    The files have the quirks and faults of real ones; truth.json has the expected results.
    """
    folder = out or Path(config.load().landing)
    place = Place("--out" if out else config.LANDING, folder.absolute())
    try:
        sample_options = SampleOptions(**options)
        check_room(place, _bytes_of(sample_options))
        kept = suppress(FileExistsError) if if_empty else nullcontext()
        with explaining(place), progress_bar("sample", options["reviews"]) as advance, kept:
            generate(sample_options, folder, advance, only_empty=if_empty)
    # The generator is a developer tool, and knows no errors of the package.
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from None
    echo(folder)


def _bytes_of(options: SampleOptions) -> int:
    """Return about the size of the files of a sample."""
    records = options.reviews + options.events + options.products + options.title_ratings
    return records * _BYTES_PER_RECORD
