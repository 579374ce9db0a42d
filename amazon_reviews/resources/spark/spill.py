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

_LOOK_SECONDS = 1.0
_NAME = ("amazon_reviews_", ".engine")
_LOCK = "lock"
_MIB = 1 << 20
_log = logging.getLogger(__name__)


def spill_folder(memory: int) -> Path:
    """Return a new folder for what queries cannot hold in `memory` bytes.

    A thread logs when it is used. It is removed at the end of the process, and here if the process
    was killed.
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
    """Log the begin and the end of the use of the folder."""
    in_use, largest = False, 0
    _, before = _state(folder)
    pause = threading.Event()
    while not pause.wait(_LOOK_SECONDS) and folder.exists():
        used, changed = _state(folder)
        largest = max(largest, used)
        if used or changed != before:
            if not in_use:
                _log.info(
                    "a query needs more than its %s MiB of memory: it uses the disk, in %s",
                    *(f"{memory // _MIB:,}", folder),
                )
            in_use = True
        elif in_use:
            _log.info("the query used up to %s MiB of the disk", f"{largest // _MIB:,}")
            in_use, largest = False, 0
        before = changed


def _state(folder: Path) -> tuple[int, float]:
    """Return the bytes in the folder, and the time at which a file last came or went."""
    used, changed = 0, 0.0
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):
            stat = path.stat()
            used += 0 if path.is_dir() else stat.st_size
            changed = max(changed, stat.st_mtime if path.is_dir() else 0.0)
    return used, changed
