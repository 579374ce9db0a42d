"""Reading a DuckDB file that is replaced under its readers."""

import tempfile
import threading
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import literal
from amazon_reviews.resources.warehouse.duckdb.errors import unreadable


class Reader:
    """Read-only access to a DuckDB file that is replaced by renaming; threads may share it.

    A query reads the file that has the name at its start. Queries cannot reach other files.
    """

    def __init__(self, path: Path, memory_limit: str = "512MB") -> None:
        self._path = path
        self._memory_limit = memory_limit
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Return the rows of `sql`; `parameters` fill its ``?`` placeholders.

        Raises:
            DamagedWarehouseError: the file is damaged, as far as the query reads it.
            WarehouseError: the query fails, or there is no file yet.
        """
        try:
            with closing(self._cursor()) as cursor:
                relation = cursor.sql(sql, params=list(parameters) or None)
                if relation is None:
                    raise WarehouseError(f"the statement returns no rows: {sql}")
                return relation.to_arrow_table()
        except (duckdb.Error, OSError) as error:
            raise unreadable(self._path, error) from error

    def close(self) -> None:
        """Close the file until the next query."""
        with self._lock:
            self._connection = None

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            # Before the file is opened: a replacement in between then costs one more opening, but
            # goes unnoticed otherwise.
            seen = self._identity()
            if self._connection is None or seen != self._seen:
                self._connection, self._seen = self._attach(), seen
            cursor = self._connection.cursor()
        cursor.execute("USE warehouse")
        return cursor

    def _identity(self) -> tuple[int, int]:
        try:
            stat = self._path.stat()
        except FileNotFoundError as error:
            raise WarehouseError(
                f"{self._path} does not exist yet: materialize the warehouse's tables, or set "
                "AMAZON_REVIEWS_WAREHOUSE to where they are"
            ) from error
        return stat.st_ino, stat.st_mtime_ns

    def _attach(self) -> duckdb.DuckDBPyConnection:
        # Attached to a new database, since duckdb.connect(path) returns the process's open instance
        # of the same path, which may still read the replaced file.
        spill = Path(tempfile.gettempdir(), f"amazon_reviews_{uuid.uuid4().hex}.spill")
        connection = duckdb.connect(
            config={
                "memory_limit": self._memory_limit,
                "temp_directory": str(spill),
                "python_enable_replacements": False,
            }
        )
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(str(self._path))} AS warehouse (READ_ONLY)")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection
