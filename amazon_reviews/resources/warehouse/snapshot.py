"""A Delta table at one version, as a warehouse loads it."""

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
_MOST_PARTITIONS = 500  # of more, the condition costs more than loading the table whole


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
        """The rows of some data files, each file's in its order, a few thousand at a time.

        Raises DeltaError for a table with deletion vectors, where a file does not say what its
        rows are.
        """
        # A scanner would hold whole row groups, and several of them.
        for path in paths:
            with self._files.open_input_file(unquote(path)) as file:
                parquet = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES)
                for batch in parquet.iter_batches(_BATCH_ROWS):
                    yield self._completed(batch, self.files[path].values)

    @cached_property
    def _files(self) -> Any:
        return self._delta.to_pyarrow_dataset().filesystem

    def _completed(self, batch: pa.RecordBatch, values: Mapping[str, Any]) -> pa.RecordBatch:
        """Rows of a file with the columns that it leaves to the log, or was written without."""
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
