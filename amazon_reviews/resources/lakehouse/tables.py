"""The lakehouse: Delta tables under one location, written by the engine or by delta-rs."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    WriterProperties,
    write_deltalake,
)
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from amazon_reviews.config import is_remote
from amazon_reviews.errors import ConcurrentWriteError, DamagedTableError, PinnedTableError
from amazon_reviews.resources.lakehouse.build_records import (
    BuiltFrom,
    changed_records,
    commit_of,
    new_records,
)
from amazon_reviews.resources.lakehouse.checksums import record_checksums
from amazon_reviews.resources.lakehouse.data_files import (
    check_partitions,
    staged_batches,
    staged_files,
    staged_rows,
)
from amazon_reviews.resources.lakehouse.locks import lock
from amazon_reviews.resources.lakehouse.log import TableLog, read_log, version_id
from amazon_reviews.resources.lakehouse.object_store import (
    explained,
    explained_write,
    filesystem,
    storage_options,
)
from amazon_reviews.resources.lakehouse.room import check_room_of, stored_bytes
from amazon_reviews.resources.spark.engine import ROW_GROUP_ROWS
from amazon_reviews.schemas import TABLES, Table
from amazon_reviews.schemas.built import WHOLE, Records, new_version

ALL_ROWS: Final = "all rows"
"""The value of `replacing` that replaces all rows of a table."""

LOG_DAYS = 30
"""Days for which log entries stay at least: a warehouse compares its version with the newest."""


# Engines read a file in parallel by its row groups.
WRITER_PROPERTIES = WriterProperties(
    compression="ZSTD", compression_level=1, max_row_group_size=ROW_GROUP_ROWS
)

ArrowRows: TypeAlias = pa.Table | pa.RecordBatchReader
ReplacedRows: TypeAlias = Mapping[str, Sequence[str | int]] | Literal["all rows"]

# The logs that this process has read, by location and table, so that only new commits are read.
_LOGS: dict[tuple[str, str], TableLog] = {}
_LOGS_LOCK = threading.Lock()
# The newest version of each table that this process has opened, and the state of its log then.
_OPENED: dict[tuple[str, str], tuple[TableLog, DeltaTable]] = {}
_MOST_OPENED = 200


@dataclass(frozen=True)
class Lakehouse:
    """Reads and writes the tables of `amazon_reviews.schemas`, each at `<location>/<key>`.

    `location` is a folder, or a path in an object store: az://, abfss://, s3:// or gs://. Earlier
    versions stay readable for `time_travel_days`.
    """

    location: str
    time_travel_days: int = 7

    def uri(self, key: str) -> str:
        """Return the address of the table."""
        return f"{self.location}/{key}"

    @property
    def storage_options(self) -> dict[str, str] | None:
        """The options that delta-rs needs to reach the tables, beside the environment."""
        return storage_options(self.location)

    def exists(self, key: str) -> bool:
        """Return True if the table exists."""
        with explained(self.location):
            return bool(DeltaTable.is_deltatable(self.uri(key), self.storage_options))

    def delta(self, key: str, version: int | None = None) -> DeltaTable:
        """Return the Delta table at a version, by default the newest; only for reading.

        To open a table takes 5 ms, and a small update reads the same versions hundreds of times. So
        its callers share a table in a local folder as long as it stays as it is.

        Raises:
            DamagedTableError: the log of a table in a local folder cannot be read.
        """
        place = (self.location, key)
        log = None
        # `open` says more about a damaged log.
        with suppress(DamagedTableError):
            log = None if is_remote(self.location) else self.log(key)
        if log is None or version not in (None, log.version):
            return self.open(key, version)
        at_log, table = _OPENED.get(place, (None, None))
        if table is None or at_log is not log or table.version() != log.version:
            table = self.open(key)
            if table.version() == log.version:
                if len(_OPENED) >= _MOST_OPENED:
                    _OPENED.clear()
                _OPENED[place] = log, table
        return table

    def open(self, key: str, version: int | None = None) -> DeltaTable:
        """Return a Delta table that the caller may change; see `delta`."""
        with explained(self.location):
            try:
                return DeltaTable(
                    self.uri(key), version=version, storage_options=self.storage_options
                )
            except TableNotFoundError:
                raise
            except DeltaError as error:
                if is_remote(self.location):
                    raise
                # The engine's text ends with a backtrace.
                why = str(error).strip().splitlines()[0]
                log = f"{self.uri(key)}/_delta_log"
                raise DamagedTableError(f"the log of {key} cannot be read: {why} ({log})") from None

    def version(self, key: str) -> int | None:
        """Return the table's newest version, None if it does not exist."""
        return self.delta(key).version() if self.exists(key) else None

    def records(self, key: str) -> Records | None:
        """Return what the table says of its partitions, None if it does not exist.

        Raises:
            DamagedTableError: the log of the table cannot be read.
        """
        log = self.log(key)
        return None if log is None else log.records

    def log(self, key: str) -> TableLog | None:
        """Return the state of the table's log, None if the table does not exist.

        Raises:
            DamagedTableError: the log cannot be read.
        """
        place = (self.location, key)
        with explained(self.location):
            state = read_log(filesystem(self.location), key, _LOGS.get(place))
        with _LOGS_LOCK:
            if state is None:
                _LOGS.pop(place, None)
            else:
                _LOGS[place] = state
        return state

    def versions(self, key: str) -> dict[str, int]:
        """Return the version of each partition of a table, and that of the whole table."""
        records = self.records(key)
        return records.versions if records else {}

    def version_at(self, key: str, delta_version: int) -> int:
        """Return the version of a whole table at a Delta version."""
        log = self.log(key)
        if log and log.version == delta_version:
            return log.records.versions.get(WHOLE, 0)
        return self.delta(key, delta_version).transaction_version(version_id(WHOLE)) or 0

    def input_versions(self, key: str) -> dict[str, int]:
        """Return the present version of each input that is a table; 0 for one without rows yet.

        They are read before the rows, so that what is written meanwhile counts as newer.
        """
        tables = (name for name in TABLES[key].inputs if name in TABLES)
        return {name: self.versions(name).get(WHOLE, 0) for name in tables}

    def read(
        self,
        spark: SparkSession,
        key: str,
        partitions: Sequence[str] | None = None,
        version: int | None = None,
    ) -> DataFrame:
        """Return the table or the named landing partitions of it, at a version or the newest.

        Columns that an earlier version of the project did not write are null.
        """
        reader = spark.read.format("delta")
        reader = reader if version is None else reader.option("versionAsOf", version)
        frame = reader.load(self.ensure(key))
        log = self.log(key)
        # The engine reads the log once more to say what the columns are.
        written = log.columns if log and version in (None, log.version) else frame.columns
        for column in TABLES[key].columns:
            if column.name not in written:
                null = F.lit(None).cast(from_arrow_type(column.type))
                frame = frame.withColumn(column.name, null)
        return frame if partitions is None else frame.where(F.col("partition").isin(*partitions))

    def write(
        self,
        rows: DataFrame | ArrowRows,
        key: str,
        *,
        replacing: ReplacedRows | None = None,
        built: BuiltFrom | None = None,
        transaction_versions: Mapping[str, int] | None = None,
        expected: Mapping[str, int | None] | None = None,
        before_commit: Callable[[Mapping[str, int]], None] | None = None,
        row_group_rows: int = ROW_GROUP_ROWS,
        expected_bytes: int = 0,
    ) -> None:
        """Add rows to a table, or replace rows by them, in one commit.

        The rows are read when this process holds the table's writer lock. Columns that the table
        lacks are added to it; only a Spark frame that replaces no row adds none.

        Args:
            rows: a frame of the engine, or Arrow rows.
            key: the table's key.
            replacing: `ALL_ROWS`, or columns with the values whose rows are replaced, such as
                `{"partition": ["partition_1"]}`. By default no row is replaced. For a frame these
                are partition columns.
            built: the partitions that the commit writes, with the versions of the inputs that
                they are built from. Each of them, and the table, gets a new version.
            transaction_versions: application ids with the versions that the commit records.
            expected: application ids with the versions that the table must still have.
            before_commit: called with the rows of each landing partition of the frame, before
                they are committed.
            row_group_rows: rows of a row group of a file, for Arrow batches of partitions.
            expected_bytes: size of the new files, as far as it can be foreseen. They need at least
                as much room as the files that they replace.

        Raises:
            StorageError: a local folder has too little room, or cannot be written to.
            EngineError: the engine cannot compute the rows.
            ValueError: `replacing` names no values, or a row of the frame has other values.
            DeltaError: an Arrow row has other values than `replacing`.
            PinnedTableError: the table is pinned to an earlier version.
            ConcurrentWriteError: another process recorded another version than expected, or took
                the lock. In all cases the table stays as it was.
        """
        _check_names_rows(replacing)
        written = new_version(TABLES[key].code_version)
        records = new_records(built or {}, written) | {version_id(WHOLE): written}
        commit = commit_of(records | dict(transaction_versions or {}))
        with explained_write(self.location, key), self.writer_lock(key) as check_lock:
            self._check_not_pinned(key)
            table = self.delta(key)
            check_room_of(self.location, max(expected_bytes, stored_bytes(table, replacing)))
            for name, version in (expected or {}).items():
                if table.transaction_version(name) != version:
                    raise ConcurrentWriteError(
                        f"another run wrote {key} meanwhile; nothing is lost"
                    )
            declared = TABLES[key]
            partitions = isinstance(replacing, Mapping) and {*replacing} <= {*declared.partition_by}
            if isinstance(rows, DataFrame):
                staged = staged_files(rows, self.uri(key), declared)
            elif isinstance(rows, pa.RecordBatchReader) and partitions:
                staged = staged_batches(rows, self.uri(key), declared, row_group_rows)
            else:
                table = self.open(key)
                _write_arrow(rows, table, replacing, commit)
                self.record_checksums(key, table.version())
                return
            self._commit_staged(staged, key, replacing, commit, check_lock, before_commit)

    def _commit_staged(
        self,
        staged: AbstractContextManager[list[AddAction]],
        key: str,
        replacing: ReplacedRows | None,
        commit: CommitProperties,
        check_lock: Callable[[], None],
        before_commit: Callable[[Mapping[str, int]], None] | None,
    ) -> None:
        """Commit files by delta-rs that the engine or Arrow writes.

        The engine's own Delta writer is not used: Sail's replaceWhere fails on maps, its dynamic
        overwrite replaces the whole table, and it does not detect conflicting writers.
        """
        table = TABLES[key]
        values = replacing if isinstance(replacing, Mapping) else {}
        with staged as files:
            check_partitions(files, values)
            if before_commit:
                before_commit(staged_rows(files))
            check_lock()
        # From here on the log may name the files, even if this raises. So they stay.
        delta = self.delta(key)
        delta.create_write_transaction(
            [*files],
            mode="append" if replacing is None else "overwrite",
            schema=_delta_schema(table),
            partition_by=list(table.partition_by),
            partition_filters=[(name, "in", [*map(str, values[name])]) for name in values] or None,
            commit_properties=commit,
        )
        # delta-rs leaves the table at the version before the transaction.
        self.record_checksums(key, delta.version() + 1)

    def record(
        self,
        key: str,
        built: BuiltFrom | None = None,
        checks: Mapping[str, Mapping[str, bool]] | None = None,
        code_version: str | None = None,
        transaction_versions: Mapping[str, int] | None = None,
    ) -> None:
        """Record inputs of partitions, or verdicts of checks on their present versions.

        A partition that was never written gets a version. Without anything new to record there is
        no commit.

        Args:
            key: the table's key.
            built: see `write`.
            checks: whether a check passed, by partition, or `WHOLE`, and by its name.
            code_version: the code that wrote partitions without a version, by default the present.
            transaction_versions: application ids with further versions to record.

        Raises:
            PinnedTableError: something was built, and the table is pinned to an earlier version.
        """
        if not (built or checks or transaction_versions):
            return
        with explained_write(self.location, key), self.writer_lock(key):
            if built:
                self._check_not_pinned(key)
            changes = dict(transaction_versions or {}) | changed_records(
                self.records(key) or Records(),
                built or {},
                checks or {},
                new_version(code_version or TABLES[key].code_version),
            )
            if not changes:
                return
            table = self.delta(key)
            table.create_write_transaction(
                [],
                mode="append",
                schema=table.schema(),
                partition_by=list(TABLES[key].partition_by),
                commit_properties=commit_of(changes),
            )
            self.record_checksums(key, table.version() + 1)

    def add_columns(self, key: str) -> None:
        """Add the declared columns that a table lacks; they are null in the rows that it has."""
        with explained_write(self.location, key), self.writer_lock(key):
            table = self.open(key)
            written = {field.name for field in table.schema().fields}
            missing = [f for f in _delta_schema(TABLES[key]).fields if f.name not in written]
            if missing:
                table.alter.add_columns(missing)
                self.record_checksums(key, table.version())

    def _check_not_pinned(self, key: str) -> None:
        # Under the lock: a run that began before the table was pinned must not write it after.
        log = self.log(key)
        if log and log.pinned is not None:
            raise PinnedTableError(key, log.pinned)

    def record_checksums(self, key: str, version: int) -> None:
        """Record the checksums of the files of the commit that was just made of a table."""
        record_checksums(filesystem(self.location), key, version)

    def transaction_versions(self, key: str, names: Iterable[str]) -> dict[str, int | None]:
        """Return the version that the table's commits recorded last for each application id."""
        log = self.log(key)
        return {name: log.transactions.get(name) if log else None for name in names}

    def ensure(self, key: str) -> str:
        """Create the table if it does not exist yet; return its address."""
        if not self.exists(key):
            # Of two processes that create the table at once, the second would commit the metadata
            # again. A write that runs meanwhile would fail by that.
            with explained_write(self.location, key), self.lock(key):
                self._create(key)
        return self.uri(key)

    def _create(self, key: str) -> None:
        table = TABLES[key]
        created = DeltaTable.create(
            self.uri(key),
            schema=_delta_schema(table),
            mode="ignore",
            partition_by=list(table.partition_by),
            name=key,
            description=table.grain,
            storage_options=self.storage_options,
            configuration=retention_properties(self.time_travel_days),
        )
        self.record_checksums(key, created.version())

    @contextmanager
    def writer_lock(self, key: str) -> Iterator[Callable[[], None]]:
        """Create the table if it does not exist, then hold its writer lock; see `lock`.

        The embedded engine does not detect conflicting overwrites.
        """
        self.ensure(key)
        with self.lock(key) as check_lock:
            yield check_lock

    @contextmanager
    def lock(self, name: str, *, wait: bool = True) -> Iterator[Callable[[], None]]:
        """Hold the lock `name`, which is released soon after its process dies.

        Yields a function that raises ConcurrentWriteError if the lock was lost meanwhile.

        Raises:
            TableInUseError: another process holds it, and `wait` is False.
        """
        with lock(self.location, name, wait=wait) as check_lock:
            yield check_lock


