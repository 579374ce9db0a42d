"""Maintenance of the tables: compact small files, remove files that no version needs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from amazon_reviews.resources.lakehouse.checksums import remove_old_checksums
from amazon_reviews.resources.lakehouse.log import log_files
from amazon_reviews.resources.lakehouse.object_store import explained_write, filesystem
from amazon_reviews.resources.lakehouse.tables import (
    LOG_DAYS,
    WRITER_PROPERTIES,
    Lakehouse,
    retention_properties,
)
from amazon_reviews.schemas import TABLES

_TARGET_FILE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class Maintained:
    """The files of a table that were `compacted` into those `written`, and those `removed`."""

    compacted: int
    written: int
    removed: int


def maintain(
    lakehouse: Lakehouse, tables: Iterable[str] = TABLES
) -> Iterator[tuple[str, Maintained]]:
    """Compact and vacuum the existing tables without changing a row; yield each when done.

    Every version that was the newest within the last `time_travel_days` stays readable. Files of
    killed runs are removed too, once they are as old.
    """
    for key in filter(lakehouse.exists, tables):
        _set_properties(lakehouse, key)
        compacted, written = compact(lakehouse, key)
        yield key, Maintained(compacted, written, _vacuum(lakehouse, key))
        _remove_old_log_entries(lakehouse, key)


def _set_properties(lakehouse: Lakehouse, key: str) -> None:
    """Let engines keep what earlier versions need; the setting or the release may have changed."""
    properties = retention_properties(lakehouse.time_travel_days)
    with explained_write(lakehouse.location, key), lakehouse.writer_lock(key):
        table = lakehouse.open(key)
        if not properties.items() <= table.metadata().configuration.items():
            table.alter.set_table_properties(properties)
            lakehouse.record_checksums(key, lakehouse.delta(key).version())


def compact(lakehouse: Lakehouse, key: str) -> tuple[int, int]:
    """Put small files together in one commit; return the number of files before and after."""
    with explained_write(lakehouse.location, key), lakehouse.writer_lock(key):
        table = lakehouse.open(key)
        metrics = table.optimize.compact(
            target_size=_TARGET_FILE_BYTES, writer_properties=WRITER_PROPERTIES
        )
        if metrics["numFilesAdded"]:
            lakehouse.record_checksums(key, table.version())
    return metrics["numFilesRemoved"], metrics["numFilesAdded"]


def _vacuum(lakehouse: Lakehouse, key: str) -> int:
    """Remove files that no version of the last days needs; return their number."""
    with explained_write(lakehouse.location, key), lakehouse.writer_lock(key):
        table = lakehouse.open(key)
        before = table.version()
        removed = table.vacuum(
            retention_hours=24 * lakehouse.time_travel_days,
            enforce_retention_duration=False,
            dry_run=False,
            full=True,
        )
        table = lakehouse.delta(key)
        for version in range(before + 1, table.version() + 1):
            lakehouse.record_checksums(key, version)
    return len(removed)


def _remove_old_log_entries(lakehouse: Lakehouse, key: str) -> None:
    """Remove entries and checkpoints that no version of the last days needs.

    The version of the first of these days may be much older. It is read from the checkpoint before
    it, and the entries after that.
    """
    with explained_write(lakehouse.location, key), lakehouse.writer_lock(key):
        files = filesystem(lakehouse.location)
        log = log_files(files, key)
        # A copy of a table has newer files, and so keeps more of them.
        end = datetime.now(UTC) - timedelta(days=max(lakehouse.time_travel_days, LOG_DAYS))
        before = (version for version, time in log.entries.items() if time and time <= end)
        oldest = max(before, default=0)
        needed = max((c for c in log.checkpoints if c <= oldest), default=0)
        for path, version in sorted(log.files.items(), key=itemgetter(1)):
            if version < needed:
                files.delete_file(path)
        remove_old_checksums(files, key, lakehouse.delta(key))


def drop_table(lakehouse: Lakehouse, key: str) -> None:
    """Remove a table with all its versions; it need not be one of the schemas."""
    with explained_write(lakehouse.location, key), lakehouse.lock(key):
        filesystem(lakehouse.location).delete_dir(key)
