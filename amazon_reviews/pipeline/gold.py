"""From silver to gold: one row per product and per review over all partitions and the stream.

The content of gold depends only on the set of inputs. Of the partitions that hold a review, the
earliest in natural order keeps it; the stream comes after all files. When that changes, the
partitions that lose or regain a row are rebuilt in the same run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from amazon_reviews.errors import FailedPartitionsError, MissingInputError
from amazon_reviews.pipeline.datasets import PRODUCTS, STREAM
from amazon_reviews.pipeline.gold_duplicates import (
    find_duplicates,
    moved_partitions,
    partition_ranks,
)
from amazon_reviews.pipeline.input_rows import (
    REVIEW_SOURCES,
    read_review_products,
    read_reviews,
    review_rows,
    rows_of_review_products,
    silver_rows,
)
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.partition_batches import batches
from amazon_reviews.pipeline.segments import (
    display_partition,
    segments,
    sum_by_partition,
)
from amazon_reviews.resources.lakehouse.room import stored_bytes
from amazon_reviews.resources.lakehouse.scans import (
    partitions_with_values,
    unreadable_partitions,
)
from amazon_reviews.resources.lakehouse.tables import (
    ALL_ROWS,
    Lakehouse,
    partition_rows,
)
from amazon_reviews.resources.landing.names import natural_order
from amazon_reviews.schemas.built import WHOLE, Records
from amazon_reviews.schemas.layers import (
    GOLD_DUPLICATES,
    GOLD_PRODUCTS,
    GOLD_REVIEWS,
    SCRATCH_DUPLICATES,
    SILVER_PRODUCTS,
    SILVER_REVIEWS,
    SILVER_STREAMED_REVIEWS,
)
from amazon_reviews.schemas.vocabulary import ORIGIN
from amazon_reviews.transforms.prices import impute_prices
from amazon_reviews.transforms.products import best_products
from amazon_reviews.transforms.reviews import gold_reviews


@dataclass(frozen=True)
class GoldCounts:
    """Rows of one partition: in silver, kept in gold, and duplicates of an earlier partition."""

    lines: int
    kept: int
    duplicates: int


def build_gold_products(spark: SparkSession, lakehouse: Lakehouse) -> dict[str, GoldCounts]:
    """Rebuild gold/products from all products in silver; it is empty if none ever came in.

    Raises:
        MissingInputError: silver has no rows although bronze has usable lines, or gold has rows;
            gold stays as it is.
    """
    inputs = lakehouse.input_versions(GOLD_PRODUCTS.key)
    rows = silver_rows(lakehouse, PRODUCTS, GOLD_PRODUCTS.key)
    silver = lakehouse.read(spark, SILVER_PRODUCTS.key)
    ranks = partition_ranks(spark, rows)
    if of_reviews := rows_of_review_products(lakehouse):
        rows = rows | of_reviews
        silver = silver.unionByName(read_review_products(spark, lakehouse))
    best = best_products(silver, ranks)
    lakehouse.write(
        impute_prices(best), GOLD_PRODUCTS.key, replacing=ALL_ROWS, built={WHOLE: inputs}
    )
    winners = lakehouse.read(spark, GOLD_PRODUCTS.key)
    kept_in = winners.select("asin", F.col("partition").alias("kept_in"))
    losers = (
        silver.select("asin", *ORIGIN)
        .join(winners.select(*ORIGIN), on=list(ORIGIN), how="left_anti")
        .join(kept_in, on="asin", how="left")
        .select(F.col("asin").alias("id"), "kept_in", F.lit("products").alias("table"), *ORIGIN)
    )
    lakehouse.write(losers, GOLD_DUPLICATES.key, replacing={"table": ["products"]})
    kept = {
        row["partition"]: row["count"] for row in winners.groupBy("partition").count().collect()
    }
    return _counts(lakehouse, "products", rows, kept, rows)


def build_gold_reviews(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str],
    batch_rows: int,
    *,
    rebuild: bool = False,
) -> Iterator[tuple[str, GoldCounts]]:
    """Rebuild these partitions of gold/reviews, and those whose kept rows change as a result.

    Of the partition `stream`, the segments are rebuilt whose reviews changed since their last
    build, or all if the products changed, or with `rebuild`. Yields every partition that was
    rebuilt: the requested ones first, then the others.

    Raises:
        MissingInputError: there are no reviews in silver; gold keeps what it has.
        FailedPartitionsError: at the end, for the partitions that could not be read or written;
            they keep the rows and duplicates that they had before.
    """
    if not any(map(lakehouse.exists, REVIEW_SOURCES)):
        raise MissingInputError("silver/reviews does not exist; materialize it first")
    lakehouse.ensure(GOLD_REVIEWS.key)
    lakehouse.ensure(GOLD_DUPLICATES.key)
    with lakehouse.lock("build_gold.reviews") as check_held:
        inputs = _inputs(lakehouse, partitions)
        rows = review_rows(lakehouse)
        names = [name for name in partitions if name != STREAM.partition]
        if STREAM.partition in partitions:
            names += _segments_to_build(lakehouse, rows, rebuild)
        rebuilt: list[str] = []
        failed: dict[str, Exception] = {}
        if names:
            rebuilt, failed = _rebuild_reviews(
                spark, lakehouse, names, rows, batch_rows, check_held
            )
        errors = {display_partition(name): error for name, error in failed.items()}
        built = {name: inputs[name] for name in partitions if name not in errors}
        lakehouse.record(GOLD_REVIEWS.key, built)
    kept = partition_rows(lakehouse.delta(GOLD_REVIEWS.key))
    affected = dict.fromkeys([*partitions, *map(display_partition, rebuilt)])
    done = [name for name in affected if name not in errors]
    yield from _counts(lakehouse, "reviews", rows, kept, done).items()
    if errors:
        raise FailedPartitionsError(errors)


def _inputs(lakehouse: Lakehouse, partitions: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the present versions of the inputs of partitions of gold/reviews."""
    products = lakehouse.versions(GOLD_PRODUCTS.key).get(WHOLE, 0)
    streamed = lakehouse.versions(SILVER_STREAMED_REVIEWS.key).get(WHOLE, 0)
    silver = lakehouse.versions(SILVER_REVIEWS.key)
    return {
        name: {GOLD_PRODUCTS.key: products}
        | (
            {SILVER_STREAMED_REVIEWS.key: streamed}
            if name == STREAM.partition
            else {SILVER_REVIEWS.key: silver.get(name, 0)}
        )
        for name in partitions
    }


