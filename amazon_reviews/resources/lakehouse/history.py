"""The history of a table: its versions that can be read, newest first, from its log."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow.fs as pafs

from amazon_reviews.errors import DamagedTableError
from amazon_reviews.resources.lakehouse.log import log_files, read_commit

_INFO = b'{"commitInfo"'
_FILES = (b'{"add"', b'{"remove"')
_CHANGES = b'"dataChange":true'


@dataclass(frozen=True)
class Commit:
    """The commit of a version: its time, its operation, and True if it changed rows."""

    version: int
    time: datetime
    operation: str
    changes_rows: bool


def commits(files: pafs.FileSystem, key: str, versions: Sequence[int]) -> Iterator[Commit]:
    """Yield the commits of these versions of a table.

    Raises:
        DamagedTableError: a log entry cannot be read.
    """
    for version in versions:
        entry = read_commit(files, key, version)
        if entry is None:
            continue
        try:
            info = _info(entry)
            time = datetime.fromtimestamp(info["timestamp"] / 1000, UTC)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedTableError(f"the log of {key} cannot be read: {error}") from error
        lines = entry.splitlines()
        # Also the first commit, which creates the table, is one that people may look for.
        changes = version == 0 or any(x.startswith(_FILES) and _CHANGES in x for x in lines)
        yield Commit(version, time, str(info.get("operation", "")), changes)


def version_at(files: pafs.FileSystem, key: str, time: datetime) -> int | None:
    """Return the version that was the newest one at a time, None if the log has none so old."""
    newest_first = log_files(files, key).versions[::-1]
    earlier = (c.version for c in commits(files, key, newest_first) if c.time <= time)
    return next(earlier, None)


def row_changes(files: pafs.FileSystem, key: str, version: int) -> tuple[int, int]:
    """Return the first and the last version with the same rows as this one."""
    there = log_files(files, key).versions
    before = commits(files, key, there[: version - there.start + 1][::-1])
    after = commits(files, key, there[version - there.start + 1 :])
    first = next((c.version for c in before if c.changes_rows), there.start)
    following = next((c.version for c in after if c.changes_rows), there.stop)
    return first, following - 1


def _info(entry: bytes) -> dict[str, Any]:
    info: dict[str, Any] = next(
        json.loads(line)["commitInfo"] for line in entry.splitlines() if line.startswith(_INFO)
    )
    return info
