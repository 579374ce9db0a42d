"""A lock in an object store: an object that its holder renews, and others take when it stops."""

import time
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Any, Self
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from amazon_reviews.errors import ConcurrentWriteError

LEASE_SECONDS = 30.0
"""How long a lock outlives a holder that was killed."""

REQUEST_SECONDS = 5
"""How long one request about a lock may take, to leave time for others."""


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
        self._turn = Lock()
        self._released = Event()
        self._renewing = Thread(target=self._keep, daemon=True)

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
        """Renew the lock, to make sure that it is still held and will be for a while.

        Raises:
            ConcurrentWriteError: it is another's by now.
            OSError: the store refuses, or cannot be reached.
        """
        if not self._renewed():
            raise ConcurrentWriteError(
                f"the lock {self._path} was not renewed for {self._seconds:.0f} s, and another run "
                "took it; nothing was written, run it again"
            )

    def release(self) -> None:
        """Give the lock back; one that was lost is another's."""
        self._released.set()
        self._renewing.join()
        # What cannot be deleted ends by itself.
        with suppress(BaseError, OSError):
            if self._renewed():
                obstore.delete(self._store, self._path)

    def _keep(self) -> None:
        while not self._released.wait(self._seconds / 6):
            # What fails is tried again; should the lock be lost, `check` finds that.
            with suppress(OSError):
                self._renewed()

    def _renewed(self) -> bool:
        with self._turn:
            return self._put(self._version) or (self._is_own() and self._put(self._version))

    def _is_own(self) -> bool:
        """Whether the object is ours after all: the reply to a renewal may have been lost."""
        try:
            found = obstore.get(self._store, self._path)
            if not bytes(found.bytes()).startswith(self._name.encode()):
                return False
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise OSError(str(error)) from None
        self._version = _given(found.meta)
        return True

    def _put(self, mode: Any) -> bool:
        """Write the object if it is as `mode` says; every time with other bytes, thus a new tag."""
        self._times += 1
        body = f"{self._name} {self._times}".encode()
        try:
            version = obstore.put(self._store, self._path, body, mode=mode)
        except (AlreadyExistsError, PreconditionError):
            return False
        except FileNotFoundError as error:
            if mode == "create":
                raise OSError(str(error)) from None
            return False
        except BaseError as error:
            raise OSError(str(error)) from None
        self._version = _given(version)
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
