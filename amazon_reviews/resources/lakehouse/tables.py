"""The lakehouse: Delta tables under one location, written by the engine or by delta-rs."""

import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake import Schema as DeltaSchema
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from amazon_reviews.errors import ConcurrentWriteError
from amazon_reviews.resources.lakehouse.data_files import check_partitions, staged_files
from amazon_reviews.resources.lakehouse.object_store import (
    exclusive,
    explained,
    filesystem,
    storage_options,
)
from amazon_reviews.resources.spark.engine import ROW_GROUP_ROWS
from amazon_reviews.schemas import TABLES, Table

_TARGET_FILE_BYTES = 128 * 1024 * 1024
# Engines read a file in parallel by its row groups.
_WRITER = WriterProperties(
    compression="ZSTD", compression_level=1, max_row_group_size=ROW_GROUP_ROWS
)


@dataclass(frozen=True)
class Lakehouse:
    """Reads and writes the tables of `amazon_reviews.schemas`, each at `<location>/<key>`.

    `location` is a folder, or a place in an object store: az://, abfss://, s3:// or gs://.
    """

    location: str

    def uri(self, key: str) -> str:
        """Where the table lies."""
        return f"{self.location}/{key}"

    @property
    def storage_options(self) -> dict[str, str] | None:
        """What delta-rs has to be told to reach the tables, beside the environment."""
        return storage_options(self.location)

    def exists(self, key: str) -> bool:
        """Whether the table was ever written."""
        with explained(self.location):
            return bool(DeltaTable.is_deltatable(self.uri(key), self.storage_options))

    def delta(self, key: str, version: int | None = None) -> DeltaTable:
        """The table's log, at its newest version or the one given."""
        with explained(self.location):
            return DeltaTable(self.uri(key), version=version, storage_options=self.storage_options)

    def version(self, key: str) -> int | None:
        """The table's newest version, None if it was never written."""
        return self.delta(key).version() if self.exists(key) else None

    def read(
        self,
        spark: SparkSession,
        key: str,
        partitions: Sequence[str] | None = None,
        version: int | None = None,
    ) -> DataFrame:
        """The table, or those of its landing partitions that are named; as it is now, or was.

        Columns that an earlier version of the project did not write are null.
        """
        reader = spark.read.format("delta")
        reader = reader if version is None else reader.option("versionAsOf", version)
        frame = reader.load(self.ensure(key))
        written = frame.columns
        for column in TABLES[key].columns:
            if column.name not in written:
                nothing = F.lit(None).cast(from_arrow_type(column.type))
                frame = frame.withColumn(column.name, nothing)
        return frame if partitions is None else frame.where(F.col("partition").isin(*partitions))

    def replace(
        self,
        frame: DataFrame,
        key: str,
        keys: Mapping[str, Sequence[str]],
        transactions: Mapping[str, int] | None = None,
    ) -> None:
        """Put `frame` in the place of exactly the partitions with these keys, in one commit.

        `transactions` are application ids and versions recorded by the same commit.

        Raises:
            ValueError: `frame` has a row of another partition; the table is as it was.
        """
        self._commit(frame, key, "overwrite", keys, transactions)

    def overwrite(
        self, frame: DataFrame, key: str, transactions: Mapping[str, int] | None = None
    ) -> None:
        """Put `frame` in the place of the whole table, in one commit; see `replace`."""
        self._commit(frame, key, "overwrite", {}, transactions)

    def append(self, frame: DataFrame, key: str) -> None:
        """Add the rows of `frame` to the table, in one commit."""
        self._commit(frame, key, "append", {})

    def _commit(
        self,
        frame: DataFrame,
        key: str,
        mode: str,
        keys: Mapping[str, Sequence[str]],
        transactions: Mapping[str, int] | None = None,
    ) -> None:
        """Let the engine write the files and delta-rs commit them.

        The engine's own Delta writer is not used: Sail's replaceWhere fails on maps, its dynamic
        overwrite replaces the whole table, and it does not detect conflicting writers.
        """
        table = TABLES[key]
        with self.writing(key) as check_held:
            with staged_files(frame, self.uri(key), table) as files:
                check_partitions(files, keys)
                check_held()
            # From here on the files may be in the log, whatever this raises.
            self.delta(key).create_write_transaction(
                [*files],
                mode=mode,
                schema=_delta_schema(table),
                partition_by=list(table.partition_by),
                partition_filters=[(name, "in", list(keys[name])) for name in keys] or None,
                commit_properties=_recording(transactions),
            )

    def replace_arrow(
        self,
        rows: pa.RecordBatchReader | pa.Table,
        key: str,
        keys: Mapping[str, str | int],
        transactions: Mapping[str, int] | None = None,
    ) -> None:
        """Put Arrow rows in the place of those with the values of `keys`, or all, in one commit.

        `transactions` are application ids and versions recorded by the same commit.
        """
        with self.writing(key):
            write_deltalake(
                self.delta(key),
                rows,
                mode="overwrite",
                predicate=_where(keys) or None,
                writer_properties=_WRITER,
                commit_properties=_recording(transactions),
            )

    def append_arrow(
        self,
        rows: pa.RecordBatchReader,
        key: str,
        before: Mapping[str, int | None],
        transactions: Mapping[str, int],
    ) -> None:
        """Add Arrow rows in one commit, if the transaction versions are still `before`.

        Columns that the table does not have yet are added by the same commit.

        `transactions` are recorded by the same commit. The rows are read only when it is this
        process's turn to write.

        Raises:
            ConcurrentWriteError: another process recorded something else meanwhile; the table
                is as that one left it.
        """
        with self.writing(key):
            table = self.delta(key)
            for name, version in before.items():
                if table.transaction_version(name) != version:
                    raise ConcurrentWriteError(
                        f"another run wrote {key} meanwhile; nothing is lost"
                    )
            write_deltalake(
                table,
                rows,
                mode="append",
                schema_mode="merge" if _lacks_columns(table, rows.schema) else None,
                writer_properties=_WRITER,
                commit_properties=_recording(transactions),
            )

    def transaction_versions(self, key: str, names: Iterable[str]) -> dict[str, int | None]:
        """The version that the table's commits recorded last for each application id."""
        if not self.exists(key):
            return dict.fromkeys(names)
        table = self.delta(key)
        return {name: table.transaction_version(name) for name in names}

    def ensure(self, key: str) -> str:
        """Create the table if it is not there yet; returns where it lies."""
        if not self.exists(key):
            # Of two that create at once the second would commit the metadata again, which fails
            # whoever writes meanwhile.
            with self.exclusive(key):
                self._create(key)
        return self.uri(key)

    def _create(self, key: str) -> None:
        table = TABLES[key]
        DeltaTable.create(
            self.uri(key),
            schema=_delta_schema(table),
            mode="ignore",
            partition_by=list(table.partition_by),
            name=key,
            description=table.grain,
            storage_options=self.storage_options,
            configuration={"delta.logRetentionDuration": "interval 30 days"},
        )

    def compact(self, key: str) -> tuple[int, int]:
        """Put small files together in one commit; returns files before and after."""
        with self.writing(key):
            done = self.delta(key).optimize.compact(
                target_size=_TARGET_FILE_BYTES, writer_properties=_WRITER
            )
        return done["numFilesRemoved"], done["numFilesAdded"]

    def vacuum(self, key: str, kept_hours: int) -> int:
        """Remove files that no version of the last hours needs; returns how many."""
        with self.writing(key):
            gone = self.delta(key).vacuum(
                retention_hours=kept_hours,
                enforce_retention_duration=False,
                dry_run=False,
                full=True,
            )
        return len(gone)

    @contextmanager
    def scratch(self, frame: DataFrame, key: str) -> Iterator[DataFrame]:
        """Write `frame` aside while the table `key` is made from it, and give it back as read.

        The caller sees to it that there is one at a time; what a killed process left there is
        replaced by the next.
        """
        name = f"scratch/{key.replace('/', '_')}"
        folder = f"{self.location}/{name}"
        frame.write.mode("overwrite").option("compression", "lz4").parquet(folder)
        yield frame.sparkSession.read.schema(frame.schema).parquet(folder)
        with suppress(FileNotFoundError):
            filesystem(self.location).delete_dir(name)

    @contextmanager
    def writing(self, key: str) -> Iterator[Callable[[], None]]:
        """Hold the table's writer lock, one writer at a time; see `exclusive`.

        The embedded engine does not detect conflicting overwrites by itself.
        """
        self.ensure(key)
        with self.exclusive(key) as check_held:
            yield check_held

    @contextmanager
    def exclusive(self, name: str) -> Iterator[Callable[[], None]]:
        """Hold the lock `name`, which does not outlive its process for long.

        Gives a function that raises ConcurrentWriteError if the lock was lost meanwhile.
        """
        with exclusive(self.location, name) as check_held:
            yield check_held


