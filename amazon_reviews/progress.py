"""Progress callbacks for long-running work, without passing them through every call."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_watcher: ContextVar[Callable[[str], None] | None] = ContextVar("watcher", default=None)


def advance(partition: str) -> None:
    """Report a partition as done to the watcher, if there is one."""
    if watcher := _watcher.get():
        watcher(partition)


@contextmanager
def watching(watcher: Callable[[str], None]) -> Iterator[None]:
    """Call `watcher` for every partition that is done within the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
