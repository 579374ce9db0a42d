"""Where the lakehouse lies: a local folder, or a place in an object store.

Engine, delta-rs and this module read credentials from the environment variables of the store,
each by itself; what else they have to be told stands here.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from amazon_reviews.config import is_remote
from amazon_reviews.errors import LakehouseError

_OPTIONS = {
    # Without it delta-rs refuses to write where it cannot exclude another writer.
    "s3": {"aws_conditional_put": "etag"},
}
_VARIABLES = {
    "az": "AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_ACCOUNT_KEY",
    "abfss": "AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_ACCOUNT_KEY",
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
}
_PLAIN_HTTP = ("AZURE_ALLOW_HTTP", "AWS_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")
_REFUSED = re.compile(r"\b40[13] [FU]|privileges|Unauth|Forbidden", re.IGNORECASE)
_MISSING = re.compile(r"\b404 N|NoSuchBucket|ContainerNotFound", re.IGNORECASE)


def storage_options(location: str) -> dict[str, str] | None:
    """What delta-rs has to be told of the store beside what the environment holds."""
    return _OPTIONS.get(_scheme(location))


def filesystem(location: str) -> pafs.FileSystem:
    """The files below `location`."""
    if not is_remote(location):
        return pafs.SubTreeFileSystem(location, pafs.LocalFileSystem())
    from deltalake.fs import DeltaStorageHandler

    return pafs.PyFileSystem(DeltaStorageHandler(location, storage_options(location)))


@contextmanager
def exclusive(location: str, name: str) -> Iterator[Callable[[], None]]:
    """Hold the lock `name`; gives what raises ConcurrentWriteError when it was lost meanwhile.

    In a folder the kernel releases that of a killed process at once, in an object store others
    wait for its lease to end.
    """
    path = f".locks/{name.replace('/', '.')}.lock"
    if is_remote(location):
        # Here because it brings the client, which a local lakehouse does not need.
        from amazon_reviews.resources.lakehouse.lease import REQUEST_SECONDS, Lease

        with explained(location):
            lease = Lease(_store(location, REQUEST_SECONDS), path).acquire()
        try:
            yield lease.check
        finally:
            lease.release()
        return
    lock = Path(location) / path
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield _held


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Tell what to check when the object store refuses or does not answer.

    Raises:
        LakehouseError: in the place of the store's own error; no credential is shown.
    """
    try:
        yield
    except (CommitFailedError, TableNotFoundError):
        raise
    except (DeltaError, OSError) as error:
        if not is_remote(location):
            raise
        raise LakehouseError(f"{location}: {_reason(location, str(error))}") from None


def _reason(location: str, said: str) -> str:
    variables = _VARIABLES[_scheme(location)]
    if _REFUSED.search(said):
        return (
            "the store refuses access; AMAZON_REVIEWS_LAKEHOUSE needs leave to read, write, list "
            f"and delete there, and {variables} must be set and not expired"
        )
    if _MISSING.search(said):
        return "there is no such container or bucket; AMAZON_REVIEWS_LAKEHOUSE names it"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"the store cannot be used ({lines[0] if lines else 'no reason given'})"


@lru_cache(maxsize=8)
def _store(location: str, seconds: int) -> Any:
    """A client that gives up a request after so many seconds, and then tries once more."""
    from obstore.store import from_url

    # Options given here take the place of those in the environment.
    plain = any(os.environ.get(name, "").lower() == "true" for name in _PLAIN_HTTP)
    return from_url(
        location,
        client_options={"timeout": f"{seconds}s", "allow_http": plain},
        retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=2 * seconds)},
    )


def _held() -> None:
    """A lock of the kernel is not lost."""


def _scheme(location: str) -> str:
    return location.partition("://")[0] if is_remote(location) else ""