def partition_rows(table: DeltaTable, noun: str | None = None) -> dict[str, int]:
    """Rows per landing partition, from the log alone.

    In a table that is also partitioned by `table`, only those of `noun` count.
    """
    rows: dict[str, int] = {}
    # Arrow's own constructor of a table would load pandas, which takes most of a second.
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions()).read_all()
    for action in actions.select(["partition", "num_records"]).to_pylist():
        values = action["partition"]
        if noun is None or values["table"] == noun:
            name = values["partition"]
            rows[name] = rows.get(name, 0) + action["num_records"]
    return rows


def unreadable_partitions(table: DeltaTable, columns: Sequence[str]) -> dict[str, Exception]:
    """The landing partitions of which these columns cannot be read, each with its error."""
    dataset = table.to_pyarrow_dataset()
    errors: dict[str, Exception] = {}
    for name in partition_rows(table):
        try:
            rows = dataset.to_batches(columns=list(columns), filter=pc.field("partition") == name)
            deque(rows, maxlen=0)
        except (pa.ArrowException, OSError) as error:
            errors[name] = error
    return errors


def value_counts(table: DeltaTable, column: str) -> dict[str, int]:
    """How often each value of a column occurs."""
    counts: dict[str, int] = {}
    for batch in table.to_pyarrow_dataset().to_batches(columns=[column]):
        for value, count in _counted(batch.column(0)):
            counts[value] = counts.get(value, 0) + count
    return counts


