"""Atomic file replacement: a reader sees the old file or the complete new one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that replaces `path` at the end of the block.

    The folder is created if needed. If the block fails, `path` stays as it was.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield file
            file.flush()
            # A temporary file is readable by its owner only.
            os.chmod(file.name, 0o644)
            replace_file(Path(file.name), path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def write_new(path: Path, content: bytes) -> None:
    """Write a new file completely or not.

    Raises:
        FileExistsError: there is a file of this name; it stays as it is.
        OSError: the file cannot be written.
    """
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def replace_file(source: Path, target: Path) -> None:
    """Move `source` to `target` in one step; a file that `target` replaces passes on its mode.

    Both must be in the same file system.

    Raises:
        OSError: the file cannot be moved; `target` stays as it was.
    """
    if target.exists():
        shutil.copymode(target, source)
    # Otherwise a power cut could keep the new name and lose the bytes.
    _sync(source)
    os.replace(source, target)
    # Some network file systems cannot sync a folder. Then the old file may return after a power
    # cut, which is complete too.
    with suppress(OSError):
        _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
