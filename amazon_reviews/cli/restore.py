"""`amazon-reviews restore`."""

import json
import logging
from datetime import UTC, datetime
from itertools import islice

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.tables import print_table
from amazon_reviews.errors import UsageError

_MOST_VERSIONS = 20


@click.command()
@click.option("--table", metavar="TABLE", help="The table, e.g. gold/reviews.")
@click.option("--version", type=click.IntRange(0), help="The version to restore.")
@click.option(
    "--at", type=click.DateTime(), help="Restore the version of this time, in UTC, instead."
)
@click.option(
    "--list", "only_list", is_flag=True, help="Print the newest versions that changed rows."
)
@click.option("--unpin", metavar="TABLE", help="Let runs build this table again.")
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON.")
def restore(
    table: str | None,
    version: int | None,
    at: datetime | None,
    only_list: bool,
    unpin: str | None,
    as_json: bool,
) -> None:
    """Give a table the rows of an earlier version, and pin it.

    A pinned table is not built. What is built from it follows. After --unpin, the next run builds
    what the restored version lacks.
    """
    # Here because they take a second to import, which `restore --help` must not wait for.
    from amazon_reviews.cli.common.dagster_instance import dagster_instance
    from amazon_reviews.defs.pins import report_pin
    from amazon_reviews.defs.resources import places_of
    from amazon_reviews.pipeline import restore as versions
    from amazon_reviews.resources.lakehouse import restore as pins

    logging.getLogger("dagster").setLevel(logging.ERROR)
    settings = config.load()
    places = places_of(settings)
    if bool(table) == bool(unpin):
        raise UsageError("restore needs --table TABLE or --unpin TABLE")
    key = table or unpin or ""
    versions.check_table(places.lakehouse, key)
    if only_list:
        rows = [
            {
                "version": commit.version,
                "time": f"{commit.time:%Y-%m-%d %H:%M:%S}",
                "operation": commit.operation,
            }
            for commit in islice(versions.history(places.lakehouse, key), _MOST_VERSIONS)
        ]
        if as_json:
            echo(json.dumps(rows, indent=2))
        else:
            print_table(rows)
        return
    if table and (version is None) == (at is None):
        raise UsageError("restore --table needs --version, --at or --list")
    with dagster_instance(settings) as instance:
        if unpin:
            was_pinned = pins.unpin(places.lakehouse, key)
            text = f"{key} is no longer pinned; `amazon-reviews run` builds what is pending"
            echo(text if was_pinned else f"{key} is not pinned")
        else:
            if at:
                version = versions.version_of(places.lakehouse, key, at.replace(tzinfo=UTC))
            assert version is not None
            versions.restore(places, key, version)
            echo(
                f"{key} has the rows of version {version}, and is pinned; `amazon-reviews run` "
                f"builds what follows from it, `amazon-reviews restore --unpin {key}` unpins it"
            )
        report_pin(instance, places.lakehouse, key)
