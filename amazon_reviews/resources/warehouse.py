"""The warehouse: Delta tables at a fixed version, made readable with SQL.

A table named ``layer/noun`` is loaded from a version of its Delta table, whole or not at all.
Readers never wait for a load and never see half of one. What holds the tables is chosen by a URL;
every implementation meets the `Warehouse` protocol.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from amazon_reviews.config import WAREHOUSE, WAREHOUSE_FORMS, BigQueryAddress, SettingsError

_NAME = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")
_BATCH_ROWS = 16_384
_MOST_PARTITIONS = 500  # of more, the condition costs more than loading the table whole


class WarehouseError(Exception):
    """The warehouse could not be loaded or read; what it held before is untouched."""


@dataclass(frozen=True)
class TableVersion:
    """One version of a Delta table that the warehouse should hold.

    `name` is ``layer/noun``; `columns` maps column names to their descriptions;
    `storage_options` are those of the lake's object store and never appear in a representation.
    """

    name: str
    uri: str
    version: int
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a warehouse table is named layer/noun, not {self.name!r}")


@dataclass(frozen=True)
class Load:
    """What one table's load did.

    `rows` are those of the table in the warehouse; `bytes` the size of the Delta files read for
    it (0 where skipped); `seconds` the wall-clock time spent on this table. `stored_bytes` is the
    size of the table in the warehouse and `url` a page that shows it, where there are such.
    """

    name: str
    version: int
    rows: int
    bytes: int
    skipped: bool
    seconds: float
    stored_bytes: int | None = None
    url: str | None = None


@dataclass(frozen=True)
class ColumnDescription:
    """A column as the warehouse holds it; `type` is in the warehouse's own SQL."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class TableDescription:
    """A table as the warehouse holds it, with the Delta version it was loaded from."""

    name: str
    version: int
    rows: int
    description: str
    columns: tuple[ColumnDescription, ...]


class Warehouse(Protocol):
    """Where users read the gold tables."""

    def load(self, tables: Sequence[TableVersion]) -> list[Load]:
        """Bring the tables to the given versions, all of them or none; one result per table.

        A table that is there at that version already is skipped. Tables not named stay as they
        are. Raises WarehouseError, with nothing changed, when a table cannot be read, its row
        count differs from the Delta version's, or the warehouse cannot be written.
        """
        ...

    def versions(self) -> dict[str, int]:
        """The tables that are there, by name, with their Delta versions; empty before any load."""
        ...

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """The rows of a query; `parameters` fill its ``?`` marks. Raises WarehouseError."""
        ...

    def describe(self, name: str) -> TableDescription:
        """Rows, columns and descriptions of a table. Raises WarehouseError if it is not there."""
        ...

    def relation(self, name: str) -> str:
        """How the table ``layer/noun`` is written in this warehouse's SQL."""
        ...


def open_warehouse(url: str) -> Warehouse:
    """The warehouse at `url`; nothing is created before the first load.

    Raises SettingsError where the URL is of no known form.
    """
    scheme, _, path = url.partition("://")
    if scheme == "duckdb" and path.startswith("/") and len(path) > 1:
        from amazon_reviews.resources.duckdb_warehouse import DuckDBWarehouse

        return DuckDBWarehouse(path.removeprefix("/"))
    if scheme == "bigquery":
        from amazon_reviews.resources.bigquery.warehouse import BigQueryWarehouse

        return BigQueryWarehouse(BigQueryAddress.of(url))
    raise SettingsError(
        WAREHOUSE, f"has no known form (it begins with {scheme[:20]!r}); use {WAREHOUSE_FORMS}"
    )


@dataclass(frozen=True)
class DataFile:
    """A data file of a Delta version.

    `partition` is an SQL condition that holds for exactly the rows of the file's partition, None
    where there is no such condition (unpartitioned, a null value); `values` says the same as the
    value of each column. `rows` is None where the log does not tell.
    """

    partition: str | None
    bytes: int
    rows: int | None
    values: Mapping[str, Any] = field(default_factory=dict)


