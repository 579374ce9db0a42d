"""Verification of the bytes of a table: the data files of its newest version, and its log."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from amazon_reviews.config import is_remote
from amazon_reviews.errors import DamagedTableError, LakehouseError
from amazon_reviews.resources.lakehouse.checksums import digest_of, recorded_checksums
from amazon_reviews.resources.lakehouse.object_store import explained, filesystem
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.parquet_check import decoded_rows

_LOG = "_delta_log"
_LOG_FILE = re.compile(r"\d{20}\.json|\d{20}\.checkpoint.*\.parquet|_last_checkpoint")
_CHANGED = "its bytes differ from those that were written"
_GONE = "it is missing"


@dataclass(frozen=True)
class DamagedFile:
    """A damaged file of a table: its path in the table's folder, and what is wrong with it.

    `partition` has the values of the partition columns of a data file; it is None for other files.
    """

    path: str
    reason: str
    partition: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _DataFile:
    """A data file as the log has it."""

    path: str
    size: int
    rows: int | None
    partition: Mapping[str, str]


def damaged_files(
    lakehouse: Lakehouse, key: str, advance: Callable[[int, int], None]
) -> Iterator[DamagedFile]:
    """Read all files of a table, and yield the damaged ones, those of the log first.

    The bytes are compared with their checksums. A file without one is decoded, a data file with
    the checksums of its pages where it has them. `advance` is called with the bytes that are done,
    and all bytes of the data files.

    Raises:
        LakehouseError: the object store cannot be read.
    """
    with explained(lakehouse.location):
        files = filesystem(lakehouse.location)
        checksums, broken = recorded_checksums(files, key)
        yield from (DamagedFile(path, "its last line is not its checksum") for path in broken)
        is_sound = True
        for damaged in _damaged_log_files(lakehouse, files, key, checksums):
            is_sound = False
            yield damaged
        try:
            active = _data_files(lakehouse, key)
        except DamagedTableError as error:
            if is_sound:
                yield DamagedFile(_LOG, str(error))
            return
        except LakehouseError:
            # The text of a log in an object store does not say if the store or the log is at fault.
            if is_sound:
                raise
            return
        done, size = 0, sum(file.size for file in active)
        for file in active:
            if reason := _data_damage(lakehouse, files, key, file, checksums.get(file.path)):
                yield DamagedFile(file.path, reason, file.partition)
            done += file.size
            advance(done, size)


def _data_files(lakehouse: Lakehouse, key: str) -> list[_DataFile]:
    actions = pa.RecordBatchReader.from_stream(lakehouse.delta(key).get_add_actions()).read_all()
    names = ["path", "size_bytes", "num_records", "partition"]
    known = [name for name in names if name in actions.column_names]
    return [
        _DataFile(
            unquote(row["path"]),
            row["size_bytes"],
            row.get("num_records"),
            row.get("partition") or {},
        )
        for row in actions.select(known).to_pylist()
    ]


def _damaged_log_files(
    lakehouse: Lakehouse, files: pafs.FileSystem, key: str, checksums: Mapping[str, str]
) -> Iterator[DamagedFile]:
    found = files.get_file_info(pafs.FileSelector(f"{key}/{_LOG}", allow_not_found=True))
    names = sorted(info.base_name for info in found if _LOG_FILE.fullmatch(info.base_name))
    paths = [f"{_LOG}/{name}" for name in names]
    for path in paths:
        if reason := _damage(lakehouse, files, f"{key}/{path}", checksums.get(path), _check_log):
            yield DamagedFile(path, reason)
    # Delta removes the oldest entries in time.
    recorded = sorted(path for path in checksums if path.startswith(_LOG) and path not in paths)
    for path in recorded:
        if path.endswith(".json") and (not paths or path > paths[0]):
            yield DamagedFile(path, _GONE)


def _check_log(files: pafs.FileSystem, path: str) -> None:
    """Raise ValueError, OSError or ArrowException if a file of a log cannot be decoded."""
    if path.endswith(".parquet"):
        with files.open_input_file(path) as file:
            decoded_rows(file)
        return
    with files.open_input_stream(path, compression=None) as stream:
        lines = stream.read().decode().splitlines()
    for line in lines or [""]:
        if not isinstance(json.loads(line), dict):
            raise ValueError("a line is no JSON object")


def _data_damage(
    lakehouse: Lakehouse, files: pafs.FileSystem, key: str, file: _DataFile, checksum: str | None
) -> str:
    path = f"{key}/{file.path}"
    info = files.get_file_info(path)
    if info.is_file and info.size != file.size:
        return f"it has {info.size:,} bytes, the log says {file.size:,}"

    def check(files: pafs.FileSystem, path: str) -> None:
        with files.open_input_file(path) as stream:
            rows = pq.read_metadata(stream).num_rows if checksum else decoded_rows(stream)
        if file.rows is not None and rows != file.rows:
            raise ValueError(f"it has {rows:,} rows, the log says {file.rows:,}")

    return _damage(lakehouse, files, path, checksum, check, always=True)


def _damage(
    lakehouse: Lakehouse,
    files: pafs.FileSystem,
    path: str,
    checksum: str | None,
    check: Callable[[pafs.FileSystem, str], None],
    *,
    always: bool = False,
) -> str:
    """Return what is wrong with a file, "" if nothing is.

    It is compared with its checksum. Without one, or `always`, `check` looks at it.
    """
    try:
        digest = digest_of(files, path)
    except FileNotFoundError:
        return _GONE
    except OSError as error:
        if is_remote(lakehouse.location):
            # The store does not answer, which says nothing about the file.
            raise
        return f"it cannot be read: {error.strerror or error}"
    if checksum not in (None, digest):
        return _CHANGED
    if checksum and not always:
        return ""
    try:
        check(files, path)
    except (ValueError, OSError, pa.ArrowException) as error:
        return _first_line(error)
    return ""


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
