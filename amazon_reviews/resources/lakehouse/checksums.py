"""SHA-256 checksums of the files of a table, in its folder `_sha256`.

Neither Delta's log nor the engine's data files hold checksums. After each commit a file records
those of the commit's log entry, of the checkpoint if it made one, and of the data files it added.
The lines are those of `sha256sum`, so that `sha256sum --check --ignore-missing _sha256/*` in the
folder of a table verifies it too. The last line is a comment with the checksum of those above it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable

FOLDER = "_sha256"

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_ADD = b'{"add"'
_LAST_CHECKPOINT = "_delta_log/_last_checkpoint"
_NAME = re.compile(r"\d{20}")
_BUFFER_BYTES = 1 << 16
# The last digit of the versions at which Spark and delta-rs make checkpoints.
_CHECKPOINT_DIGITS = (0, 9)


def digest_of(files: pafs.FileSystem, path: str) -> str:
    """Return the checksum of a file."""
    with files.open_input_stream(path, compression=None) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record_checksums(
    files: pafs.FileSystem, key: str, version: int, known: Mapping[str, str] | None = None
) -> None:
    """Record the checksums of what a commit of a table wrote; the commit was just made.

    Of files that an earlier commit wrote, the checksums are `known`: they may be damaged by now. A
    failure is no reason to fail the commit: a file without a checksum is decoded instead.
    """
    with suppress(OSError):
        names = [log_entry(version), *_added(files, key, version)]
        checkpoint = log_entry(version).replace(".json", ".checkpoint.parquet")
        if version % 10 in _CHECKPOINT_DIGITS and _is_file(files, f"{key}/{checkpoint}"):
            names += [checkpoint, _LAST_CHECKPOINT]
        digests = {
            name: (known or {}).get(name) or digest_of(files, f"{key}/{name}") for name in names
        }
        lines = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
        files.create_dir(f"{key}/{FOLDER}", recursive=True)
        _write(files, f"{key}/{FOLDER}/{version:020d}", f"{lines}{_end(lines)}")


def recorded_checksums(files: pafs.FileSystem, key: str) -> tuple[dict[str, str], list[str]]:
    """Return the checksums of the files of a table by path, and the damaged records of some.

    Paths are relative to the table's folder. An empty record, which a power cut may leave, counts
    as none.
    """
    checksums: dict[str, str] = {}
    damaged = []
    for path in _records(files, key):
        with files.open_input_stream(path, compression=None) as stream:
            text = stream.read().decode(errors="replace")
        lines = text.rpartition("# ")[0]
        if text == f"{lines}{_end(lines)}":
            checksums |= {name: digest for digest, name in _LINE.findall(lines)}
        elif text:
            damaged.append(path.removeprefix(f"{key}/"))
    return checksums, damaged


def remove_old_checksums(files: pafs.FileSystem, key: str, table: DeltaTable) -> None:
    """Remove the records of commits whose log entry is gone and whose files no version needs.

    These are the files that the vacuum has removed.
    """
    active: set[str] = set()
    for path in _records(files, key):
        entry = log_entry(int(path.rpartition("/")[2]))
        if _is_file(files, f"{key}/{entry}"):
            # The log loses its oldest entries first.
            return
        if not active:
            actions = pa.RecordBatchReader.from_stream(table.get_add_actions()).read_all()
            active = {unquote(path) for path in actions["path"].to_pylist()}
        with files.open_input_stream(path, compression=None) as stream:
            names = {name for _, name in _LINE.findall(stream.read().decode(errors="replace"))}
        if names.isdisjoint(active) and not _exist(files, key, names):
            files.delete_file(path)


def log_entry(version: int) -> str:
    """Return the path of a log entry in the table's folder."""
    return f"_delta_log/{version:020d}.json"


def _added(files: pafs.FileSystem, key: str, version: int) -> Iterator[str]:
    with files.open_input_stream(f"{key}/{log_entry(version)}", compression=None) as stream:
        for line in stream.read().splitlines():
            if line.startswith(_ADD):
                yield unquote(json.loads(line)["add"]["path"])


def _records(files: pafs.FileSystem, key: str) -> list[str]:
    """Return the paths of the records in the order of the commits."""
    selector = pafs.FileSelector(f"{key}/{FOLDER}", allow_not_found=True)
    found = files.get_file_info(selector)
    return sorted(info.path for info in found if _NAME.fullmatch(info.base_name))


def _end(lines: str) -> str:
    return f"# {hashlib.sha256(lines.encode()).hexdigest()}\n"


def _write(files: pafs.FileSystem, path: str, text: str) -> None:
    # A killed process leaves half a file, while an object is complete when it appears.
    is_local = isinstance(files, pafs.SubTreeFileSystem)
    aside = f"{path}.tmp" if is_local else path
    # delta-rs takes bytes, which only a buffered stream hands on.
    with files.open_output_stream(aside, compression=None, buffer_size=_BUFFER_BYTES) as stream:
        stream.write(text.encode())
    if is_local:
        files.move(aside, path)


def _exist(files: pafs.FileSystem, key: str, names: Iterable[str]) -> bool:
    """Return True if one of these files of a table is there."""
    infos = files.get_file_info([f"{key}/{name}" for name in names])
    return any(info.is_file for info in infos)


def _is_file(files: pafs.FileSystem, path: str) -> bool:
    return bool(files.get_file_info(path).is_file)
