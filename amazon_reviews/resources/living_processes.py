"""Processes at work, each with a lock in a folder; the kernel releases it when the process dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

FOLDER = "processes"
"""The folder below DAGSTER_HOME that holds the locks of headless runs, and of runs in a folder."""

_SUFFIX = ".lock"
_STARTED = "%Y%m%dT%H%M%SZ"


@contextmanager
def living(folder: Path, name: str = "") -> Iterator[str]:
    """Hold a lock during the block, and yield its name; by default it tells the time of its start.

    A process may hold a lock of the name of one that died.
    """
    name = name or f"{datetime.now(UTC).strftime(_STARTED)}-{uuid4().hex}"
    path = _path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Until it is locked, others would take its process for dead.
    starting = path.with_suffix(".starting")
    with _lock(starting):
        starting.rename(path)
        try:
            yield name
        finally:
            path.unlink(missing_ok=True)


def is_dead(folder: Path, name: str) -> bool:
    """Return True if no living process holds the lock of this name."""
    path = _path(folder, name)
    if not path.exists():
        return True
    try:
        with _lock(path).acquire(blocking=False):
            return True
    except Timeout:
        return False


def killed(folder: Path) -> list[str]:
    """Return the names of processes that died with their lock, the earliest first."""
    names = sorted(path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))
    return [name for name in names if is_dead(folder, name)]


def forget(folder: Path, name: str) -> None:
    """Remove the lock of a process that died."""
    _path(folder, name).unlink(missing_ok=True)


def start_of(name: str) -> str:
    """Return the time of the start in a name, for people; empty without one."""
    try:
        started = datetime.strptime(name.partition("-")[0], _STARTED)  # noqa: DTZ007
    except ValueError:
        return ""
    return f"{started:%Y-%m-%d %H:%M:%S} UTC"


def _lock(path: Path) -> FileLock:
    # No soft lock: that of a killed process would stay.
    return FileLock(path, fallback_to_soft=False, thread_local=False)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}{_SUFFIX}"
