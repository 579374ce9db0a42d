"""Locations of the lakehouse: a local folder or a path in an object store; errors of both.

The engine, delta-rs and this module read the store's credentials from environment variables, each
on its own. This module adds the options that the environment does not hold.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs as pafs
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from pyspark.errors import PySparkException

from amazon_reviews.config import LAKEHOUSE, is_remote
from amazon_reviews.disk import Place, storage_error, temporary_files
from amazon_reviews.errors import (
    AmazonReviewsError,
    EngineError,
    LakehouseError,
    StorageError,
    one_line,
)
from amazon_reviews.resources.lakehouse.damage import describe_damaged_file

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
# Every store has its own texts for the same two failures, and no error class tells them apart.
_NO_ACCESS = re.compile(r"\b40[13] [FU]|privileges|Unauth|Forbidden", re.IGNORECASE)
_NO_CONTAINER = re.compile(r"\b404 N|NoSuchBucket|ContainerNotFound", re.IGNORECASE)


def storage_options(location: str) -> dict[str, str] | None:
    """Return the options for delta-rs that the environment does not hold."""
    return _OPTIONS.get(_scheme(location))


def filesystem(location: str) -> pafs.FileSystem:
    """Return the files below `location`."""
    if not is_remote(location):
        return pafs.SubTreeFileSystem(location, pafs.LocalFileSystem())
    return pafs.PyFileSystem(DeltaStorageHandler(location, storage_options(location)))


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Explain what to check when the object store refuses access or does not answer.

    Raises:
        LakehouseError: replaces the store's own error; its text holds no credential.
    """
    try:
        yield
    except (CommitFailedError, TableNotFoundError):
        raise
    except (DeltaError, OSError) as error:
        if not is_remote(location):
            raise
        raise LakehouseError(f"{location}: {_reason(location, str(error))}") from None


@contextmanager
def explained_write(location: str, key: str) -> Iterator[None]:
    """Explain why the rows of the table `key` cannot be computed or written.

    Raises:
        StorageError: the folder of the lakehouse, or that of temporary files, is full or refuses to
            be written to.
        EngineError: the engine failed otherwise.
    """
    try:
        yield
    except AmazonReviewsError:
        raise
    except Exception as error:
        if problem := storage_error(error, written_places(location)):
            raise StorageError(f"{key} cannot be written: {problem}") from error
        if isinstance(error, PySparkException):
            why = describe_damaged_file(location, error) or one_line(error)
            raise EngineError(f"{key} cannot be built: {why}") from error
        raise


def written_places(location: str) -> list[Place]:
    """Return the folders on this machine that a build of a table writes to."""
    local = [] if is_remote(location) else [Place(LAKEHOUSE, Path(location))]
    return [*local, temporary_files()]


def _reason(location: str, error: str) -> str:
    variables = _VARIABLES[_scheme(location)]
    if _NO_ACCESS.search(error):
        return (
            "the store refuses access; AMAZON_REVIEWS_LAKEHOUSE needs permission to read, write, "
            f"list and delete there, and {variables} must be set and not expired"
        )
    if _NO_CONTAINER.search(error):
        return "there is no such container or bucket; AMAZON_REVIEWS_LAKEHOUSE names it"
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return f"the store cannot be used ({lines[0] if lines else 'no reason given'})"


def _scheme(location: str) -> str:
    return location.partition("://")[0] if is_remote(location) else ""
