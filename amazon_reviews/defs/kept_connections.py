"""Connections to Dagster's SQLite files that stay open, and commit without a wait for the disk.

Dagster opens a database for each statement, and SQLite then waits for the disk several times: a run
of small tables took longer for its events than for its rows. Events are a log for people, so the
last ones may be lost in a power cut, but not the files: SQLite's log (WAL) keeps them whole.
"""

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event, make_url

from amazon_reviews.defs.dagster_private import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
    SqliteRunStorage,
)
from amazon_reviews.interrupts import temporary_folder

# The runs, the index of events, and runs that are under way.
_OPEN_FILES = 8
_BUSY_SECONDS = 30
_KEPT: WeakSet[Engine] = WeakSet()


@cache
def keep_connections() -> None:
    """Keep the connections of this process to Dagster's SQLite files from now on."""
    SqliteEventLogStorage._connect = _connect_events  # type: ignore[method-assign]
    SqliteEventLogStorage.has_table = _has_table  # type: ignore[method-assign]
    SqliteRunStorage.connect = _connect_runs  # type: ignore[method-assign]
    atexit.register(close_connections)


def close_connections() -> None:
    """Close the connections that nobody uses now; those to a file keep it from being rewritten."""
    for engine in [*_KEPT]:
        engine.dispose()


@contextmanager
def _connect_events(self: SqliteEventLogStorage, shard: str) -> Iterator[Connection]:
    with self._db_lock:
        path = Path(self.path_for_shard(shard))
        if not path.exists():
            _place(_without_events(self._initdb), path)
        elif shard not in self._initialized_dbs:
            # Another process may still create it.
            self._initdb(_engine(path))
        self._initialized_dbs.add(shard)
        with _engine(path).begin() as connection:
            yield connection


def _has_table(self: SqliteEventLogStorage, table_name: str) -> bool:
    # Dagster also asks while it holds the lock of `_connect_events`.
    with _engine(Path(self.path_for_shard(INDEX_SHARD_NAME))).connect() as connection:
        return bool(connection.dialect.has_table(connection, table_name))


@contextmanager
def _connect_runs(self: SqliteRunStorage) -> Iterator[Connection]:
    with _engine(Path(str(make_url(self._conn_string).database))).begin() as connection:
        yield connection


def _engine(path: Path) -> Engine:
    file = path.stat()
    return _engine_of(path, (file.st_dev, file.st_ino), os.getpid())


@lru_cache(_OPEN_FILES)
def _engine_of(path: Path, _file: tuple[int, int], _process: int) -> Engine:
    """Return what connects to a file; a new file at its path, or a child process, has its own."""
    engine = _create(path, "NORMAL", poolclass=QueuePool, pool_size=2, max_overflow=-1)
    _KEPT.add(engine)
    return engine


def _create(path: Path, synchronous: str, **options: Any) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS}, **options)
    event.listen(
        engine, "connect", lambda opened, _: opened.execute(f"PRAGMA synchronous={synchronous}")
    )
    return engine


@lru_cache(1)
def _without_events(initialize: Callable[[Engine], None]) -> bytes:
    """Return the file of a run without events, which Dagster creates in dozens of commits."""
    with temporary_folder() as folder:
        path = Path(folder) / "run.db"
        initialize(_create(path, "OFF", poolclass=NullPool))
        return path.read_bytes()


def _place(content: bytes, path: Path) -> None:
    """Write a file completely or not; one that another process has placed meanwhile stays."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            return
