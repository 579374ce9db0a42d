"""The records of a DuckDB file about the tables that it holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from amazon_reviews.resources.warehouse.snapshot import Snapshot, changed_partitions

CREATE_RECORDS = """
CREATE TABLE IF NOT EXISTS main._loads (
    name VARCHAR, delta_table_id VARCHAR, delta_version BIGINT, delta_schema VARCHAR,
    row_count BIGINT, loaded_at TIMESTAMPTZ DEFAULT now());
-- The files of earlier releases lack this column.
ALTER TABLE main._loads ADD COLUMN IF NOT EXISTS content BIGINT;
CREATE TABLE IF NOT EXISTS main._files (name VARCHAR, path VARCHAR, partition VARCHAR);
"""
_STATES = """
SELECT name, delta_table_id, delta_version, delta_schema, row_count,
    coalesce(content, 0) AS content
FROM (FROM main._loads UNION ALL BY NAME SELECT 0 AS content WHERE false) ORDER BY name
"""

_LOADS = {
    "name": pa.string(),
    "delta_table_id": pa.string(),
    "delta_version": pa.int64(),
    "delta_schema": pa.string(),
    "row_count": pa.int64(),
    "content": pa.int64(),
}
_FILES = dict.fromkeys(("name", "path", "partition"), pa.string())


@dataclass(frozen=True)
class State:
    """The state of a loaded table; `content` is 0 if it is not recorded.

    `delta_schema` ends with the columns of the view, if the table is merged. `files` are path and
    partition of its Delta files, if they were read.
    """

    delta_table_id: str
    delta_version: int
    delta_schema: str
    row_count: int
    content: int
    files: frozenset[tuple[str, str | None]] = frozenset()

    @classmethod
    def of(cls, snapshot: Snapshot) -> "State":
        """Return the state of a table after the load of a snapshot."""
        return cls(
            snapshot.table_id,
            snapshot.table.version,
            _schema_of(snapshot),
            snapshot.rows,
            snapshot.table.content,
            frozenset(snapshot.partitions()),
        )

    def is_like(self, other: "State") -> bool:
        """Return True if both are of one Delta table, with the same columns."""
        return (self.delta_table_id, self.delta_schema) == (
            other.delta_table_id,
            other.delta_schema,
        )

    def holds(self, snapshot: Snapshot) -> bool:
        """Return True if these are the rows of a snapshot, and recorded as such."""
        table = snapshot.table
        if (self.delta_table_id, self.delta_schema) != (snapshot.table_id, _schema_of(snapshot)):
            return False
        # A version without its content version is loaded again, to record it.
        if table.content:
            return self.content == table.content
        return self.delta_version == table.version

    def change_to(self, new: "State") -> set[str] | None:
        """Return the conditions of the partitions that another state replaces.

        None means that it replaces the table.
        """
        return changed_partitions(self.files, new.files) if self.is_like(new) else None


def _schema_of(snapshot: Snapshot) -> str:
    """Return the columns of the stored rows, and those of the view that merges them."""
    merged = [(name, sql) for name, (_, sql) in snapshot.table.merged.items()]
    return f"{snapshot.schema_json}{merged or ''}"


def read_states(query: Callable[[str], pa.Table], *, files: bool = False) -> dict[str, State]:
    """Return the state of each table by name, with its Delta files if asked for."""
    listed: dict[str, set[tuple[str, str | None]]] = {}
    for row in query("FROM main._files").to_pylist() if files else ():
        listed.setdefault(row["name"], set()).add((row["path"], row["partition"]))
    return {
        (name := row.pop("name")): State(**row, files=frozenset(listed.get(name, ())))
        for row in query(_STATES).to_pylist()
    }


def states_in(connection: duckdb.DuckDBPyConnection) -> dict[str, State]:
    """Return the state of each table of an open file by name, with its Delta files."""
    return read_states(lambda sql: connection.sql(sql).to_arrow_table(), files=True)


def write_states(connection: duckdb.DuckDBPyConnection, states: Mapping[str, State]) -> None:
    """Replace the records of an open, writable file."""
    # All of them, because rows that are deleted one by one would stay in the file.
    connection.execute("DELETE FROM main._loads; DELETE FROM main._files")
    loads = [{"name": name, **vars(state)} for name, state in states.items()]
    files = [
        {"name": name, "path": path, "partition": partition}
        for name, state in states.items()
        for path, partition in state.files
    ]
    for target, rows, columns in (("_loads", loads, _LOADS), ("_files", files, _FILES)):
        connection.register("records", pa.Table.from_pylist(rows, pa.schema(columns)))
        connection.execute(f"INSERT INTO main.{target} BY NAME FROM records")
        connection.unregister("records")
