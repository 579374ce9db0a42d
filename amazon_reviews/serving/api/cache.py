"""Memory of the service: cached responses, and the key ranges in which it reads the tables."""

import zlib
from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from threading import Lock
from typing import NamedTuple, Self

from cachetools import LRUCache

# Memory of an entry beside the bytes of its response: key, counters, and places in three tables.
# The process grew by 655 bytes per entry just after the tables had grown, which costs most.
_ENTRY_BYTES = 720


class ResponseKey(NamedTuple):
    """A key of equal size for every request; `query` is an object that lives as long as the cache.

    The arguments come from strangers, and a key that held them could be larger than its response.
    """

    query: Hashable
    digest: bytes

    @classmethod
    def of(cls, query: Hashable, *arguments: object) -> Self:
        """Return the key of a query with these arguments, whose texts differ if they differ."""
        return cls(query, blake2b(repr(arguments).encode(), digest_size=16).digest())


class ResponseCache:
    """The most recently used responses, up to a number of bytes; threads may share it.

    The bytes include keys and overhead. Responses are compressed: they repeat the same field
    names, so several times as many fit.
    """

    def __init__(self, most_bytes: int) -> None:
        self._bodies: LRUCache[ResponseKey, bytes] = LRUCache(most_bytes, getsizeof=_size)
        self._lock = Lock()

    def get(self, key: ResponseKey) -> bytes | None:
        """Return the cached response, or None."""
        with self._lock:
            packed = self._bodies.get(key)
        return None if packed is None else zlib.decompress(packed)

    def put(self, bodies: Mapping[ResponseKey, bytes]) -> None:
        """Cache responses by key, which may evict the least recently used ones."""
        packed = {key: zlib.compress(body, 1) for key, body in bodies.items()}
        # The event loop waits for this lock too, so it is taken once and not for each response.
        with self._lock:
            for key, body in packed.items():
                # A response that is larger than the whole cache is not cached.
                with suppress(ValueError):
                    self._bodies[key] = body


def _size(body: bytes) -> int:
    return _ENTRY_BYTES + len(body)


class KeyRanges:
    """Fixed ranges that divide the keys of a table; a look-up reads the whole range of its key.

    A query costs about the same for one key as for fifty. Reading each key alone answered 94
    instead of 318 requests a second from a cold start (20,000 products, titles and users each).
    """

    def __init__(self, starts: Sequence[str]) -> None:
        self._starts = starts

    def around(self, key: str) -> tuple[str, str | None]:
        """Return the start of the range of a key, and its end, which is None for the last range."""
        place = bisect_right(self._starts, key)
        start = self._starts[place - 1] if place else ""
        return start, self._starts[place] if place < len(self._starts) else None
