"""The folder of the embedded engine's temporary files: its use is logged, and it does not stay."""

import atexit
import fcntl
import logging
import os
import shutil
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

from amazon_reviews.interrupts import temporary_folder

_LOOK_SECONDS = 0.2
_NAME = ("amazon_reviews_", ".engine")
_LOCK = "lock"
_MIB = 1 << 20
_log = logging.getLogger(__name__)


def spill_folder(memory: int) -> Path:
    """Return a new folder for what queries cannot hold in `memory` bytes.

    A thread logs how much was used. The folder is removed at the end of the process, and here if
    the process was killed.
    """
    for left in Path(tempfile.gettempdir()).glob("*".join(_NAME)):
        with suppress(OSError):
            os.close(_locked(left / _LOCK, os.O_RDWR))
            shutil.rmtree(left)
    stack = ExitStack()
    prefix, suffix = _NAME
    folder = Path(stack.enter_context(temporary_folder(prefix=prefix, suffix=suffix)))
    _locked(folder / _LOCK, os.O_RDWR | os.O_CREAT)
    atexit.register(stack.close)
    watch = threading.Thread(target=_watch, args=(folder, memory), name="spill", daemon=True)
    watch.start()
    return folder


def _locked(file: Path, flags: int) -> int:
    """Return the descriptor of a lock that ends with the process, however that ends.

    Raises:
        OSError: there is no such file, or another process holds its lock.
    """
    descriptor = os.open(file, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _watch(folder: Path, memory: int) -> None:
    """Log the bytes that queries stored in the folder, when they are twice as many as before."""
    largest = told = 0
    pause = threading.Event()
    while not pause.wait(_LOOK_SECONDS) and folder.exists():
        used = _used_bytes(folder)
        largest = max(largest, used)
        if not used and largest > 2 * told:
            told = largest
            _log.warning(
                "a query needed more than its %s MiB of memory, and used up to %s MiB of the disk "
                "in %s",
                *(f"{memory // _MIB:,}", f"{largest // _MIB:,}", folder.parent),
            )


def _used_bytes(folder: Path) -> int:
    used = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            used += 0 if path.is_dir() else path.stat().st_size
    return used