def _failed_in_silver(lakehouse: Lakehouse) -> set[str]:
    """Return the partitions of silver/reviews that failed their check as they are now.

    They win no review from others, and lose none, until they have passed it.
    """
    records = lakehouse.records(SILVER_REVIEWS.key) or Records()
    judged = records.checks.get("accounted", {})
    return {name for name, version in judged.items() if version == -records.versions.get(name, 0)}


def _segments_to_build(lakehouse: Lakehouse, rows: dict[str, int], rebuild: bool) -> list[str]:
    names = segments({**rows, **partition_rows(lakehouse.delta(GOLD_REVIEWS.key))})
    inputs = _segment_inputs(lakehouse, names)
    records = lakehouse.records(GOLD_DUPLICATES.key) or Records()
    return [
        name
        for name in names
        if rebuild
        or any(
            records.inputs.get(key, {}).get(name) != version
            for key, version in inputs[name].items()
        )
    ]


def _segment_inputs(lakehouse: Lakehouse, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the present versions of the inputs of segments in gold."""
    products = lakehouse.versions(GOLD_PRODUCTS.key).get(WHOLE, 0)
    reviews = lakehouse.versions(SILVER_STREAMED_REVIEWS.key)
    return {
        name: {SILVER_STREAMED_REVIEWS.key: reviews.get(name, 0), GOLD_PRODUCTS.key: products}
        for name in names
    }


def _rebuild_reviews(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str],
    rows: dict[str, int],
    batch_rows: int,
    check_held: Callable[[], None],
) -> tuple[list[str], dict[str, Exception]]:
    """Rebuild these partitions and those whose kept rows change as a result.

    Returns the partitions that were rebuilt, and those that failed. gold/duplicates is written
    after them, with the inputs of the segments, and the inputs of gold/reviews last of all: as
    long as they are unchanged, the next run repeats the work of one that was killed.
    """
    inputs = _segment_inputs(lakehouse, segments({*rows, *partitions}))
    held_back = _failed_in_silver(lakehouse) - {*partitions}
    everything = set(rows) <= set(partitions)
    failed: dict[str, Exception] = {}
    try:
        compared = None if everything else partitions
        find_duplicates(spark, lakehouse, compared, rows, left_out=[*held_back])
    except Exception:
        for key in filter(lakehouse.exists, REVIEW_SOURCES):
            failed |= unreadable_partitions(lakehouse.delta(key), ["review_id", "file", "line"])
        if not failed:
            raise
        everything = False
        partitions = [name for name in partitions if name not in failed]
        find_duplicates(spark, lakehouse, partitions, rows, left_out=[*failed, *held_back])
    moved = [] if everything else moved_partitions(spark, lakehouse, partitions, rows)
    affected = natural_order({*partitions, *moved} - failed.keys())
    products = lakehouse.read(spark, GOLD_PRODUCTS.key)
    with_families = partitions_with_values(lakehouse.delta(SILVER_REVIEWS.key), "parent_asin")

    def rebuild(batch: Sequence[str]) -> list[tuple[str, None]]:
        silver = read_reviews(spark, lakehouse, batch)
        losers = lakehouse.read(spark, SCRATCH_DUPLICATES.key, batch).select(*ORIGIN)
        kept = silver.join(losers, on=list(ORIGIN), how="left_anti")
        check_held()
        sources = map(lakehouse.delta, filter(lakehouse.exists, REVIEW_SOURCES))
        lakehouse.write(
            gold_reviews(kept, products, has_families=not with_families.isdisjoint(batch)),
            GOLD_REVIEWS.key,
            replacing={"partition": batch},
            built={display_partition(name): {} for name in batch},
            expected_bytes=sum(stored_bytes(table, {"partition": batch}) for table in sources),
        )
        return [(name, None) for name in batch]

    sizes = {name: rows.get(name, 0) for name in affected}
    rebuilt: list[str] = []
    try:
        for name, _ in isolated(batches(affected, sizes, batch_rows), rebuild, spark):
            rebuilt.append(name)
    except FailedPartitionsError as error:
        failed |= error.errors
    duplicates = lakehouse.read(spark, SCRATCH_DUPLICATES.key)
    if failed:
        # Their rows in gold are as they were, and so must be their duplicates.
        before = lakehouse.read(spark, GOLD_DUPLICATES.key).where(F.col("table") == "reviews")
        of_failed = F.col("partition").isin(*failed)
        duplicates = duplicates.where(~of_failed).unionByName(before.where(of_failed))
    check_held()
    built_from = {name: inputs[name] for name in segments(rebuilt)}
    lakehouse.write(
        duplicates,
        GOLD_DUPLICATES.key,
        replacing={"table": ["reviews"]},
        built=built_from,
    )
    return rebuilt, failed


def _counts(
    lakehouse: Lakehouse,
    table: str,
    rows: Mapping[str, int],
    kept: Mapping[str, int],
    partitions: Iterable[str],
) -> dict[str, GoldCounts]:
    left = sum_by_partition(partition_rows(lakehouse.delta(GOLD_DUPLICATES.key), table))
    rows, kept = sum_by_partition(rows), sum_by_partition(kept)
    return {
        name: GoldCounts(rows.get(name, 0), kept.get(name, 0), left.get(name, 0))
        for name in partitions
    }
