"""What the service keeps in memory: replies, and where it has read the tables."""

import threading
import zlib
from bisect import bisect_right, insort
from collections import OrderedDict

_MOST_BLOCKS = 100_000


class Blocks:
    """From which key to which one things were read.

    A read that begins where another ended fills the gap between blocks at once, where reads that
    begin at whatever is asked for would leave ever smaller gaps.
    """

    def __init__(self) -> None:
        self._firsts: list[str] = []
        self._lasts: dict[str, str] = {}
        self._lock = threading.Lock()

    def near(self, key: str) -> tuple[str | None, str | None]:
        """Where a read that may reach the key begins, and the key before which it ends."""
        with self._lock:
            at = bisect_right(self._firsts, key)
            before = self._firsts[at] if at < len(self._firsts) else None
            if at == 0:
                return None, before
            first = self._firsts[at - 1]
            last = self._lasts[first]
            return (first if key <= last else last), before

    def add(self, first: str, last: str) -> None:
        """Take note that everything from one key to another was read."""
        with self._lock:
            if len(self._firsts) == _MOST_BLOCKS:
                self._firsts, self._lasts = [], {}
            if first not in self._lasts:
                insort(self._firsts, first)
            self._lasts[first] = max(last, self._lasts.get(first, last))


class Kept:
    """The replies that were asked for last, packed, of so many bytes together.

    Their names repeat so much that several times as many fit.
    """

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._bodies: OrderedDict[object, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object) -> bytes | None:
        """The reply; None where it is not kept."""
        with self._lock:
            if key in self._bodies:
                self._bodies.move_to_end(key)
            packed = self._bodies.get(key)
        return None if packed is None else zlib.decompress(packed)

    def put(self, key: object, body: bytes) -> None:
        """Keep a reply, and let go of those that were not asked for longest."""
        packed = zlib.compress(body, 1)
        with self._lock:
            self._left += len(self._bodies.pop(key, b"")) - len(packed)
            self._bodies[key] = packed
            while self._left < 0:
                self._left += len(self._bodies.popitem(last=False)[1])