class Snapshot:
    """A Delta table at one version, as a load reads it."""

    def __init__(self, table: TableVersion) -> None:
        """Open the version. Raises deltalake's DeltaError where it is not there."""
        options = dict(table.storage_options) or None
        self._delta = DeltaTable(table.uri, version=table.version, storage_options=options)
        self.table = table
        self.table_id = str(self._delta.metadata().id)
        self.schema_json = self._delta.schema().to_json()
        self.schema = pa.schema(self._delta.schema().to_arrow())

    @cached_property
    def files(self) -> dict[str, DataFile]:
        """The active data files by path."""
        actions = pa.table(self._delta.get_add_actions())
        wanted = [n for n in actions.column_names if n not in ("min", "max", "null_count")]
        return {
            row["path"]: DataFile(
                _condition(row.get("partition")),
                row["size_bytes"],
                row.get("num_records"),
                row.get("partition") or {},
            )
            for row in actions.select(wanted).to_pylist()
        }

    def partitions(self) -> Iterator[tuple[str, str | None]]:
        """Path and partition of each data file."""
        return ((path, file.partition) for path, file in self.files.items())

    @property
    def has_deletion_vectors(self) -> bool:
        """Whether rows of a data file may be deleted without its path or counts changing."""
        return "deletionVectors" in (self._delta.protocol().reader_features or ())

    @cached_property
    def rows(self) -> int:
        """The version's row count: from the log, or by a scan where the log does not tell."""
        counts = [file.rows for file in self.files.values()]
        if None in counts or self.has_deletion_vectors:
            return sum(batch.num_rows for batch in self._delta.scan(columns=self.schema.names[:1]))
        return sum(count for count in counts if count is not None)

    def batches(self, condition: str | None = None) -> pa.RecordBatchReader:
        """A stream of the version's rows, of those that meet the SQL `condition` if given."""
        stream = self._delta.scan(columns=self.schema.names, predicate=condition)
        return pa.RecordBatchReader.from_stream(stream)

    def batches_of(self, paths: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """The rows of some data files, each file's in its order, little of it in memory at a time.

        Raises DeltaError for a table with deletion vectors, where a file says not what its rows
        are.
        """
        # Here because it brings pandas.
        from pyarrow.dataset import ParquetFragmentScanOptions

        for path in paths:
            yield from (
                self._fragments[unquote(path)]
                .scanner(
                    schema=self.schema,
                    batch_size=_BATCH_ROWS,
                    batch_readahead=1,
                    fragment_readahead=1,
                    fragment_scan_options=ParquetFragmentScanOptions(use_buffered_stream=True),
                )
                .to_batches()
            )

    @cached_property
    def _fragments(self) -> dict[str, Any]:
        fragments = self._delta.to_pyarrow_dataset(schema=self.schema).get_fragments()
        return {fragment.path: fragment for fragment in fragments}


def changed_partitions(
    old: Iterable[tuple[str, str | None]], new: Iterable[tuple[str, str | None]]
) -> set[str] | None:
    """The conditions of the partitions that differ between two versions of a table.

    A version is the path and partition of each of its data files. None where the table had better
    be loaded whole: there is no condition, nothing stays, or too much changed.
    """
    before, after = set(old), set(new)
    changed = {partition for _, partition in before ^ after}
    kept = {partition for _, partition in after} - changed
    if None in changed or not kept or len(changed) > _MOST_PARTITIONS:
        return None
    return {partition for partition in changed if partition is not None}


def _condition(partition: Mapping[str, object] | None) -> str | None:
    # Exact types: a bool is an int and a datetime a date, but neither equals its text in SQL.
    if not partition or any(type(v) not in (str, int, date) for v in partition.values()):
        return None
    terms = (f"{quote(name)} = {literal(str(value))}" for name, value in partition.items())
    return " AND ".join(terms)


def quote(identifier: str) -> str:
    """An identifier in standard SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal in standard SQL."""
    return "'" + text.replace("'", "''") + "'"