def retention_properties(time_travel_days: int) -> dict[str, str]:
    """Return the Delta properties of a table that keep what earlier versions need.

    A checkpoint that forgets a removed file too early lets a vacuum delete it. Log entries are
    removed by maintenance only: engines remove all that are old enough, also that of the version
    which was the newest until yesterday.
    """
    return {
        "delta.deletedFileRetentionDuration": f"interval {time_travel_days} days",
        "delta.logRetentionDuration": f"interval {max(time_travel_days, LOG_DAYS)} days",
        "delta.enableExpiredLogCleanup": "false",
    }


def partition_rows(table: DeltaTable, dataset: str | None = None) -> dict[str, int]:
    """Return the number of rows per landing partition, from the log alone.

    In a table that is also partitioned by `table`, only the rows of `dataset` count.
    """
    rows: dict[str, int] = {}
    # Arrow's own constructor of a table would load pandas, which takes most of a second.
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions()).read_all()
    for action in actions.select(["partition", "num_records"]).to_pylist():
        values = action["partition"]
        if dataset is None or values["table"] == dataset:
            name = values["partition"]
            rows[name] = rows.get(name, 0) + action["num_records"]
    return rows


def row_count(table: DeltaTable) -> int:
    """Return the number of rows of the table, from the log alone."""
    # Arrow's own constructor of a table would load pandas, which takes most of a second.
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    return sum(actions["num_records"].to_pylist())


