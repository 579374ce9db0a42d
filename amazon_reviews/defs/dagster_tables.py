"""Dagster's tables of runs, events and schedules, in SQLite files or in PostgreSQL."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import Connection, DateTime, bindparam, text
from sqlalchemy.exc import OperationalError

# Other processes write between two batches.
_BATCH = 500
# SQLite uses free pages again: the file is rewritten only if that makes it much smaller.
_MOST_FREE = 0.25
# The file of a run has 25 tables and indexes, most of them empty, and each takes a page: SQLite's
# default of 4 kB makes two thirds of the file.
_RUN_PAGE_BYTES = 1024
_PAGE_BYTES_AT = slice(16, 18)

Connect = AbstractContextManager[Connection]


def reclaim(instance: dg.DagsterInstance) -> None:
    """Give free pages of the databases back."""
    tables = {
        "runs run_tags snapshots bulk_actions backfill_tags": run_tables(instance),
        "event_logs asset_event_tags asset_check_executions": event_tables(instance),
    }
    if instance.schedule_storage:
        tables["job_ticks asset_daemon_asset_evaluations"] = schedule_tables(instance)
    for names, connect in tables.items():
        with connect as connection:
            engine = connection.engine
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if engine.dialect.name != "sqlite":
                connection.execute(text(f"VACUUM {', '.join(names.split())}"))
                continue
            free, pages = (
                connection.execute(text(f"PRAGMA {name}")).scalar_one()
                for name in ("freelist_count", "page_count")
            )
            # Free pages of a database in use are used again, and given back another day.
            with suppress(OperationalError):
                if free > pages * _MOST_FREE:
                    connection.execute(text("VACUUM"))
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def pack(shard: Path) -> None:
    """Rewrite the SQLite file of a run that has ended, in small pages."""
    with shard.open("rb") as file:
        header = file.read(_PAGE_BYTES_AT.stop)
    if int.from_bytes(header[_PAGE_BYTES_AT]) <= _RUN_PAGE_BYTES:
        return
    # A file that another process reads is left to another day.
    with closing(sqlite3.connect(shard)) as database, suppress(sqlite3.OperationalError):
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute(f"PRAGMA page_size = {_RUN_PAGE_BYTES}")
        database.execute("VACUUM")


def size_of(instance: dg.DagsterInstance) -> int:
    """Return the bytes of all files below DAGSTER_HOME."""
    size = 0
    for path in Path(instance.root_directory).rglob("*"):
        with suppress(FileNotFoundError):
            size += path.lstat().st_size
    return size


def run_tables(instance: dg.DagsterInstance) -> Connect:
    """Return a connection to runs, their tags, snapshots and backfills."""
    storage: Any = instance.run_storage
    return storage.connect()


def event_tables(instance: dg.DagsterInstance) -> Connect:
    """Return a connection to the events of assets and the results of checks."""
    storage: Any = instance.event_log_storage
    return storage.index_connection()


def schedule_tables(instance: dg.DagsterInstance) -> Connect:
    """Return a connection to ticks and evaluations."""
    storage: Any = instance.schedule_storage
    return storage.connect()


def execute(connection: Connection, statement: str, **values: Any) -> Any:
    """Execute a statement; a value may be a list, for `IN :name`."""
    parameters = [
        bindparam(name, type_=DateTime)
        if isinstance(value, datetime)
        else bindparam(name, expanding=isinstance(value, Collection) and not isinstance(value, str))
        for name, value in values.items()
    ]
    return connection.execute(text(statement).bindparams(*parameters), values)


def batches(values: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield the values in lists that one statement takes."""
    remaining = iter(values)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
