"""The warehouse as one DuckDB file.

A load writes a new file beside the old one and replaces the old one by renaming. It holds a lock
that the kernel releases when the process dies. So a reader sees the old or the new state and never
waits. A load that is killed leaves only a temporary folder, which the next load removes. A load
that finds the file damaged begins a new one, and keeps the damaged one under another name.
"""

import fcntl
import glob
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from filelock import FileLock

from amazon_reviews.atomic_file import replace_file
from amazon_reviews.config import WAREHOUSE
from amazon_reviews.disk import Place, check_room
from amazon_reviews.errors import DamagedWarehouseError, WarehouseError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.resources.warehouse.base import (
    ColumnDescription,
    Load,
    TableDescription,
    TableVersion,
    literal,
)
from amazon_reviews.resources.warehouse.duckdb.errors import (
    damage_in,
    explained,
    explained_change,
)
from amazon_reviews.resources.warehouse.duckdb.load import (
    drop_table,
    forget_content,
    load_tables,
    relation,
)
from amazon_reviews.resources.warehouse.duckdb.reader import Reader
from amazon_reviews.resources.warehouse.snapshot import Snapshot, changed_partitions

_log = logging.getLogger(__name__)

_MAGIC, _MAGIC_AT = b"DUCK", 8
# Measured as 2.4 with the sample: DuckDB compresses texts less than Zstandard does.
_BYTES_PER_DELTA_BYTE = 2
_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file


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
                return self._load(snapshots, self._loaded())
            except DamagedWarehouseError as error:
                aside = self._path.with_name(f"{self._path.name}.damaged")
                loads = self._load(snapshots, {}, aside)
                if loads:
                    cause = error.__cause__
                    _log.warning("%s was damaged, and is now %s: %s", self._path, aside, cause)
                return loads

    def versions(self) -> dict[str, int]:
        """See `Warehouse.versions`."""
        return {name: state.version for name, state in self._loaded().items()}

    def contents(self) -> dict[str, int]:
        """See `Warehouse.contents`."""
        return {name: state.content for name, state in self._loaded().items()}

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """See `Warehouse.query`; timestamps are in UTC."""
        return self._reader.query(sql, parameters)

    def damaged(self, watch: Callable[[int, int], None]) -> Iterator[tuple[str, str, str]]:
        """See `Warehouse.damaged`; DuckDB compares each block that it reads with its checksum."""
        try:
            names = [*self._loaded()]
        except DamagedWarehouseError as error:
            yield "", str(self._path), damage_in(error)
            return
        relations = {name: relation(name) for name in names} | {"": "main._files"}
        for number, (name, table) in enumerate(relations.items() if names else (), start=1):
            try:
                # The hash of a row needs all of its values.
                self.query(f"SELECT bit_xor(hash(t)) FROM {table} t")
            except DamagedWarehouseError as error:
                yield name, str(self._path), damage_in(error)
            watch(number, len(relations))

    def describe(self, name: str) -> TableDescription:
        """See `Warehouse.describe`."""
        state = self._loaded().get(name)
        if state is None:
            raise WarehouseError(f"{name} is not in the warehouse {self._path}")
        where = "WHERE database_name = 'warehouse' AND schema_name = ? AND table_name = ?"
        table = name.split("/")
        comment = self.query(f"SELECT comment FROM duckdb_tables() {where}", table).to_pylist()
        columns = self.query(
            "SELECT column_name AS name, data_type AS type, coalesce(comment, '') AS description "
            f"FROM duckdb_columns() {where} ORDER BY column_index",
            table,
        ).to_pylist()
        described = tuple(ColumnDescription(**column) for column in columns)
        description = comment[0]["comment"] or ""
        return TableDescription(name, state.version, state.rows, description, described)

    def outdate(self, name: str) -> None:
        """See `Warehouse.outdate`."""
        self._change(name, forget_content)

    def drop(self, name: str) -> None:
        """See `Warehouse.drop`; readers of the old file are not disturbed."""
        self._change(name, drop_table)

    def _change(self, name: str, change: Callable[[duckdb.DuckDBPyConnection, str], None]) -> None:
        """Replace the file by one with a change to a loaded table."""
        with explained_change(self._path, "changed"), self._locked():
            if name not in self._loaded():
                return
            with temporary_folder(
                prefix=f".{self._path.name}.", suffix=".tmp", dir=self._path.parent
            ) as folder:
                file = Path(folder) / "warehouse.duckdb"
                _clone(self._path, file)
                with self._connect(file) as connection:
                    change(connection, name)
                replace_file(file, self._path)

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

    def _loaded(self) -> dict[str, "_State"]:
        try:
            # The files of earlier releases lack the column `content`.
            rows = self.query(
                "SELECT name, delta_table_id, delta_version AS version, delta_schema, "
                "row_count AS rows, coalesce(content, 0) AS content "
                "FROM (FROM main._loads UNION ALL BY NAME SELECT 0 AS content WHERE false) "
                "ORDER BY name"
            )
        except WarehouseError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return {}
            if isinstance(error.__cause__, duckdb.CatalogException | duckdb.BinderException):
                raise WarehouseError(
                    f"{self._path} is a DuckDB database, but not one of this program; name "
                    f"another file in {WAREHOUSE}"
                ) from error
            raise
        return {row.pop("name"): _State(**row) for row in rows.to_pylist()}

    def _load(
        self,
        snapshots: Sequence[Snapshot],
        loaded: Mapping[str, "_State"],
        aside: Path | None = None,
    ) -> list[Load]:
        pending = [s for s in snapshots if not _is_loaded(s, loaded.get(s.table.name))]
        loads = self._replace(pending, loaded, aside) if pending else {}
        names = [snapshot.table.name for snapshot in snapshots]
        return [loads.get(name) or _skipped(name, loaded[name]) for name in names]

    def _replace(
        self, pending: Sequence[Snapshot], loaded: Mapping[str, "_State"], aside: Path | None
    ) -> dict[str, Load]:
        """Replace the file by one with `pending`; move the old one to `aside`, if given."""
        prefix, parent = f".{self._path.name}.", self._path.parent
        with temporary_folder(prefix=prefix, suffix=".tmp", dir=parent) as folder:
            changes = {s.table.name: self._changes(s, loaded.get(s.table.name)) for s in pending}
            clones = any(changes.get(name, ()) is not None for name in loaded)
            check_room(Place(WAREHOUSE, parent), self._needed(pending, changes, clones=clones))
            file = Path(folder) / "warehouse.duckdb"
            if clones:
                _clone(self._path, file)
            with self._connect(file) as connection:
                loads = load_tables(connection, pending, changes)
                sparse = _is_sparse(connection)
            new = self._compacted(file) if sparse else file
            if aside:
                shutil.copymode(self._path, new)
                os.replace(self._path, aside)
            replace_file(new, self._path)
        return {load.name: load for load in loads}

    def _needed(
        self,
        pending: Sequence[Snapshot],
        changes: Mapping[str, set[str] | None],
        *,
        clones: bool,
    ) -> int:
        """Return the size of the new file, as far as it can be foreseen."""
        present = self._path.stat().st_size if clones else 0
        sizes = (
            file.bytes
            for snapshot in pending
            for file in snapshot.files.values()
            if changes[snapshot.table.name] is None
        )
        return present + _BYTES_PER_DELTA_BYTE * sum(sizes)

    def _changes(self, snapshot: Snapshot, state: "_State | None") -> set[str] | None:
        """Return the conditions of the changed partitions, None to load the complete table."""
        if state is None or snapshot.has_deletion_vectors:
            return None
        if (state.delta_table_id, state.delta_schema) != (snapshot.table_id, snapshot.schema_json):
            return None
        rows = self.query(
            "SELECT path, partition FROM main._files WHERE name = ?", [snapshot.table.name]
        ).to_pylist()
        return changed_partitions(
            ((row["path"], row["partition"]) for row in rows), snapshot.partitions()
        )

    def _connect(self, file: Path) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(
            file,
            config={
                "memory_limit": self._memory_limit,
                "temp_directory": str(file.with_suffix(".spill")),
                "preserve_insertion_order": False,
                # Merging row groups at a checkpoint can cost more than a complete load. Instead,
                # deleted rows stay until the file is sparse; see `_is_sparse`.
                "max_vacuum_tasks": 0,
            },
        )

    def _compacted(self, file: Path) -> Path:
        target = file.with_name("compacted.duckdb")
        with self._connect(target) as connection:
            connection.execute(f"ATTACH {literal(str(file))} AS sparse (READ_ONLY)")
            connection.execute("COPY FROM DATABASE sparse TO compacted")
        return target


