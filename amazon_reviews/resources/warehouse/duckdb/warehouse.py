"""The warehouse as one DuckDB file, with a hidden one beside it (see `previous.py`).

A load brings the hidden file up to date, or a copy where that is impossible, and exchanges it for
the old one by renaming. It holds a lock that the kernel releases when the process dies. So a reader
sees the old or the new state and never waits. What a killed load leaves, the next one removes or
completes. A load that finds the file damaged begins a new one, and keeps the damaged one under
another name.
"""

import glob
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
from filelock import FileLock

from amazon_reviews.config import WAREHOUSE
from amazon_reviews.disk import Place, check_room
from amazon_reviews.errors import DamagedWarehouseError, WarehouseError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.resources.warehouse.base import (
    BY_PARTITION,
    ColumnDescription,
    Load,
    TableDescription,
    TableVersion,
    literal,
)
from amazon_reviews.resources.warehouse.duckdb.contents import State, read_states, states_in
from amazon_reviews.resources.warehouse.duckdb.errors import (
    damage_in,
    explained,
    explained_change,
)
from amazon_reviews.resources.warehouse.duckdb.load import is_sparse, load_tables, relation
from amazon_reviews.resources.warehouse.duckdb.previous import (
    copy,
    is_open_here,
    previous_of,
    publish,
    remove,
)
from amazon_reviews.resources.warehouse.duckdb.reader import Reader
from amazon_reviews.resources.warehouse.snapshot import Snapshot

_log = logging.getLogger(__name__)

_MAGIC, _MAGIC_AT = b"DUCK", 8
# Measured as 2.4 with the sample: DuckDB compresses texts less than Zstandard does.
_BYTES_PER_DELTA_BYTE = 2


