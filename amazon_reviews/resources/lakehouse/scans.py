"""Scans of the data files of a Delta table."""

from collections import deque
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from amazon_reviews.errors import DamagedTableError
from amazon_reviews.resources.lakehouse.damage import describe_damaged_file
from amazon_reviews.resources.lakehouse.tables import partition_rows


def unreadable_partitions(table: DeltaTable, columns: Sequence[str]) -> dict[str, Exception]:
    """Return the landing partitions whose columns cannot be read, each with its error."""
    dataset = table.to_pyarrow_dataset()
    errors: dict[str, Exception] = {}
    for name in partition_rows(table):
        try:
            rows = dataset.to_batches(columns=list(columns), filter=pc.field("partition") == name)
            deque(rows, maxlen=0)
        except (pa.ArrowException, OSError) as error:
            location, _, _ = table.table_uri.rstrip("/").rsplit("/", 2)
            damage = describe_damaged_file(location.removeprefix("file://"), error)
            errors[name] = DamagedTableError(damage) if damage else error
    return errors


def partitions_with_values(table: DeltaTable, column: str) -> set[str]:
    """Return the landing partitions that may have rows where a column is not null.

    The log alone decides: it counts the nulls of each file.
    """
    if column not in {field.name for field in table.schema().fields}:
        return set()
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    partitions = actions["partition.partition"].to_pylist()
    nulls = f"null_count.{column}"
    if nulls not in actions.column_names:
        return set(partitions)
    counts = zip(
        partitions, actions["num_records"].to_pylist(), actions[nulls].to_pylist(), strict=True
    )
    # A file that the log has no count for may hold anything.
    return {name for name, rows, missing in counts if missing != rows}


def value_counts(table: DeltaTable, column: str) -> dict[str, int]:
    """Return the number of rows for each value of a column."""
    counts: dict[str, int] = {}
    for batch in table.to_pyarrow_dataset().to_batches(columns=[column]):
        for pair in batch.column(0).value_counts().to_pylist():
            counts[pair["values"]] = counts.get(pair["values"], 0) + pair["counts"]
    return counts
