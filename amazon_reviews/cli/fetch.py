"""`amazon-reviews fetch amazon-2023`."""

from pathlib import Path

import click

from amazon_reviews import config, interrupts
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.transfer import transfer
from amazon_reviews.errors import NotPublishedError, SettingsError, UsageError
from amazon_reviews.redaction import protect
from amazon_reviews.resources import amazon_2023 as published
from amazon_reviews.resources.download.fetch import fetch as download
from amazon_reviews.resources.download.http_file import checked_url

FETCH_URL = f"{config.PREFIX}FETCH_URL"
"""The variable of `--url`: other users of the machine see the arguments of a command."""


@click.group()
def fetch() -> None:
    """Download published review data into the landing zone."""


@fetch.command("amazon-2023")
@click.argument("category")
@click.option(
    "--rows",
    metavar="N",
    type=click.IntRange(min=1),
    help="Take only the first N lines of each file.",
)
@click.option("--meta", is_flag=True, help="Fetch the products of the category too.")
@click.option(
    "--url",
    metavar="URL",
    envvar=FETCH_URL,
    show_envvar=True,
    default=published.BASE_URL,
    show_default=True,
    help="Address of a mirror: the folder that holds review_categories and meta_categories, or "
    "one file, if it ends in .jsonl.gz or .jsonl.",
)
def amazon_2023(category: str, rows: int | None, meta: bool, url: str) -> None:
    """Download a category of Amazon Reviews 2023 into the landing zone.

    CATEGORY is a name such as All_Beauty. Prints the paths of the files. An interrupted download
    continues with the next call, and a complete file is not downloaded again. The terms of the
    data set apply: see https://amazon-reviews-2023.github.io.
    """
    # The parameters of a mirror may hold a token.
    protect(checked_url(url))
    published.check_category(category, known_only=url == published.BASE_URL)
    if meta and published.names_a_file(url):
        raise UsageError("--url is the address of one file; with --meta give the one of its folder")
    interrupts.remark("interrupted; the next fetch continues from there")
    landing = _local_landing()
    files = [published.reviews_of(category)]
    if meta:
        files.append(published.products_of(category))
    for file in files:
        path = landing / file.landing_path(rows)
        try:
            with transfer(path.name) as watcher:
                fetched = download(file.urls(url), path, watcher, rows)
        except NotPublishedError as error:
            raise UsageError(f"{error}; {published.suggestion(category)}") from None
        if not fetched:
            echo(f"{path.name} is complete and current: not downloaded", err=True)
        _warn_of_other_files(path, file.stem)
        echo(path)


def _local_landing() -> Path:
    landing = config.load().landing
    if config.is_remote(landing):
        raise SettingsError(
            config.LANDING,
            f"{landing} is not a local folder, and only there an interrupted download can "
            "continue; fetch with a local folder in this variable, and upload its files to "
            "the container, for example with `azcopy copy`",
        )
    return Path(landing)


def _warn_of_other_files(path: Path, stem: str) -> None:
    """Print the other files with lines of the same published file; they would count twice."""
    for other in sorted({*path.parent.glob(f"{stem}.*")} - {path}):
        echo(
            f"{other} has lines of the same file, which become duplicates; remove one",
            err=True,
        )