class DuckDBWarehouse:
    """Tables in one DuckDB file: schema ``layer``, table ``name``.

    Threads may share it. Loads of several processes take turns.
    """

    def __init__(self, path: str | os.PathLike[str], memory_limit: str = "512MB") -> None:
        """Open nothing yet; a load and the reader each use at most `memory_limit` for buffers."""
        self._path = Path(path).resolve()
        self._memory_limit = memory_limit
        self._reader = Reader(self._path, memory_limit)

    def load(self, tables: Sequence[TableVersion]) -> list[Load]:
        """See `Warehouse.load`; only the changed Delta partitions of a table are rewritten.

        If the file is found to be damaged, a new one with the given tables replaces it. The
        damaged file is kept with the suffix ``.damaged``, in place of an older one.
        """
        if len({table.name for table in tables}) < len(tables):
            raise ValueError("a table is named twice in one load")
        with explained(self._path):
            self._check_own()
        with explained_change(self._path), self._locked():
            snapshots = [_opened(table) for table in tables]
            try:
                return self._load(snapshots, self._loaded(files=True))
            except DamagedWarehouseError as error:
                aside = self._path.with_name(f"{self._path.name}.damaged")
                loads = self._load(snapshots, {}, aside)
                if loads:
                    cause = error.__cause__
                    _log.warning("%s was damaged, and is now %s: %s", self._path, aside, cause)
                return loads

    def versions(self) -> dict[str, int]:
        """See `Warehouse.versions`."""
        return {name: state.delta_version for name, state in self._loaded().items()}

    def contents(self) -> dict[str, int]:
        """See `Warehouse.contents`."""
        return {name: state.content for name, state in self._loaded().items()}

    def stored_rows(self) -> dict[str, int]:
        """See `Warehouse.stored_rows`."""
        return {name: state.row_count for name, state in self._loaded().items()}

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """See `Warehouse.query`; timestamps are in UTC."""
        return self._reader.query(sql, parameters)

    def damaged(self, watch: Callable[[int, int], None]) -> Iterator[tuple[str, str, str]]:
        """See `Warehouse.damaged`; DuckDB compares each block that it reads with its checksum."""
        try:
            exists = self._loaded()
        except DamagedWarehouseError as error:
            yield "", str(self._path), damage_in(error)
            return
        previous = previous_of(self._path)
        if exists:
            yield from _damaged_tables(self._path, self._reader, watch)
        if exists and previous.exists():
            reader = Reader(previous, self._memory_limit)
            # A load may be writing to it.
            with suppress(WarehouseError):
                for _, place, reason in _damaged_tables(previous, reader, watch):
                    yield "", place, reason
                    break

    def describe(self, name: str) -> TableDescription:
        """See `Warehouse.describe`."""
        state = self._loaded().get(name)
        if state is None:
            raise WarehouseError(f"{name} is not in the warehouse {self._path}")
        where = "WHERE database_name = 'warehouse' AND schema_name = ? AND table_name = ?"
        table = name.split("/")
        comment = self.query(
            f"SELECT comment, {state.row_count} AS rows FROM duckdb_tables() {where} UNION ALL "
            f"SELECT comment, NULL FROM (SELECT *, view_name AS table_name FROM duckdb_views()) "
            f"{where}",
            [*table, *table],
        ).to_pylist()
        columns = self.query(
            "SELECT column_name AS name, data_type AS type, coalesce(comment, '') AS description "
            f"FROM duckdb_columns() {where} ORDER BY column_index",
            table,
        ).to_pylist()
        described = tuple(ColumnDescription(**column) for column in columns)
        description = comment[0]["comment"] or ""
        count = comment[0]["rows"]
        if count is None:
            (count,) = self.query(f"SELECT count(*) AS n FROM {relation(name)}")["n"].to_pylist()
        return TableDescription(name, state.delta_version, count, description, described)

    def outdate(self, name: str) -> None:
        """See `Warehouse.outdate`."""
        self._change(name, lambda state: {name: replace(state, content=0)})

    def drop(self, name: str) -> None:
        """See `Warehouse.drop`; readers of the old file are not disturbed."""
        self._change(name, lambda _: {})

    def _change(self, name: str, change: Callable[[State], dict[str, State]]) -> None:
        """Replace the state of a table, if it is loaded, by that of `change`, or by none."""
        with explained_change(self._path, "changed"), self._locked():
            loaded = self._loaded(files=True)
            if name in loaded:
                others = {key: state for key, state in loaded.items() if key != name}
                self._replace([], loaded, others | change(loaded[name]))

    def relation(self, name: str) -> str:
        """See `Warehouse.relation`."""
        return relation(name)

    @property
    def _lock_file(self) -> Path:
        return self._path.with_name(f".{self._path.name}.lock")

    def _check_own(self) -> None:
        """Raise WarehouseError if the file is neither DuckDB's nor one of an earlier load.

        A setting may name any file by mistake, which must not be taken for a damaged warehouse.
        """
        if not self._path.is_file() or self._lock_file.exists():
            return
        with self._path.open("rb") as file:
            start = file.read(_MAGIC_AT + len(_MAGIC))
        if start[_MAGIC_AT:] != _MAGIC:
            raise WarehouseError(
                f"{self._path} is not a DuckDB file, and stays as it is; set "
                "AMAZON_REVIEWS_WAREHOUSE to another file"
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        path = self._lock_file
        # No soft lock: that of a killed process would stay.
        with FileLock(path, fallback_to_soft=False, thread_local=False):
            for stale in self._path.parent.glob(f".{glob.escape(self._path.name)}.*.tmp"):
                shutil.rmtree(stale, ignore_errors=True)
            yield

    def _loaded(self, *, files: bool = False) -> dict[str, State]:
        try:
            return read_states(self.query, files=files)
        except WarehouseError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return {}
            if isinstance(error.__cause__, duckdb.CatalogException | duckdb.BinderException):
                raise WarehouseError(
                    f"{self._path} is a DuckDB database, but not one of this program; name "
                    f"another file in {WAREHOUSE}"
                ) from error
            raise

    def _load(
        self,
        snapshots: Sequence[Snapshot],
        loaded: Mapping[str, State],
        aside: Path | None = None,
    ) -> list[Load]:
        names = [snapshot.table.name for snapshot in snapshots]
        pending = [
            snapshot
            for name, snapshot in zip(names, snapshots, strict=True)
            if name not in loaded or not loaded[name].holds(snapshot)
        ]
        loads = self._replace(pending, loaded, loaded, aside) if pending else []
        by_name = {load.name: load for load in loads}
        return [by_name.get(name) or _skipped(name, loaded[name]) for name in names]

    def _replace(
        self,
        pending: Sequence[Snapshot],
        loaded: Mapping[str, State],
        states: Mapping[str, State],
        aside: Path | None = None,
    ) -> list[Load]:
        """Replace the file by one with `pending`, and `states` for the other tables.

        It holds the tables `loaded` now. The old file is moved to `aside`, if given.
        """
        names = {snapshot.table.name for snapshot in pending}
        others = {name: state for name, state in states.items() if name not in names}
        prefix, parent = f".{self._path.name}.", self._path.parent
        with temporary_folder(prefix=prefix, suffix=".tmp", dir=parent) as name:
            folder, previous = Path(name), previous_of(self._path)
            held = self._held(previous, folder) if loaded else {}
            if held and all(n in held and held[n].is_like(state) for n, state in others.items()):
                try:
                    self._check_room(pending, held, 0)
                    return self._published(previous, pending, others, folder)
                except WarehouseError as error:
                    if not isinstance(error.__cause__, duckdb.Error):
                        raise
                    _log.warning("%s cannot be used, and is made again: %s", previous, error)
                    remove(previous)
            self._check_room(pending, loaded, self._path.stat().st_size if loaded else 0)
            if loaded:
                copy(self._path, folder / "warehouse.duckdb")
            if aside:
                remove(previous)
            return self._published(folder / "warehouse.duckdb", pending, others, folder, aside)

    def _held(self, previous: Path, folder: Path) -> dict[str, State]:
        """Return the tables of the hidden file, none if it cannot be written to."""
        if not previous.exists() or is_open_here(previous):
            return {}
        try:
            with self._connect(previous, folder) as connection:
                return states_in(connection)
        except duckdb.Error as error:
            # A reader still has it, or it is damaged.
            _log.info("%s is not used: %s", previous, error)
            return {}

    def _published(
        self,
        file: Path,
        pending: Sequence[Snapshot],
        others: Mapping[str, State],
        folder: Path,
        aside: Path | None = None,
    ) -> list[Load]:
        with explained(file), self._connect(file, folder) as connection:
            if others:
                connection.execute(f"ATTACH {literal(str(self._path))} AS current (READ_ONLY)")
            loads = load_tables(connection, pending, others)
            sparse = is_sparse(connection)
        new = self._compacted(file, folder) if sparse else file
        if aside:
            shutil.copymode(self._path, new)
            os.replace(self._path, aside)
        publish(new, self._path, folder)
        # An idle reader of the old file would keep the next load from writing to it.
        self._reader.close()
        return loads

    def _check_room(
        self, pending: Sequence[Snapshot], held: Mapping[str, State], present: int
    ) -> None:
        """Raise StorageError if the rows to load do not fit twice, beside `present` more bytes."""
        sizes = (
            file.bytes
            for snapshot in pending
            for path, file in snapshot.files.items()
            if (state := held.get(snapshot.table.name)) is None
            or (path, file.partition) not in state.files
        )
        needed = present + 2 * _BYTES_PER_DELTA_BYTE * sum(sizes)
        check_room(Place(WAREHOUSE, self._path.parent), needed)

    def _connect(self, file: Path, folder: Path) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(
            file,
            config={
                "memory_limit": self._memory_limit,
                "temp_directory": str(folder / "spill"),
                "preserve_insertion_order": False,
                # Merging row groups at a checkpoint can cost more than a complete load. Instead,
                # deleted rows stay until the file is sparse; see `is_sparse`.
                "max_vacuum_tasks": 0,
            },
        )

    def _compacted(self, file: Path, folder: Path) -> Path:
        target = folder / "compacted.duckdb"
        with self._connect(target, folder) as connection:
            connection.execute(f"ATTACH {literal(str(file))} AS sparse (READ_ONLY)")
            connection.execute("COPY FROM DATABASE sparse TO compacted")
        return target


def _damaged_tables(
    path: Path, reader: Reader, watch: Callable[[int, int], None]
) -> Iterator[tuple[str, str, str]]:
    try:
        tables = reader.query(
            "SELECT schema_name || '/' || table_name AS name FROM duckdb_tables() "
            "WHERE database_name = 'warehouse' AND table_name <> '_loads'"
        )["name"].to_pylist()
    except DamagedWarehouseError as error:
        yield "", str(path), damage_in(error)
        return
    for number, name in enumerate(tables, start=1):
        try:
            # The hash of a row needs all of its values.
            reader.query(f"SELECT bit_xor(hash(t)) FROM {relation(name)} t")
        except DamagedWarehouseError as error:
            shown = "" if name.startswith("main/") else name.removesuffix(BY_PARTITION)
            yield shown, str(path), damage_in(error)
        watch(number, len(tables))


def _opened(table: TableVersion) -> Snapshot:
    with explained(f"{table.name} at Delta version {table.version}"):
        return Snapshot(table)


def _skipped(name: str, state: State) -> Load:
    return Load(name, state.delta_version, state.row_count, bytes=0, skipped=True, seconds=0.0)
