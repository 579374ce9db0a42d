"""Maintenance of the tables: compact small files, remove files that no version needs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from amazon_reviews.resources.lakehouse.checksums import remove_old_checksums
from amazon_reviews.resources.lakehouse.object_store import explained_write, filesystem
from amazon_reviews.resources.lakehouse.tables import WRITER_PROPERTIES, Lakehouse
from amazon_reviews.schemas import TABLES

RETENTION_HOURS = 48
"""Hours for which old files stay, so that a reader of an older version can finish."""

_TARGET_FILE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class Maintained:
    """The files of a table that were `compacted` into those `written`, and those `removed`."""

    compacted: int
    written: int
    removed: int


def maintain(
    lakehouse: Lakehouse,
    retention_hours: int = RETENTION_HOURS,
    tables: Iterable[str] = TABLES,
) -> Iterator[tuple[str, Maintained]]:
    """Compact and vacuum the existing tables without changing a row; yield each when done.

    Files of killed runs are removed too, once they are `retention_hours` old.
    """
    for key in filter(lakehouse.exists, tables):
        compacted, written = _compact(lakehouse, key)
        yield key, Maintained(compacted, written, _vacuum(lakehouse, key, retention_hours))


def _compact(lakehouse: Lakehouse, key: str) -> tuple[int, int]:
    """Put small files together in one commit; return the number of files before and after."""
    with explained_write(lakehouse.location, key), lakehouse.writer_lock(key):
        table = lakehouse.delta(key)
        metrics = table.optimize.compact(
            target_size=_TARGET_FILE_BYTES, writer_properties=WRITER_PROPERTIES
        )
        if metrics["numFilesAdded"]:
            lakehouse.record_checksums(key, table.version())
    return metrics["numFilesRemoved"], metrics["numFilesAdded"]


def _vacuum(lakehouse: Lakehouse, key: str, retention_hours: int) -> int:
    """Remove files that no version of the last hours needs; return their number."""
    with explained_write(lakehouse.location, key), lakehouse.writer_lock(key):
        table = lakehouse.delta(key)
        before = table.version()
        removed = table.vacuum(
            retention_hours=retention_hours,
            enforce_retention_duration=False,
            dry_run=False,
            full=True,
        )
        table = lakehouse.delta(key)
        for version in range(before + 1, table.version() + 1):
            lakehouse.record_checksums(key, version)
        remove_old_checksums(filesystem(lakehouse.location), key, table)
    return len(removed)


def drop_table(lakehouse: Lakehouse, key: str) -> None:
    """Remove a table with all its versions; it need not be one of the schemas."""
    with explained_write(lakehouse.location, key), lakehouse.lock(key):
        filesystem(lakehouse.location).delete_dir(key)
