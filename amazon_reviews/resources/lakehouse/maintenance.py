"""Upkeep of the tables: small files become large ones, files nobody needs are removed."""

from collections.abc import Iterator
from dataclasses import dataclass

from amazon_reviews.resources.lakehouse.object_store import filesystem
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES

KEPT_HOURS = 48
"""How long a file stays that the newest version does not need: who reads an older one may end."""


@dataclass(frozen=True)
class Maintained:
    """What was done to a table: files `compacted` into those `written`, and files `removed`."""

    compacted: int
    written: int
    removed: int


def maintain(
    lakehouse: Lakehouse, kept_hours: int = KEPT_HOURS
) -> Iterator[tuple[str, Maintained]]:
    """Compact and vacuum every table there is; no row changes. Yields each when it is done.

    Files of runs that were killed are removed too, once they are `kept_hours` old.
    """
    for key in filter(lakehouse.exists, TABLES):
        compacted, written = lakehouse.compact(key)
        yield key, Maintained(compacted, written, lakehouse.vacuum(key, kept_hours))


def drop_table(lakehouse: Lakehouse, key: str) -> None:
    """Remove a table with all its versions; it need not be one of the schemas."""
    with lakehouse.exclusive(key):
        filesystem(lakehouse.location).delete_dir(key)