def _counted(values: pa.Array) -> Iterator[tuple[str, int]]:
    return ((pair["values"].as_py(), pair["counts"].as_py()) for pair in values.value_counts())


def row_count(table: DeltaTable) -> int:
    """Rows of the table, from the log alone."""
    return sum(pa.table(table.get_add_actions(flatten=True))["num_records"].to_pylist())


def new_transaction_version() -> int:
    """A number to record with a commit, which tells its state from all others."""
    return secrets.randbits(62)


def _recording(transactions: Mapping[str, int] | None) -> CommitProperties:
    versions = [Transaction(name, version) for name, version in (transactions or {}).items()]
    return CommitProperties(app_transactions=versions)


def _lacks_columns(table: DeltaTable, schema: pa.Schema) -> bool:
    return not {*schema.names} <= {field.name for field in table.schema().fields}


def _delta_schema(table: Table) -> DeltaSchema:
    from_arrow = DeltaSchema.from_arrow(table.arrow_schema)
    comments = {column.name: column.description for column in table.columns}
    return DeltaSchema(
        [
            Field(f.name, f.type, nullable=f.nullable, metadata={"comment": comments[f.name]})
            for f in from_arrow.fields
        ]
    )


def _where(keys: Mapping[str, str | int]) -> str:
    return " AND ".join(f'"{column}" = {_literal(value)}' for column, value in keys.items())


def _literal(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    quoted = value.replace("'", "''")
    return f"'{quoted}'"
