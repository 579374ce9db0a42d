"""Records in the Delta log: what each partition of a table was built from, by its commits.

Delta keeps the newest version of each transaction id, also when it compacts its log. The id of a
record is `kind:partition:name`; its kinds are those of `Records`. delta-rs looks ids up one at a
time, each in a pass over the log, so the log is read here, and once read only its new commits.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from amazon_reviews.errors import DamagedTableError
from amazon_reviews.schemas.built import WHOLE, Records

PIN_ID = "pinned"
"""The transaction id of the version that a table is pinned to; -1 stands for none."""

_TRANSACTION = b'{"txn"'
_METADATA = b'{"metaData"'
_LOG_FILE = re.compile(r"(\d{20})\.(json$|checkpoint\..*parquet$|crc$)")
_NONE: frozenset[str] = frozenset()
_KINDS = ("version", "input", "check")


def version_id(partition: str = WHOLE) -> str:
    """Return the transaction id of the version of a partition."""
    return f"version:{partition}:"


def input_id(partition: str, key: str) -> str:
    """Return the transaction id of the version of an input that a partition was built from."""
    return f"input:{partition}:{key}"


def check_id(partition: str, name: str) -> str:
    """Return the transaction id of the version that a check judged, negative if it failed."""
    return f"check:{partition}:{name}"


@dataclass(frozen=True)
class TableLog:
    """The state of a table's log at its newest version.

    `transactions` are the newest versions of the ids that are not records. `newest` identifies
    the file of the newest commit. `columns` are the names of the table's columns.
    """

    version: int
    newest: tuple[int, int]
    records: Records
    transactions: Mapping[str, int]
    columns: frozenset[str] = frozenset()

    @property
    def pinned(self) -> int | None:
        """The version that the table is pinned to, None if it is not pinned."""
        version = self.transactions.get(PIN_ID, -1)
        return None if version < 0 else version


def read_log(files: pafs.FileSystem, key: str, known: TableLog | None = None) -> TableLog | None:
    """Return the state of a table's log, None if there is no table; `known` is an earlier state.

    Raises:
        DamagedTableError: the log cannot be read.
    """
    try:
        if known and _newest(files, key, known.version) == known.newest:
            return _with_commits(files, key, known, known.version + 1, _copied(known.records))
        start = _at_checkpoint(files, key, _last_checkpoint(files, key))
        state = _with_commits(files, key, start, start.version + 1, start.records)
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise DamagedTableError(f"the log of {key} cannot be read: {error}") from error
    if state.version >= 0:
        return state
    folder = pafs.FileSelector(f"{key}/_delta_log", allow_not_found=True)
    if any(info.path.endswith(".json") for info in files.get_file_info(folder)):
        raise DamagedTableError(f"the log of {key} has lost its beginning")
    return None


def log_at(files: pafs.FileSystem, key: str, version: int) -> TableLog:
    """Return the state that a table's log had at a version that can be read.

    Raises:
        DamagedTableError: the log cannot be read.
    """
    try:
        checkpoints = (c for c in log_files(files, key).checkpoints if c <= version)
        start = _at_checkpoint(files, key, max(checkpoints, default=None))
        return _with_commits(files, key, start, start.version + 1, start.records, version)
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise DamagedTableError(f"the log of {key} cannot be read: {error}") from error


@dataclass(frozen=True)
class LogFiles:
    """The entries of a log with the times when they were written, its checkpoints, and all files.

    `files` are the paths with the version of each.
    """

    entries: Mapping[int, datetime | None]
    checkpoints: frozenset[int]
    files: Mapping[str, int]

    @property
    def versions(self) -> range:
        """The versions that the log can still describe."""
        first = 0 if 0 in self.entries else min(self.checkpoints, default=0)
        return range(first, max(self.entries, default=-1) + 1)


def log_files(files: pafs.FileSystem, key: str) -> LogFiles:
    """Return what the folder of a table's log holds."""
    folder = pafs.FileSelector(f"{key}/_delta_log", allow_not_found=True)
    named = [(_LOG_FILE.match(info.base_name), info) for info in files.get_file_info(folder)]
    found = [(int(match[1]), match[2], info) for match, info in named if match]
    return LogFiles(
        {version: info.mtime for version, suffix, info in found if suffix == "json"},
        frozenset(version for version, suffix, _ in found if suffix.startswith("checkpoint.")),
        {info.path: version for version, _, info in found},
    )


def _at_checkpoint(files: pafs.FileSystem, key: str, version: int | None) -> TableLog:
    """Return the state at a checkpoint, or that before the first commit."""
    records = Records()
    transactions: dict[str, int] = {}
    if version is None:
        return TableLog(-1, (0, 0), records, transactions)
    found, columns = _in_checkpoint(files, key, version)
    _add(found, records, transactions)
    return TableLog(version, (0, 0), records, transactions, columns)


