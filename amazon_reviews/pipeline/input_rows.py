"""Checked inputs of a layer: the layer below has the rows that a build needs."""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.errors import MissingInputError
from amazon_reviews.pipeline.datasets import SilverSpec
from amazon_reviews.pipeline.segments import is_segment
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows, row_count
from amazon_reviews.schemas.built import WHOLE, Records
from amazon_reviews.schemas.layers import (
    SILVER_REJECTED,
    SILVER_REVIEW_PRODUCTS,
    SILVER_REVIEWS,
    SILVER_STREAMED_REVIEWS,
)

REVIEW_SOURCES = {SILVER_REVIEWS.key: "batch", SILVER_STREAMED_REVIEWS.key: "stream"}
"""The tables of silver that hold reviews, each with the `source` of its rows in gold."""

# Partitions of products never have a slash in their names.
_OF_REVIEWS = "reviews/"


def check_in_bronze(lakehouse: Lakehouse, dataset: SilverSpec, partitions: Sequence[str]) -> None:
    """Raise MissingInputError if bronze never read one of these partitions."""
    if missing := dataset.missing_in_bronze(lakehouse, partitions):
        raise MissingInputError(
            f"{dataset.bronze} has no {', '.join(missing)}; materialize that first"
        )


def check_inputs_are_there(
    lakehouse: Lakehouse, key: str, inputs: Mapping[str, int], partition: str = WHOLE
) -> None:
    """Raise MissingInputError if a table was built from an input that is missing now.

    `inputs` are the present versions of its inputs. Read as if it were empty, a deleted table
    would empty those below it.
    """
    records = lakehouse.records(key) or Records()
    for name, version in inputs.items():
        if not version and records.inputs.get(name, {}).get(partition):
            raise MissingInputError(
                f"{name} is missing, and {key} was built from it; `amazon-reviews run` makes both"
            )


def silver_rows(lakehouse: Lakehouse, dataset: SilverSpec, gold: str) -> dict[str, int]:
    """Return the rows of each partition in silver, from which the whole table `gold` is built.

    No rows are right where all lines were rejected, or no data arrived yet.

    Raises:
        MissingInputError: silver lacks lines of bronze, or is empty while `gold` has rows.
    """
    for key in (dataset.bronze, dataset.silver, SILVER_REJECTED.key):
        lakehouse.ensure(key)
    rows = partition_rows(lakehouse.delta(dataset.silver))
    if any(rows.values()):
        return rows
    lines = partition_rows(lakehouse.delta(dataset.bronze))
    rejected = partition_rows(lakehouse.delta(SILVER_REJECTED.key), dataset.name)
    incomplete = any(lines[name] > rejected.get(name, 0) for name in lines)
    without_data = not any(lines.values())
    if incomplete or (without_data and lakehouse.exists(gold) and row_count(lakehouse.delta(gold))):
        raise MissingInputError(f"{dataset.silver} is empty; materialize it first")
    return rows


def review_rows(lakehouse: Lakehouse) -> dict[str, int]:
    """Return the rows of each partition and stream segment of reviews in silver."""
    rows: dict[str, int] = {}
    for key in filter(lakehouse.exists, REVIEW_SOURCES):
        rows |= partition_rows(lakehouse.delta(key))
    return rows


def read_reviews(
    spark: SparkSession, lakehouse: Lakehouse, partitions: Sequence[str] | None = None
) -> DataFrame:
    """Return the reviews in silver with their `source`: all, or those of some partitions."""
    frames = {
        key: lakehouse.read(spark, key, partitions).withColumn("source", F.lit(source))
        for key, source in REVIEW_SOURCES.items()
    }
    batch, stream = frames.values()
    kinds = {True, False} if partitions is None else set(map(is_segment, partitions))
    return batch.unionByName(stream) if len(kinds) > 1 else stream if kinds == {True} else batch


def rows_of_review_products(lakehouse: Lakehouse) -> dict[str, int]:
    """Return the products that reviews name, by partition of reviews as gold/products names it."""
    if not lakehouse.exists(SILVER_REVIEW_PRODUCTS.key):
        return {}
    rows = partition_rows(lakehouse.delta(SILVER_REVIEW_PRODUCTS.key))
    return {f"{_OF_REVIEWS}{name}": count for name, count in rows.items()}


def read_review_products(spark: SparkSession, lakehouse: Lakehouse) -> DataFrame:
    """Return the products that reviews name, with partitions as gold/products names them."""
    named = lakehouse.read(spark, SILVER_REVIEW_PRODUCTS.key)
    return named.withColumn("partition", F.concat(F.lit(_OF_REVIEWS), F.col("partition")))
