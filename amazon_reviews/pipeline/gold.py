"""From silver to gold: one row per product and per review over all partitions and the stream.

What gold holds depends only on the set of inputs. Where a review lies in several partitions,
the earliest in natural order keeps it, the stream after all others; when that changes, the
partitions that lose or regain a row are rebuilt in the same run.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.errors import FailedPartitionsError, MissingInputError
from amazon_reviews.pipeline.datasets import PRODUCTS, STREAM
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.segments import folded, is_segment, segments, shown
from amazon_reviews.pipeline.silver import batches, rows_to_build
from amazon_reviews.resources.lakehouse.scans import unreadable_partitions
from amazon_reviews.resources.lakehouse.tables import (
    ALL_ROWS,
    Lakehouse,
    new_transaction_version,
    partition_rows,
)
from amazon_reviews.resources.landing.layout import natural_order
from amazon_reviews.schemas.layers import (
    GOLD_DUPLICATES,
    GOLD_PRODUCTS,
    GOLD_REVIEWS,
    SCRATCH_DUPLICATES,
    SILVER_PRODUCTS,
    SILVER_REVIEWS,
    SILVER_STREAMED_REVIEWS,
)
from amazon_reviews.transforms.prices import impute_prices
from amazon_reviews.transforms.products import best_products
from amazon_reviews.transforms.reviews import gold_reviews

_ORIGIN = ["partition", "file", "line"]
_IDS_AT_ONCE = 4_000_000
_PUBLISHED = "published"

_SILVER = {SILVER_REVIEWS.key: "batch", SILVER_STREAMED_REVIEWS.key: "stream"}


@dataclass(frozen=True)
class Published:
    """Rows of one partition: in silver, kept in gold, and left to an earlier partition."""

    lines: int
    kept: int
    duplicates: int


def build_gold_products(spark: SparkSession, lakehouse: Lakehouse) -> dict[str, Published]:
    """Rebuild gold/products from all of silver/products; without products it is empty.

    Raises:
        MissingInputError: silver lacks lines of bronze, or is empty; gold keeps what it has.
    """
    rows = rows_to_build(lakehouse, PRODUCTS, GOLD_PRODUCTS.key)
    silver = lakehouse.read(spark, SILVER_PRODUCTS.key)
    best = best_products(silver, _ranks(spark, rows))
    lakehouse.write(
        impute_prices(best),
        GOLD_PRODUCTS.key,
        replacing=ALL_ROWS,
        transaction_versions={_PUBLISHED: new_transaction_version()},
    )
    winners = lakehouse.read(spark, GOLD_PRODUCTS.key)
    kept_in = winners.select("asin", F.col("partition").alias("kept_in"))
    losers = (
        silver.select("asin", *_ORIGIN)
        .join(winners.select(*_ORIGIN), on=_ORIGIN, how="left_anti")
        .join(kept_in, on="asin", how="left")
        .select(F.col("asin").alias("id"), "kept_in", F.lit("products").alias("table"), *_ORIGIN)
    )
    lakehouse.write(losers, GOLD_DUPLICATES.key, replacing={"table": ["products"]})
    kept = {
        row["partition"]: row["count"] for row in winners.groupBy("partition").count().collect()
    }
    return _report(lakehouse, "products", rows, kept, rows)


def build_gold_reviews(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str],
    batch_rows: int,
    *,
    rebuild: bool = False,
) -> Iterator[tuple[str, Published]]:
    """Rebuild these partitions of gold/reviews, and those that win or lose a row by it.

    Of the partition `stream` those segments are rebuilt whose reviews, or the products, changed
    since; with `rebuild` all of them. Yields every partition that was rebuilt, those asked for
    and the others.

    Raises:
        MissingInputError: there are no reviews in silver; gold keeps what it has.
        FailedPartitionsError: at the end, for the partitions that could not be read or written;
            they have the rows and duplicates that they had before.
    """
    if not any(map(lakehouse.exists, _SILVER)):
        raise MissingInputError("silver/reviews is not there; materialize it first")
    lakehouse.ensure(GOLD_REVIEWS.key)
    lakehouse.ensure(GOLD_DUPLICATES.key)
    with lakehouse.lock("publish.reviews") as check_held:
        rows = silver_rows(lakehouse)
        names = [name for name in partitions if name != STREAM.partition]
        if STREAM.partition in partitions:
            names += _segments_to_build(lakehouse, rows, rebuild)
        rebuilt: list[str] = []
        failed: dict[str, Exception] = {}
        if names:
            rebuilt, failed = _rebuild_reviews(
                spark, lakehouse, names, rows, batch_rows, check_held
            )
    kept = partition_rows(lakehouse.delta(GOLD_REVIEWS.key))
    errors = {shown(name): error for name, error in failed.items()}
    done = dict.fromkeys([*partitions, *map(shown, rebuilt)])
    made = [name for name in done if name not in errors]
    yield from _report(lakehouse, "reviews", rows, kept, made).items()
    if errors:
        raise FailedPartitionsError(errors)


def _segments_to_build(lakehouse: Lakehouse, rows: dict[str, int], rebuild: bool) -> list[str]:
    names = segments({**rows, **partition_rows(lakehouse.delta(GOLD_REVIEWS.key))})
    inputs = _inputs(lakehouse, names)
    made_from = lakehouse.transaction_versions(GOLD_DUPLICATES.key, names)
    return [name for name in names if rebuild or made_from[name] != inputs[name]]


def _inputs(lakehouse: Lakehouse, names: Sequence[str]) -> dict[str, int]:
    """A number for each segment that changes when its reviews or the products do."""
    products = lakehouse.transaction_versions(GOLD_PRODUCTS.key, [_PUBLISHED])[_PUBLISHED] or 0
    reviews = lakehouse.transaction_versions(SILVER_STREAMED_REVIEWS.key, names)
    return {name: (reviews[name] or 0) ^ products for name in names}


def silver_rows(lakehouse: Lakehouse) -> dict[str, int]:
    """Rows of each partition of reviews in silver; the stream is one of them."""
    rows: dict[str, int] = {}
    for key in filter(lakehouse.exists, _SILVER):
        rows |= partition_rows(lakehouse.delta(key))
    return rows


def _silver(
    spark: SparkSession, lakehouse: Lakehouse, partitions: Sequence[str] | None = None
) -> DataFrame:
    """The reviews in silver with their `source`: all of them, or those of some partitions."""
    frames = {
        key: lakehouse.read(spark, key, partitions).withColumn("source", F.lit(source))
        for key, source in _SILVER.items()
    }
    batch, stream = frames.values()
    kinds = {True, False} if partitions is None else set(map(is_segment, partitions))
    return batch.unionByName(stream) if len(kinds) > 1 else stream if kinds == {True} else batch


def _rebuild_reviews(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str],
    rows: dict[str, int],
    batch_rows: int,
    check_held: Callable[[], None],
) -> tuple[list[str], dict[str, Exception]]:
    """Rebuild the partitions asked for and those that win or lose a row by it.

    Gives the partitions that were rebuilt, and those that failed. gold/duplicates comes last, and
    records what the segments were made from: while it is as it was, a run that was killed is made
    up for by the next.
    """
    inputs = _inputs(lakehouse, segments({*rows, *partitions}))
    everything = set(rows) <= set(partitions)
    failed: dict[str, Exception] = {}
    try:
        _find_duplicates(spark, lakehouse, None if everything else partitions, rows)
    except Exception:
        for key in filter(lakehouse.exists, _SILVER):
            failed |= unreadable_partitions(lakehouse.delta(key), ["review_id", "file", "line"])
        if not failed:
            raise
        everything = False
        partitions = [name for name in partitions if name not in failed]
        _find_duplicates(spark, lakehouse, partitions, rows, unreadable=[*failed])
    moved = [] if everything else _moved(spark, lakehouse, partitions, rows)
    affected = natural_order({*partitions, *moved} - failed.keys())
    products = lakehouse.read(spark, GOLD_PRODUCTS.key)

    def rebuild(batch: Sequence[str]) -> list[tuple[str, None]]:
        silver = _silver(spark, lakehouse, batch)
        losers = lakehouse.read(spark, SCRATCH_DUPLICATES.key, batch).select(*_ORIGIN)
        kept = silver.join(losers, on=_ORIGIN, how="left_anti")
        check_held()
        lakehouse.write(
            gold_reviews(kept, products), GOLD_REVIEWS.key, replacing={"partition": batch}
        )
        return [(name, None) for name in batch]

    sizes = {name: rows.get(name, 0) for name in affected}
    rebuilt: list[str] = []
    try:
        for name, _ in isolated(batches(affected, sizes, batch_rows), rebuild, spark):
            rebuilt.append(name)
    except FailedPartitionsError as error:
        failed |= error.errors
    found = lakehouse.read(spark, SCRATCH_DUPLICATES.key)
    if failed:
        # Their rows in gold are as they were, and so is what is said of them.
        was = lakehouse.read(spark, GOLD_DUPLICATES.key).where(F.col("table") == "reviews")
        of_failed = F.col("partition").isin(*failed)
        found = found.where(~of_failed).unionByName(was.where(of_failed))
    check_held()
    made_from = {name: inputs[name] for name in segments(rebuilt)}
    lakehouse.write(
        found, GOLD_DUPLICATES.key, replacing={"table": ["reviews"]}, transaction_versions=made_from
    )
    return rebuilt, failed


def _report(
    lakehouse: Lakehouse,
    noun: str,
    rows: dict[str, int],
    kept: dict[str, int],
    partitions: Sequence[str] | dict[str, int],
) -> dict[str, Published]:
    left = folded(partition_rows(lakehouse.delta(GOLD_DUPLICATES.key), noun))
    rows, kept = folded(rows), folded(kept)
    return {
        name: Published(rows.get(name, 0), kept.get(name, 0), left.get(name, 0))
        for name in partitions
    }


def _ranks(spark: SparkSession, partitions: Sequence[str] | dict[str, int]) -> DataFrame:
    files = natural_order(name for name in partitions if not is_segment(name))
    ranked = [(name, rank) for rank, name in enumerate([*files, *segments(partitions)])]
    return spark.createDataFrame(ranked, "partition string, rank int")


def _find_duplicates(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str] | None,
    rows: dict[str, int],
    unreadable: Sequence[str] = (),
) -> None:
    """Put the reviews that gold must leave out into the scratch table.

    Only reviews are looked at that these partitions have now, or had when gold was last built;
    what is known about the others is carried over. That is also so for reviews that an
    `unreadable` partition lost or won.
    """
    ranks = _ranks(spark, rows)
    silver = _silver(spark, lakehouse).select("review_id", *_ORIGIN)
    before = lakehouse.read(spark, GOLD_DUPLICATES.key).where(F.col("table") == "reviews")
    if partitions is not None:
        if unreadable:
            silver = silver.where(~F.col("partition").isin(*unreadable))
        touched = _touched(silver, before, partitions)
        if unreadable:
            theirs = F.col("partition").isin(*unreadable) | F.col("kept_in").isin(*unreadable)
            known = before.where(theirs).select(F.col("id").alias("review_id"))
            touched = touched.join(known, on="review_id", how="left_anti")
        silver = silver.join(touched, on="review_id", how="left_semi")
        gone = touched.select(F.col("review_id").alias("id"))
        lakehouse.write(
            before.join(gone, on="id", how="left_anti"), SCRATCH_DUPLICATES.key, replacing=ALL_ROWS
        )
    else:
        lakehouse.write(before.where(F.lit(False)), SCRATCH_DUPLICATES.key, replacing=ALL_ROWS)
    for low, high in _id_ranges(sum(rows.values())):
        ids = silver.where((F.col("review_id") >= low) & (F.col("review_id") < high))
        lakehouse.write(_duplicates(ids, ranks), SCRATCH_DUPLICATES.key)


def _touched(silver: DataFrame, before: DataFrame, partitions: Sequence[str]) -> DataFrame:
    now = silver.where(F.col("partition").isin(*partitions)).select("review_id")
    had = F.col("partition").isin(*partitions) | F.col("kept_in").isin(*partitions)
    earlier = before.where(had).select(F.col("id").alias("review_id"))
    return now.unionByName(earlier).distinct()


def _duplicates(silver: DataFrame, ranks: DataFrame) -> DataFrame:
    """Rows of silver whose review an earlier partition has, in the columns of gold/duplicates.

    A partition of silver holds a review once, so only ids that come twice are compared. Their
    64-bit hashes are counted first, which takes a quarter of the memory of the ids; that two ids
    may share a hash only adds rows to the comparison.
    """
    hashed = silver.select("*", F.xxhash64("review_id").alias("hash"))
    counts = hashed.groupBy("hash").agg(F.count(F.lit(1)).alias("times"))
    suspects = counts.where(F.col("times") > 1).select("hash")
    ranked = hashed.join(suspects, on="hash", how="left_semi").join(ranks, on="partition")
    first = ranked.groupBy("review_id").agg(F.min("rank").alias("first"))
    names = ranks.select(F.col("rank").alias("first"), F.col("partition").alias("kept_in"))
    return (
        ranked.join(first, on="review_id")
        .where(F.col("rank") > F.col("first"))
        .join(names, on="first")
        .select(
            F.col("review_id").alias("id"), "kept_in", F.lit("reviews").alias("table"), *_ORIGIN
        )
    )


def _id_ranges(rows: int) -> list[tuple[str, str]]:
    """Ranges of review ids that hold about `_IDS_AT_ONCE` of the rows each."""
    parts = min(max(1, -(-rows // _IDS_AT_ONCE)), 256)
    edges = [f"{edge * 256 // parts:02x}" for edge in range(parts)] + ["g"]
    return list(pairwise(edges))


def _moved(
    spark: SparkSession, lakehouse: Lakehouse, partitions: Sequence[str], rows: dict[str, int]
) -> list[str]:
    """The other partitions in gold whose rows the new duplicates change."""
    now = lakehouse.read(spark, SCRATCH_DUPLICATES.key).select("id", "partition")
    before = (
        lakehouse.read(spark, GOLD_DUPLICATES.key)
        .where(F.col("table") == "reviews")
        .select("id", "partition")
    )
    keys = ["id", "partition"]
    changed = now.join(before, on=keys, how="left_anti").unionByName(
        before.join(now, on=keys, how="left_anti")
    )
    other = changed.where(~F.col("partition").isin(*partitions)).select("partition").distinct()
    published = partition_rows(lakehouse.delta(GOLD_REVIEWS.key))
    names = [row["partition"] for row in other.collect()]
    emptied = partition_rows(lakehouse.delta(GOLD_DUPLICATES.key), "reviews")
    return [name for name in names if name in rows and (name in published or name in emptied)]
