"""Loading versions of Delta tables into an open DuckDB file, in one transaction."""

import time
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import BY_PARTITION, Load, literal, quote
from amazon_reviews.resources.warehouse.duckdb.contents import (
    CREATE_RECORDS,
    State,
    states_in,
    write_states,
)
from amazon_reviews.resources.warehouse.duckdb.errors import explained
from amazon_reviews.resources.warehouse.snapshot import Snapshot


def load_tables(
    connection: duckdb.DuckDBPyConnection,
    pending: Sequence[Snapshot],
    others: Mapping[str, State],
) -> list[Load]:
    """Bring an open, writable file to the snapshots of `pending` and the states of `others`.

    Rows of `others` that the file lacks are copied from the attached database `current`, and
    tables that are in neither are removed.

    Raises:
        WarehouseError: a load failed; the text names the table. The file is unchanged then.
    """
    connection.execute(f"BEGIN; {CREATE_RECORDS}")
    held = states_in(connection)
    new = {snapshot.table.name: State.of(snapshot) for snapshot in pending}
    states = {**others, **new}
    for name in held.keys() - states.keys():
        _drop(connection, name)
    stored = _stored_names(connection)
    for name, state in others.items():
        if held[name].files != state.files:
            changed = held[name].change_to(state)
            condition = "true" if changed is None else " OR ".join(sorted(changed))
            target = relation(stored[name])
            connection.execute(f"DELETE FROM {target} WHERE {condition}")
            connection.execute(
                f"INSERT INTO {target} BY NAME FROM current.{target} WHERE {condition} "
                "ORDER BY rowid"
            )
    loads = [_load(connection, s, held.get(s.table.name), new[s.table.name]) for s in pending]
    _comment(connection, pending)
    write_states(connection, states)
    connection.execute("COMMIT")
    connection.execute("CHECKPOINT")
    return loads


def _load(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, held: State | None, new: State
) -> Load:
    started = time.perf_counter()
    table = snapshot.table
    with explained(f"{table.name} at Delta version {table.version}"):
        changed = held.change_to(new) if held else None
        if held is None or held.delta_schema != new.delta_schema:
            _create(connection, snapshot)
        _insert(connection, snapshot, changed)
        _reconcile(connection, snapshot)
    files = snapshot.files.values()
    size = sum(f.bytes for f in files if changed is None or f.partition in changed)
    seconds = time.perf_counter() - started
    return Load(table.name, table.version, snapshot.rows, size, skipped=False, seconds=seconds)


def _create(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """Create a table without rows, and the view that merges them, in place of the present ones."""
    table = snapshot.table
    _drop(connection, table.name)
    connection.register("columns_only", snapshot.schema.empty_table())
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(table.name.split('/')[0])}")
    connection.execute(f"CREATE TABLE {relation(table.stored_name)} AS FROM columns_only")
    connection.unregister("columns_only")
    if table.merged_by:
        types = pa.schema({name: type_ for name, (type_, _) in table.merged.items()})
        connection.register("columns_only", types.empty_table())
        names = dict(
            connection.execute(
                "SELECT column_name, column_type FROM (DESCRIBE columns_only)"
            ).fetchall()
        )
        connection.unregister("columns_only")
        keys = ", ".join(map(quote, table.merged_by))
        others = ", ".join(
            f"CAST({sql} AS {names[name]}) AS {quote(name)}"
            for name, (_, sql) in table.merged.items()
        )
        connection.execute(
            f"CREATE VIEW {relation(table.name)} AS SELECT {keys}, {others} "
            f"FROM {relation(table.stored_name)} GROUP BY {keys}"
        )


def _drop(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Remove a table and the view that merges its rows, as far as they exist."""
    stored = _stored_names(connection).get(name)
    if stored and stored != name:
        connection.execute(f"DROP VIEW {relation(name)}")
    if stored:
        connection.execute(f"DROP TABLE {relation(stored)}")


def _stored_names(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the names of the tables that hold the rows, by the names that people read."""
    rows = connection.execute(
        "SELECT schema_name || '/' || table_name FROM duckdb_tables() "
        "WHERE database_name = current_database()"
    ).fetchall()
    return {name.removesuffix(BY_PARTITION): name for (name,) in rows}


def _insert(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, changed: set[str] | None
) -> None:
    target = relation(snapshot.table.stored_name)
    if changed is not None and not changed:
        return
    condition = None if changed is None else " OR ".join(sorted(changed))
    connection.execute(f"DELETE FROM {target} WHERE {condition or 'true'}")
    connection.register("batches", snapshot.batches(condition))
    # DuckDB skips row groups by their smallest and largest value, which helps in sorted rows only.
    sort_by = snapshot.table.sort_by
    order = f" ORDER BY {quote(sort_by)}" if sort_by else ""
    connection.execute(f"INSERT INTO {target} BY NAME FROM batches{order}")
    connection.unregister("batches")


def _reconcile(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    table = snapshot.table
    count = connection.execute(f"SELECT count(*) FROM {relation(table.stored_name)}").fetchall()[0][
        0
    ]
    if count != snapshot.rows:
        raise WarehouseError(
            f"{table.name}: {count} rows arrived in the warehouse, but Delta version "
            f"{table.version} has {snapshot.rows}"
        )


def _comment(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[Snapshot]) -> None:
    """Set the comments of tables and their columns, where they are not there yet."""
    found = connection.execute(
        "SELECT schema_name || '/' || table_name, column_name, comment FROM "
        "(FROM duckdb_columns() UNION ALL BY NAME FROM duckdb_tables() "
        "UNION ALL BY NAME SELECT *, view_name AS table_name FROM duckdb_views()) "
        "WHERE database_name = current_database()"
    ).fetchall()
    comments = {(name, column): text for name, column, text in found}
    for snapshot in snapshots:
        table = snapshot.table
        columns = [*table.merged_by, *table.merged] or snapshot.schema.names
        texts = {None: table.description, **{c: table.columns.get(c, "") for c in columns}}
        for column, text in texts.items():
            if comments[table.name, column] != text:
                kind = "COLUMN" if column else "VIEW" if table.merged_by else "TABLE"
                target = relation(table.name) + (f".{quote(column)}" if column else "")
                connection.execute(f"COMMENT ON {kind} {target} IS {literal(text)}")


def is_sparse(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return True if most of the file's blocks are free, or most rows of a table are deleted."""
    # The estimated size is the number of rows in the file, including deleted ones.
    (row,) = connection.execute(
        f"""
        SELECT (SELECT total_blocks > 2 * used_blocks FROM pragma_database_size()
                WHERE database_name = current_database())
            OR EXISTS (FROM main._loads JOIN duckdb_tables()
                ON name = schema_name || '/' || replace(table_name, '{BY_PARTITION}', '')
                WHERE database_name = current_database() AND estimated_size > 2 * row_count)
        """
    ).fetchall()
    return bool(row[0])


def relation(name: str) -> str:
    """Return the name of the table ``layer/name`` in DuckDB's SQL."""
    return ".".join(quote(part) for part in name.split("/"))
