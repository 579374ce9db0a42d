"""SHA-256 checksums of the files of a table, in its folder `_sha256`.

Neither Delta's log nor the engine's data files hold checksums. After each commit a file records
those of the commit's log entry, of the checkpoint if it made one, and of the data files it added.
The lines are those of `sha256sum`, so that `sha256sum --check --ignore-missing _sha256/*` in the
folder of a table verifies it too. The last line is a comment with the checksum of those above it.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote

import pyarrow.fs as pafs

FOLDER = "_sha256"

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_END = re.compile(r"# ([0-9a-f]{64})\n?\Z")
_ADD = b'{"add"'
_LAST_CHECKPOINT = "_delta_log/_last_checkpoint"
# All intervals at which checkpoints are usual are multiples of it.
_CHECKPOINT_INTERVAL = 10


def digest_of(files: pafs.FileSystem, path: str) -> str:
    """Return the checksum of a file."""
    with files.open_input_stream(path, compression=None) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record_checksums(files: pafs.FileSystem, key: str, version: int) -> None:
    """Record the checksums of what a commit of a table wrote; the commit was just made.

    A failure is no reason to fail the commit: a file without a checksum is decoded instead.
    """
    with suppress(OSError):
        names = [log_entry(version), *_added(files, key, version)]
        checkpoint = log_entry(version).replace(".json", ".checkpoint.parquet")
        if not version % _CHECKPOINT_INTERVAL and _is_file(files, f"{key}/{checkpoint}"):
            names += [checkpoint, _LAST_CHECKPOINT]
        lines = "".join(f"{digest_of(files, f'{key}/{name}')}  {name}\n" for name in names)
        end = f"# {hashlib.sha256(lines.encode()).hexdigest()}\n"
        files.create_dir(f"{key}/{FOLDER}", recursive=True)
        with files.open_output_stream(_path(key, version), compression=None) as stream:
            stream.write((lines + end).encode())


def recorded_checksums(files: pafs.FileSystem, key: str) -> tuple[dict[str, str], list[str]]:
    """Return the checksums of the files of a table by path, and the damaged records of some.

    Paths are relative to the table's folder. A record that a killed process left unfinished counts
    as none.
    """
    checksums: dict[str, str] = {}
    damaged = []
    for path in _records(files, key):
        with files.open_input_stream(path, compression=None) as stream:
            text = stream.read().decode(errors="replace")
        if not (end := _END.search(text)):
            continue
        lines = text[: end.start()]
        if hashlib.sha256(lines.encode()).hexdigest() != end[1]:
            damaged.append(path.removeprefix(f"{key}/"))
            continue
        checksums |= {name: digest for digest, name in _LINE.findall(lines)}
    return checksums, damaged


def remove_old_checksums(files: pafs.FileSystem, key: str, active: set[str]) -> None:
    """Remove the records of commits whose log entry is gone and that added no `active` file."""
    for path in _records(files, key):
        entry = log_entry(int(path.rpartition("/")[2]))
        if _is_file(files, f"{key}/{entry}"):
            # The log loses its oldest entries first.
            return
        with files.open_input_stream(path, compression=None) as stream:
            names = {name for _, name in _LINE.findall(stream.read().decode(errors="replace"))}
        if names.isdisjoint(active):
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
    return sorted(info.path for info in files.get_file_info(selector) if info.is_file)


def _path(key: str, version: int) -> str:
    return f"{key}/{FOLDER}/{version:020d}"


def _is_file(files: pafs.FileSystem, path: str) -> bool:
    return bool(files.get_file_info(path).is_file)
