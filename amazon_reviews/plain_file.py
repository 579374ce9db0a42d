"""Opening of files that people name: only plain files, so that nothing waits for a pipe."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFDIR: "folder",
}


class NotPlainFileError(OSError):
    """A path leads to something else than a file with bytes; `strerror` says to what."""


def kind_of(mode: int) -> str:
    """Return the name of what has this mode, and is not a plain file."""
    return _KINDS.get(stat.S_IFMT(mode), "special file")


def open_plain_file(path: str | Path) -> BinaryIO:
    """Open a plain file for reading its bytes.

    Raises:
        NotPlainFileError: the path leads to a FIFO, a device, a folder or the like.
        OSError: the file cannot be opened.
    """
    # Otherwise opening a FIFO waits for a process that writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise NotPlainFileError(None, f"it is a {kind_of(mode)}, not a plain file", str(path))
    return open(descriptor, "rb")