def _delta_schema(table: Table) -> DeltaSchema:
    from_arrow = DeltaSchema.from_arrow(table.arrow_schema)
    comments = {column.name: column.description for column in table.columns}
    return DeltaSchema(
        [
            Field(f.name, f.type, nullable=f.nullable, metadata={"comment": comments[f.name]})
            for f in from_arrow.fields
        ]
    )


def _write_arrow(
    rows: ArrowRows,
    table: DeltaTable,
    replacing: ReplacedRows | None,
    commit: CommitProperties,
) -> None:
    options: dict[str, Any] = {"mode": "append" if replacing is None else "overwrite"}
    if isinstance(replacing, Mapping):
        options["predicate"] = _predicate(replacing)
    if not {*rows.schema.names} <= {field.name for field in table.schema().fields}:
        options["schema_mode"] = "merge"
    write_deltalake(
        table,
        rows,
        writer_properties=WRITER_PROPERTIES,
        commit_properties=commit,
        **options,
    )


def _check_names_rows(replacing: ReplacedRows | None) -> None:
    """Raise ValueError if `replacing` could name other rows than its caller meant.

    Without columns it would be the whole table. A text would be read as a list of characters.
    """
    if replacing is None or replacing == ALL_ROWS:
        return
    if not (
        isinstance(replacing, Mapping)
        and replacing
        and all(values and not isinstance(values, str) for values in replacing.values())
    ):
        raise ValueError(
            f"replacing={replacing!r} names no rows; name columns with lists of values, or ALL_ROWS"
        )


def _predicate(values: Mapping[str, Sequence[str | int]]) -> str:
    return " AND ".join(
        f'"{column}" IN ({", ".join(map(_literal, choices))})' for column, choices in values.items()
    )


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
