"""Column profile: counts of filled source columns, one partition at a time."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql import SparkSession

from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.pipeline.input_rows import check_in_bronze
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.partition_batches import bronze_batches
from amazon_reviews.pipeline.records import parsed_rows
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.transforms.marts.source import column_counts


def count_columns(
    spark: SparkSession,
    lakehouse: Lakehouse,
    dataset: Dataset,
    partitions: Sequence[str],
    batch_rows: int,
) -> Iterator[tuple[str, int]]:
    """Count the filled columns of these partitions.

    Yields each with its rows when it is committed.

    Raises:
        FailedPartitionsError: at the end, for the partitions that failed: bronze never read them,
            or they could not be read or written.
    """

    def count(batch: Sequence[str]) -> Iterator[tuple[str, int]]:
        check_in_bronze(lakehouse, dataset, batch)
        versions = lakehouse.versions(dataset.bronze)
        lines = lakehouse.read(spark, dataset.bronze, batch)
        parts = pa.concat_tables(
            column_counts(parsed, record_format.profile.source_fields).toArrow()
            for record_format, parsed in parsed_rows(dataset, lines)
        )
        sums = parts.group_by(["partition", "column"]).aggregate(
            [("lines", "sum"), ("missing", "sum")]
        )
        table = TABLES[dataset.columns]
        counts = sums.rename_columns(["partition", "column", "lines", "missing"])
        counts = counts.select(table.names).cast(table.arrow_schema)
        built = {name: {dataset.bronze: versions.get(name, 0)} for name in batch}
        lakehouse.write(counts, dataset.columns, replacing={"partition": batch}, built=built)
        rows = Counter(counts["partition"].to_pylist())
        return ((name, rows[name]) for name in batch)

    yield from isolated(bronze_batches(lakehouse, dataset, partitions, batch_rows), count, spark)
