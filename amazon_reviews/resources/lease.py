"""A lock in an object store: an object that its holder renews, and others take when it stops."""

import time
from contextlib import suppress
from threading import Event, Thread
from typing import Any, Self
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from amazon_reviews.resources.storage import ConcurrentWriteError

LEASE_SECONDS = 30.0
"""How long a lock outlives a holder that was killed."""


class Lease:
    """The lock at a path of a store, held from `acquire` until `release`.

    That a holder is gone is seen by its object staying as it is, so no clocks are compared.
    """

    def __init__(self, store: Any, path: str) -> None:
        self._store = store
        self._path = path
        self._seconds = LEASE_SECONDS
        self._name = uuid4().hex
        self._times = 0
        self._version: dict[str, str] = {}
        self._renewed = 0.0
        self._lost = False
        self._released = Event()
        self._renewing = Thread(target=self._renew, daemon=True)

    def acquire(self) -> Self:
        """Wait until the lock is free or its holder is gone, and take it.

        Raises:
            OSError: the store refuses, or cannot be reached.
        """
        seen: dict[str, str] = {}
        since = time.monotonic()
        while not self._put("create"):
            now = self._current()
            if now != seen:
                seen, since = now, time.monotonic()
            elif seen and time.monotonic() - since > self._seconds and self._put(seen):
                break
            time.sleep(self._seconds / 60)
        self._renewing.start()
        return self

    def check(self) -> None:
        """Make sure that the lock is still held.

        Raises:
            ConcurrentWriteError: it could not be renewed in time, so another may hold it now.
        """
        if self._lost or time.monotonic() - self._renewed > self._seconds:
            raise ConcurrentWriteError(
                f"the lock {self._path} was not renewed for {self._seconds:.0f} s, and may be "
                "another run's by now; nothing was written, run it again"
            )

    def release(self) -> None:
        """Give the lock back; one that was lost is another's."""
        self._released.set()
        self._renewing.join()
        # What cannot be deleted ends by itself.
        with suppress(ConcurrentWriteError, BaseError, OSError):
            self.check()
            obstore.delete(self._store, self._path)

    def _renew(self) -> None:
        while not self._released.wait(self._seconds / 4):
            try:
                self._lost = not self._put(self._version)
            except OSError:
                # Tried again; if it stays so, `check` finds the last renewal too long ago.
                continue
            if self._lost:
                return

    def _put(self, mode: Any) -> bool:
        """Write the object if it is as `mode` says; every time with other bytes, thus a new tag."""
        self._times += 1
        body = f"{self._name} {self._times}".encode()
        before = time.monotonic()
        try:
            version = obstore.put(self._store, self._path, body, mode=mode)
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            return False
        except BaseError as error:
            raise OSError(str(error)) from None
        self._version, self._renewed = _given(version), before
        return True

    def _current(self) -> dict[str, str]:
        try:
            return _given(obstore.head(self._store, self._path))
        except FileNotFoundError:
            return {}
        except BaseError as error:
            raise OSError(str(error)) from None


def _given(version: Any) -> dict[str, str]:
    return {name: version[name] for name in ("e_tag", "version") if version.get(name)}
