"""Scans of the data files of a Delta table."""

import pyarrow as pa
from deltalake import DeltaTable


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
