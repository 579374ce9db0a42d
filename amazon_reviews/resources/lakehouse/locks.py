"""Locks of the lakehouse, which processes on one or several machines take in turns."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from amazon_reviews.config import LAKEHOUSE, is_remote
from amazon_reviews.disk import Place, explaining
from amazon_reviews.errors import TableInUseError
from amazon_reviews.resources.lakehouse.object_store import explained


@contextmanager
def lock(location: str, name: str, *, wait: bool = True) -> Iterator[Callable[[], None]]:
    """Hold the lock `name` of a lakehouse, after the holder before has released it.

    Yields a function that raises ConcurrentWriteError if the lock was lost meanwhile. In a local
    folder the kernel releases the lock of a killed process at once. In an object store others wait
    until its lease ends.

    Raises:
        TableInUseError: another process holds it, and `wait` is False.
    """
    path = f".locks/{name.replace('/', '.')}.lock"
    if is_remote(location):
        with _lease(location, path, wait=wait) as check_lock:
            yield check_lock
        return
    file = Path(location) / path
    # No soft lock: that of a killed process would stay. Not bound to a thread: a generator that
    # holds the lock may be closed by another thread.
    with ExitStack() as stack:
        with explaining(Place(LAKEHOUSE, Path(location))):
            file.parent.mkdir(parents=True, exist_ok=True)
            held = FileLock(file, -1 if wait else 0, fallback_to_soft=False, thread_local=False)
            try:
                stack.enter_context(held)
            except Timeout:
                raise TableInUseError(str(file)) from None
        yield _still_held


@contextmanager
def _lease(location: str, path: str, *, wait: bool) -> Iterator[Callable[[], None]]:
    # Imported here because it loads obstore, which a local lakehouse does not need.
    from amazon_reviews.resources.lakehouse.lease import Lease, open_store

    with explained(location):
        lease = Lease(open_store(location), path).acquire(wait=wait)
    try:
        yield lease.check
    finally:
        lease.release()


def _still_held() -> None:
    """Accept: the kernel takes no lock away from a living process."""
