"""Explanations of DuckDB's errors: a damaged file, a full disk, or a file that cannot be opened."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from amazon_reviews.config import WAREHOUSE
from amazon_reviews.disk import Place, storage_error, temporary_files
from amazon_reviews.errors import DamagedWarehouseError, WarehouseError, one_line

_FAILURES = (duckdb.Error, DeltaError, pa.ArrowException, OSError)
# DuckDB has no class of its own for damage, and an error of a query may quote any text. So these
# must be the first words of the error.
_DAMAGE = re.compile(
    r"(IO Error: )?"
    r"(Corrupt database file|Could not read enough bytes from file"
    r'|The file ".*" exists, but it is not a valid DuckDB database file)'
)


@contextmanager
def explained(subject: object, action: str = "loaded") -> Iterator[None]:
    """Raise errors of DuckDB, Delta Lake or the disk as a WarehouseError about `subject`."""
    try:
        yield
    except _FAILURES as error:
        kind = DamagedWarehouseError if _is_damage(error) else WarehouseError
        raise kind(f"{subject} could not be {action}: {one_line(error)}") from error


@contextmanager
def explained_change(path: Path, action: str = "loaded") -> Iterator[None]:
    """Explain why the file `path` cannot be changed, see `explained`.

    Raises:
        StorageError: its folder, or that of temporary files, is full or refuses to be written to.
    """
    try:
        with explained(path, action):
            yield
    except WarehouseError as error:
        places = Place(WAREHOUSE, path.parent), temporary_files()
        if problem := storage_error(error, places):
            raise problem from error
        raise


def unreadable(path: Path, error: duckdb.Error | OSError) -> WarehouseError:
    """Return the error of a query of the file `path`, with what to do about it."""
    if _is_damage(error):
        return DamagedWarehouseError(
            f"{path} is damaged; delete it, and `amazon-reviews run` makes it again "
            f"(DuckDB says: {_first_line(error)})"
        )
    problem = "cannot answer"
    if isinstance(error, duckdb.IOException | OSError):
        if "Could not set lock" in str(error):
            problem = "is open in a program that writes to it; end that program"
        elif "Permission denied" in str(error):
            problem = "may not be read by this account; allow it with chmod or chown"
    return WarehouseError(f"{path} {problem}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    """Return the text of an error without the statement that DuckDB quotes below it."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def damage_in(error: DamagedWarehouseError) -> str:
    """Return what DuckDB says of the damage, in one line."""
    return str(error.__cause__ or error).strip().splitlines()[0]


def _is_damage(error: Exception) -> bool:
    return isinstance(error, duckdb.Error) and bool(_DAMAGE.match(str(error)))