def _copied(records: Records) -> Records:
    """Return a copy that new commits may change."""
    return Records(
        dict(records.versions),
        {key: dict(versions) for key, versions in records.inputs.items()},
        {name: dict(versions) for name, versions in records.checks.items()},
    )


def _with_commits(
    files: pafs.FileSystem,
    key: str,
    state: TableLog,
    first: int,
    records: Records,
    last: int | None = None,
) -> TableLog:
    """Return the state after all commits from `first` to `last`, which `records` then has too."""
    version = first
    transactions = dict(state.transactions)
    columns = state.columns
    while last is None or version <= last:
        commit = read_commit(files, key, version)
        if commit is None:
            break
        _add(_in_commit(commit), records, transactions)
        columns = _columns_in(commit) or columns
        version += 1
    if version == first and state.newest != (0, 0):
        return state
    newest = _newest(files, key, version - 1)
    return TableLog(version - 1, newest, records, transactions, columns)


def _columns_in(commit: bytes) -> frozenset[str]:
    """Return the columns that a commit declares, none if it leaves them as they were."""
    declared = (line for line in commit.splitlines() if line.startswith(_METADATA))
    return next((_names(json.loads(line)["metaData"]["schemaString"]) for line in declared), _NONE)


def _names(schema: str) -> frozenset[str]:
    return frozenset(field["name"] for field in json.loads(schema)["fields"])


def _path(key: str, version: int, suffix: str) -> str:
    return f"{key}/_delta_log/{version:020d}{suffix}"


def read_commit(files: pafs.FileSystem, key: str, version: int) -> bytes | None:
    """Return the lines of a log entry, None if there is none of this version."""
    try:
        with files.open_input_stream(_path(key, version, ".json"), compression=None) as stream:
            return bytes(stream.read())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _newest(files: pafs.FileSystem, key: str, version: int) -> tuple[int, int]:
    """Return numbers that differ between two commits of the same version."""
    info = files.get_file_info(_path(key, version, ".json"))
    return info.mtime_ns or 0, info.size or 0


def _last_checkpoint(files: pafs.FileSystem, key: str) -> int | None:
    try:
        with files.open_input_stream(f"{key}/_delta_log/_last_checkpoint") as stream:
            return int(json.loads(stream.read())["version"])
    except (FileNotFoundError, NotADirectoryError):
        return None


def _in_commit(commit: bytes) -> Iterator[tuple[str, int]]:
    """Yield the transactions of a commit; raises ValueError if it is not complete."""
    lines = commit.splitlines()
    json.loads(lines[-1] if lines else b"")
    for line in lines:
        if line.startswith(_TRANSACTION):
            transaction = json.loads(line)["txn"]
            yield transaction["appId"], transaction["version"]


def _in_checkpoint(
    files: pafs.FileSystem, key: str, version: int
) -> tuple[list[tuple[str, int]], frozenset[str]]:
    """Return the transactions of a checkpoint, and the columns of the table."""
    # One file, as delta-rs writes it, or the parts that other engines write.
    path = _path(key, version, ".checkpoint.parquet")
    paths = [path]
    if files.get_file_info(path).type == pafs.FileType.NotFound:
        folder = files.get_file_info(pafs.FileSelector(f"{key}/_delta_log"))
        start = f"{version:020d}.checkpoint."
        paths = [
            i.path for i in folder if i.base_name.startswith(start) and i.extension == "parquet"
        ]
        if not paths:
            raise ValueError(f"the checkpoint of version {version} is gone")
    transactions: list[tuple[str, int]] = []
    columns = _NONE
    for path in paths:
        wanted = ["txn", "metaData.schemaString"]
        # Not `read_table`, which gives the schema another name than its path.
        with files.open_input_file(path) as file:
            table = pq.ParquetFile(file).read(columns=wanted)
        column = table["txn"].combine_chunks()
        column = column.filter(column.is_valid())
        ids, versions = (pc.struct_field(column, name) for name in ("appId", "version"))
        transactions += zip(ids.to_pylist(), versions.to_pylist(), strict=True)
        for schema in filter(None, pc.struct_field(table["metaData"], "schemaString").to_pylist()):
            columns = _names(schema)
    return transactions, columns


def _add(transactions: Iterable[tuple[str, int]], records: Records, others: dict[str, int]) -> None:
    for name, version in transactions:
        kind, _, rest = name.partition(":")
        if kind not in _KINDS or ":" not in rest:
            others[name] = version
            continue
        partition, _, subject = rest.partition(":")
        if kind == "version":
            records.versions[partition] = version
            if not version:
                # The partition was removed.
                del records.versions[partition]
        else:
            by_subject = records.inputs if kind == "input" else records.checks
            by_subject.setdefault(subject, {})[partition] = version
