"""A lock in an object store: an object that its holder renews, and others take when it stops."""

import os
import time
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from threading import Event, Lock, Thread
from typing import Any, Self
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import from_url

from amazon_reviews.errors import ConcurrentWriteError, TableInUseError

LEASE_SECONDS = 30.0
"""Seconds for which a lock outlives a holder that was killed."""

_REQUEST_SECONDS = 5
"""Limit of one request about a lock; the lease leaves time for several."""

_PLAIN_HTTP = ("AZURE_ALLOW_HTTP", "AWS_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")


@lru_cache(maxsize=8)
def open_store(location: str) -> Any:
    """Return a client of the store that gives up a slow request and repeats it once."""
    # Options given here override those of the environment.
    plain = any(os.environ.get(name, "").lower() == "true" for name in _PLAIN_HTTP)
    return from_url(
        location,
        client_options={"timeout": f"{_REQUEST_SECONDS}s", "allow_http": plain},
        retry_config={
            "max_retries": 1,
            "retry_timeout": timedelta(seconds=2 * _REQUEST_SECONDS),
        },
    )


class Lease:
    """The lock at a path of a store, held from `acquire` until `release`.

    A holder is taken for dead when its object stays unchanged, so no clocks are compared.
    """

    def __init__(self, store: Any, path: str) -> None:
        self._store = store
        self._path = path
        self._seconds = LEASE_SECONDS
        self._name = uuid4().hex
        self._writes = 0
        self._version: dict[str, str] = {}
        self._turn = Lock()
        self._released = Event()
        self._renewing = Thread(target=self._renew_until_released, daemon=True)

    def acquire(self, *, wait: bool = True) -> Self:
        """Wait until the lock is free or its holder is dead, and take it.

        Raises:
            OSError: the store refuses access, or cannot be reached.
            TableInUseError: another process renews it, and `wait` is False.
        """
        seen: dict[str, str] = {}
        since = time.monotonic()
        while not self._put("create"):
            now = self._current()
            if now != seen:
                if seen and now and not wait:
                    raise TableInUseError(self._path)
                seen, since = now, time.monotonic()
            elif seen and time.monotonic() - since > self._seconds and self._put(seen):
                break
            time.sleep(self._seconds / 60)
        self._renewing.start()
        return self

    def check(self) -> None:
        """Renew the lock, which proves that it is still held and buys the time to commit.

        Raises:
            ConcurrentWriteError: another process has taken it.
            OSError: the store refuses access, or cannot be reached.
        """
        if not self._renew():
            raise ConcurrentWriteError(
                f"the lock {self._path} was not renewed for {self._seconds:.0f} s, and another run "
                "took it; nothing was written, run it again"
            )

    def release(self) -> None:
        """Delete the lock's object, unless another process has taken the lock."""
        self._released.set()
        self._renewing.join()
        # An object that cannot be deleted expires.
        with suppress(BaseError, OSError):
            if self._renew():
                obstore.delete(self._store, self._path)

    def _renew_until_released(self) -> None:
        while not self._released.wait(self._seconds / 6):
            # A failed renewal is repeated. If the lock is lost, `check` reports it.
            with suppress(OSError):
                self._renew()

    def _renew(self) -> bool:
        with self._turn:
            return self._put(self._version) or (self._is_ours() and self._put(self._version))

    def _is_ours(self) -> bool:
        """Return True if the object is ours after all: the reply to a renewal may be lost."""
        try:
            result = obstore.get(self._store, self._path)
            if not bytes(result.bytes()).startswith(self._name.encode()):
                return False
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise OSError(str(error)) from None
        self._version = _version(result.meta)
        return True

    def _put(self, mode: Any) -> bool:
        """Write the object if its state is as `mode` requires; return True if it was written."""
        # Each write has other bytes, because equal bytes have an equal tag.
        self._writes += 1
        body = f"{self._name} {self._writes}".encode()
        try:
            result = obstore.put(self._store, self._path, body, mode=mode)
        except (AlreadyExistsError, PreconditionError):
            return False
        except FileNotFoundError as error:
            if mode == "create":
                raise OSError(str(error)) from None
            return False
        except BaseError as error:
            raise OSError(str(error)) from None
        self._version = _version(result)
        return True

    def _current(self) -> dict[str, str]:
        try:
            return _version(obstore.head(self._store, self._path))
        except FileNotFoundError:
            return {}
        except BaseError as error:
            raise OSError(str(error)) from None


def _version(result: Any) -> dict[str, str]:
    return {name: result[name] for name in ("e_tag", "version") if result.get(name)}
