"""The hidden file beside the warehouse, which holds the state before the last load.

A load brings it up to date in place, and then exchanges the names of the two files. So an update
costs what changed, and a reader of the old state keeps its file. While such a reader is left, that
file is not written to.
"""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from amazon_reviews.atomic_file import replace_file

_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file


def previous_of(path: Path) -> Path:
    """Return the hidden file of the warehouse `path`."""
    return path.with_name(f".{path.name}.previous")


def is_open_here(path: Path) -> bool:
    """Return True if this process has a file open.

    The locks by which DuckDB protects a reader of another process do not hold within a process.
    """
    with suppress(OSError):
        file = path.stat()
        for descriptor in map(int, os.listdir("/dev/fd")):
            with suppress(OSError):
                if os.path.samestat(file, os.fstat(descriptor)):
                    return True
    return False


def publish(new: Path, path: Path, folder: Path) -> None:
    """Let the file `new` replace the warehouse `path`, which becomes the hidden file.

    Readers that open `path` meanwhile see one or the other. If the process dies on the way, or the
    file system has no hard links, there is no hidden file. `folder` is for temporary files.
    """
    link, previous = folder / "previous", previous_of(path)
    if path.exists():
        with suppress(OSError):
            os.link(path, link)
        replace_file(new, path)
    else:
        replace_file(new, path)
        # A full disk is no reason to fail now: the next load copies the file then.
        with suppress(OSError):
            copy(path, link)
    remove(previous)
    if link.exists():
        # It was synced when it got its content. To open it would drop the locks of this process.
        link.replace(previous)


def remove(file: Path) -> None:
    """Remove a file of DuckDB and its log."""
    # A log that outlives its file would be applied to the next one.
    file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
    file.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file; a file system that can share blocks does it in no time."""
    with open(source, "rb") as old, open(target, "wb") as new:
        with suppress(OSError):
            fcntl.ioctl(new, _FICLONE, old.fileno())
            return
        shutil.copyfileobj(old, new, 1 << 20)
