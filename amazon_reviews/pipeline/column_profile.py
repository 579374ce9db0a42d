"""Column profile: the filled columns of the source, counted while silver is written."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeGuard

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from amazon_reviews.pipeline.datasets import Dataset, SilverSpec
from amazon_reviews.pipeline.records import CleanedPart
from amazon_reviews.schemas import TABLES
from amazon_reviews.transforms.lines import count_missing

# The column of the number of the part that a row is of.
_PART = "part"


def profiled(dataset: SilverSpec, parts: Sequence[CleanedPart]) -> list[DataFrame]:
    """Return the rows of the parts, with what `count_columns` needs if it counts this dataset."""
    if not is_profiled(dataset):
        return [part.rows.drop("missing") for part in parts]
    return [part.rows.withColumn(_PART, F.lit(n)) for n, part in enumerate(parts)]


def is_profiled(dataset: SilverSpec) -> TypeGuard[Dataset]:
    """Return True if the dataset has a table of its columns."""
    return isinstance(dataset, Dataset) and dataset.columns in TABLES


def count_columns(dataset: Dataset, rows: DataFrame, parts: Sequence[CleanedPart]) -> pa.Table:
    """Return the rows of the table of a dataset's columns: one per partition and source column.

    `rows` are those of `profiled`.
    """
    most = max((len(part.fields) for part in parts), default=0)
    counted = count_missing(rows.groupBy("partition", _PART), most).toArrow().to_pylist()
    lines: Counter[tuple[str, str]] = Counter()
    missing: Counter[tuple[str, str]] = Counter()
    for row in counted:
        for number, field in enumerate(parts[row[_PART]].fields):
            lines[row["partition"], field] += row["lines"]
            missing[row["partition"], field] += row[f"missing_{number}"] or 0
    return pa.Table.from_pylist(
        [
            {"partition": name, "column": field, "lines": count, "missing": missing[name, field]}
            for (name, field), count in lines.items()
        ],
        TABLES[dataset.columns].arrow_schema,
    )
