"""Loading versions of Delta tables into an open DuckDB file."""

import time
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import Load, literal, quote
from amazon_reviews.resources.warehouse.duckdb.errors import explained
from amazon_reviews.resources.warehouse.snapshot import Snapshot

_METADATA = """
CREATE TABLE IF NOT EXISTS main._loads (
    name VARCHAR, delta_table_id VARCHAR, delta_version BIGINT, delta_schema VARCHAR,
    row_count BIGINT, loaded_at TIMESTAMPTZ DEFAULT now());
-- The files of earlier releases lack this column.
ALTER TABLE main._loads ADD COLUMN IF NOT EXISTS content BIGINT;
CREATE TABLE IF NOT EXISTS main._files (name VARCHAR, path VARCHAR, partition VARCHAR);
"""


def load_tables(
    connection: duckdb.DuckDBPyConnection,
    pending: Sequence[Snapshot],
    changes: Mapping[str, set[str] | None],
) -> list[Load]:
    """Load every table of `pending` into an open, writable warehouse file.

    `changes` gives for each name the conditions of the partitions to replace, or None to load the
    complete table.

    Raises:
        WarehouseError: a load failed; the text names the table. The file is half written then.
    """
    connection.execute(_METADATA)
    for name in (name for name, changed in changes.items() if changed is None):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(name.split('/')[0])}")
        connection.execute(f"DROP TABLE IF EXISTS {relation(name)}")
    # Frees the blocks of the dropped tables for the new ones.
    connection.execute("CHECKPOINT")
    loads = [_load(connection, snapshot, changes[snapshot.table.name]) for snapshot in pending]
    connection.execute("CHECKPOINT")
    return loads


def _load(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, changed: set[str] | None
) -> Load:
    started = time.perf_counter()
    table = snapshot.table
    with explained(f"{table.name} at Delta version {table.version}"):
        _insert(connection, snapshot, changed)
        rows = _reconciled(connection, snapshot)
        _comment(connection, snapshot)
        _record(connection, snapshot, rows)
    files = snapshot.files.values()
    size = sum(f.bytes for f in files if changed is None or f.partition in changed)
    seconds = time.perf_counter() - started
    return Load(table.name, table.version, rows, size, skipped=False, seconds=seconds)


def _insert(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, changed: set[str] | None
) -> None:
    target = relation(snapshot.table.name)
    if changed is None:
        connection.register("columns_only", snapshot.schema.empty_table())
        connection.execute(f"CREATE TABLE {target} AS FROM columns_only")
        connection.unregister("columns_only")
    elif not changed:
        return
    condition = None if changed is None else " OR ".join(sorted(changed))
    if condition is not None:
        connection.execute(f"DELETE FROM {target} WHERE {condition}")
    connection.register("batches", snapshot.batches(condition))
    # DuckDB skips row groups by their smallest and largest value, which helps in sorted rows only.
    sort_by = snapshot.table.sort_by
    order = f" ORDER BY {quote(sort_by)}" if sort_by else ""
    connection.execute(f"INSERT INTO {target} BY NAME FROM batches{order}")
    connection.unregister("batches")


def _reconciled(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> int:
    table = snapshot.table
    count = connection.execute(f"SELECT count(*) FROM {relation(table.name)}").fetchall()[0][0]
    if count != snapshot.rows:
        raise WarehouseError(
            f"{table.name}: {count} rows arrived in the warehouse, but Delta version "
            f"{table.version} has {snapshot.rows}"
        )
    return int(count)


def _comment(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    table = snapshot.table
    target = relation(table.name)
    connection.execute(f"COMMENT ON TABLE {target} IS {literal(table.description)}")
    for column in snapshot.schema.names:
        text = literal(table.columns.get(column, ""))
        connection.execute(f"COMMENT ON COLUMN {target}.{quote(column)} IS {text}")


def _record(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, rows: int) -> None:
    table, name, files = snapshot.table, snapshot.table.name, snapshot.files
    _forget(connection, name)
    connection.execute(
        "INSERT INTO main._loads "
        "(name, delta_table_id, delta_version, delta_schema, row_count, content) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [name, snapshot.table_id, table.version, snapshot.schema_json, rows, table.content],
    )
    partitions = pa.array([file.partition for file in files.values()], pa.string())
    connection.register("files", pa.table({"path": list(files), "partition": partitions}))
    connection.execute("INSERT INTO main._files SELECT ?, path, partition FROM files", [name])
    connection.unregister("files")


def _forget(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    for metadata in ("_loads", "_files"):
        connection.execute(f"DELETE FROM main.{metadata} WHERE name = ?", [name])


def forget_content(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Remove the content version of a loaded table from an open, writable warehouse file."""
    connection.execute(_METADATA)
    connection.execute("UPDATE main._loads SET content = NULL WHERE name = ?", [name])


def drop_table(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Remove a loaded table from an open, writable warehouse file."""
    connection.execute(f"DROP TABLE {relation(name)}")
    _forget(connection, name)


def relation(name: str) -> str:
    """Return the name of the table ``layer/name`` in DuckDB's SQL."""
    return ".".join(quote(part) for part in name.split("/"))
