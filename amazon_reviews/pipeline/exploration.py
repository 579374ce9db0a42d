"""Which columns of the source are filled, counted partition by partition as they arrive."""

from collections.abc import Iterator, Sequence

from pyspark.sql import SparkSession

from amazon_reviews.pipeline.silver import batches, bronze_rows
from amazon_reviews.pipeline.subjects import Subject
from amazon_reviews.resources.lakehouse import Lakehouse
from amazon_reviews.transforms.marts.source import column_counts


def count_columns(
    spark: SparkSession,
    lakehouse: Lakehouse,
    subject: Subject,
    partitions: Sequence[str],
    batch_rows: int,
) -> Iterator[str]:
    """Count the filled columns of these partitions anew; yields each when it is committed.

    Raises:
        MissingInputError: bronze was never given one of the partitions.
    """
    rows = bronze_rows(lakehouse, subject, partitions)
    for batch in batches(partitions, rows, batch_rows):
        lines = lakehouse.read(spark, subject.bronze, batch)
        counts = column_counts(lines, subject.fields)
        lakehouse.replace(counts, subject.columns, {"partition": batch})
        yield from batch
