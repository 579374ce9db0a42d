"""Snapshots: Delta tables at one version, as a warehouse loads them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from amazon_reviews.resources.warehouse.base import TableVersion, literal, quote

_BATCH_ROWS = 16_384
_BUFFER_BYTES = 1 << 20
# The condition of more partitions costs more than loading the complete table.
_MOST_PARTITIONS = 500


@dataclass(frozen=True)
class DataFile:
    """A data file of a Delta version.

    Attributes:
        partition: an SQL condition that holds for exactly the rows of the file's partition. None
            without one: the table has no partitions, or a value is null.
        bytes: size of the file.
        rows: number of its rows, None if the log does not hold it.
        values: the partition's value of each partition column.
    """

    partition: str | None
    bytes: int
    rows: int | None
    values: Mapping[str, Any] = field(default_factory=dict)


class Snapshot:
    """Reads a Delta table at one version."""

    def __init__(self, table: TableVersion) -> None:
        """Open the version.

        Raises:
            DeltaError: the version does not exist.
        """
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
        # The others are large, or have types that load pandas.
        names = {"path", "size_bytes", "num_records", "partition"} & {*actions.column_names}
        return {
            row["path"]: DataFile(
                _condition(row.get("partition")),
                row["size_bytes"],
                row.get("num_records"),
                row.get("partition") or {},
            )
            for row in actions.select(list(names)).to_pylist()
        }

    def partitions(self) -> Iterator[tuple[str, str | None]]:
        """Yield path and partition of each data file; the path differs if its rows may differ."""
        suffix = f"@{self.table.version}" if self.has_deletion_vectors else ""
        return ((f"{path}{suffix}", file.partition) for path, file in self.files.items())

    @property
    def has_deletion_vectors(self) -> bool:
        """True if rows of a data file may be deleted without a change of its path or counts."""
        return "deletionVectors" in (self._delta.protocol().reader_features or ())

    @cached_property
    def rows(self) -> int:
        """The version's row count, from the log or from a scan if the log does not hold it."""
        counts = [file.rows for file in self.files.values()]
        if None in counts or self.has_deletion_vectors:
            return sum(batch.num_rows for batch in self._delta.scan(columns=self.schema.names[:1]))
        return sum(count for count in counts if count is not None)

    def batches(self, condition: str | None = None) -> pa.RecordBatchReader:
        """Return a stream of the version's rows, or of those that meet the SQL `condition`."""
        stream = self._delta.scan(columns=self.schema.names, predicate=condition)
        return pa.RecordBatchReader.from_stream(stream)

    def batches_of(self, paths: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of these data files in their order, a few thousand at a time.

        Not for tables with deletion vectors, because their files hold deleted rows.
        """
        # A scanner would hold several complete row groups in memory.
        for path in paths:
            with self._files.open_input_file(unquote(path)) as file:
                parquet = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES)
                for batch in parquet.iter_batches(_BATCH_ROWS):
                    yield self._completed(batch, self.files[path].values)

    @cached_property
    def _files(self) -> Any:
        return self._delta.to_pyarrow_dataset().filesystem

    def _completed(self, batch: pa.RecordBatch, values: Mapping[str, Any]) -> pa.RecordBatch:
        """Return a file's rows with the columns that only the log holds, or that it lacks."""
        columns = [
            batch.column(field.name).cast(field.type)
            if field.name in batch.schema.names
            else pa.repeat(pa.scalar(values.get(field.name), field.type), batch.num_rows)
            for field in self.schema
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def changed_partitions(
    old: Iterable[tuple[str, str | None]], new: Iterable[tuple[str, str | None]]
) -> set[str] | None:
    """Return the conditions of the partitions that differ between two versions of a table.

    A version is the path and partition of each of its data files. None means that the complete
    table should be loaded: there is no condition, nothing stays, or too much changed.
    """
    before, after = set(old), set(new)
    changed = {partition for _, partition in before ^ after}
    unchanged = {partition for _, partition in after} - changed
    if None in changed or not unchanged or len(changed) > _MOST_PARTITIONS:
        return None
    return {partition for partition in changed if partition is not None}


def _condition(partition: Mapping[str, object] | None) -> str | None:
    # Exact types: a bool is an int and a datetime a date, but neither equals its text in SQL.
    if not partition or any(type(v) not in (str, int, date) for v in partition.values()):
        return None
    terms = (f"{quote(name)} = {literal(str(value))}" for name, value in partition.items())
    return " AND ".join(terms)
