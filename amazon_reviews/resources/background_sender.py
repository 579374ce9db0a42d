"""Sends items to a server in a thread of its own, so that its failures never disturb the work."""

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from amazon_reviews.errors import one_line
from amazon_reviews.redaction import redacted

T = TypeVar("T")

# A server that is down for long must not fill the memory.
_MOST_ITEMS = 2_000
_BATCH = 500
# The end of a process waits this long for a server that does not answer.
_LAST_SECONDS = 2.0
_NAME = "send "
_log = logging.getLogger(__name__)


class BackgroundSender(Generic[T]):
    """A queue of items, and the thread that sends them.

    Items that do not fit the queue are dropped. The first of several failures is logged.
    """

    def __init__(self, what: str, send: Callable[[Sequence[T]], None]) -> None:
        """Start the thread; `what` names the items in the log, `send` raises if it fails."""
        self._what = what
        self._send = send
        self._items: deque[T] = deque(maxlen=_MOST_ITEMS)
        self._changed = threading.Condition()
        self._sending = False
        self._failing = False
        # It logs every attempt of a client to connect again.
        logging.getLogger("urllib3.connectionpool").addFilter(_is_of_others)
        threading.Thread(target=self._work, name=f"{_NAME}{what}", daemon=True).start()
        _SENDERS.append(self)

    def put(self, item: T) -> None:
        """Add an item to the queue."""
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def flush(self, seconds: float = _LAST_SECONDS) -> None:
        """Wait until everything is sent, at most so many seconds; not for a server that failed."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._items or self._sending:
                if self._failing:
                    return
                if (left := until - time.monotonic()) <= 0:
                    self._fail("the server does not answer in time")
                    return
                self._changed.wait(left)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._items:
                    self._changed.wait()
                batch = [self._items.popleft() for _ in range(min(_BATCH, len(self._items)))]
                self._sending = True
            try:
                self._send(batch)
                self._failing = False
            except Exception as error:  # noqa: BLE001 - whatever a client raises, the work goes on
                self._fail(redacted(one_line(error)))
            with self._changed:
                self._sending = False
                self._changed.notify_all()

    def _fail(self, why: str) -> None:
        if not self._failing:
            _log.warning("%s are not sent, and the work goes on: %s", self._what, why)
        self._failing = True


_SENDERS: list[BackgroundSender] = []


@atexit.register
def _flush_all() -> None:
    until = time.monotonic() + _LAST_SECONDS
    for sender in _SENDERS:
        sender.flush(until - time.monotonic())


def _is_of_others(record: logging.LogRecord) -> bool:
    return not (record.threadName or "").startswith(_NAME)