@dataclass(frozen=True)
class _State:
    delta_table_id: str
    version: int
    delta_schema: str
    rows: int
    content: int


def _opened(table: TableVersion) -> Snapshot:
    with explained(f"{table.name} at Delta version {table.version}"):
        return Snapshot(table)


def _is_loaded(snapshot: Snapshot, state: _State | None) -> bool:
    if state is None or state.delta_table_id != snapshot.table_id:
        return False
    # A version without its content version is loaded again, to record it.
    table = snapshot.table
    return state.content == table.content if table.content else state.version == table.version


def _skipped(name: str, state: _State) -> Load:
    return Load(name, state.version, state.rows, bytes=0, skipped=True, seconds=0.0)


def _is_sparse(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return True if most of the file's blocks are free, or most rows of a table are deleted."""
    sizes = connection.execute("SELECT total_blocks, used_blocks FROM pragma_database_size()")
    total, used = sizes.fetchall()[0]
    loads = connection.execute("SELECT name, row_count FROM main._loads").fetchall()
    return total > 2 * used or any(_stored(connection, n) > 2 * rows for n, rows in loads)


def _stored(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Return the number of rows of a table in the file, including deleted ones."""
    segments = connection.execute(
        f"SELECT coalesce(sum(count), 0) FROM pragma_storage_info({literal(relation(name))}) "
        "WHERE column_id = 0 AND column_path = '[0]'"
    )
    return int(segments.fetchall()[0][0])


def _clone(source: Path, target: Path) -> None:
    # A file system that can share blocks copies a large file in no time.
    with open(source, "rb") as old, open(target, "wb") as new:
        with suppress(OSError):
            fcntl.ioctl(new, _FICLONE, old.fileno())
            return
        shutil.copyfileobj(old, new, 1 << 20)
