"""Cross-partition de-duplication of reviews: the earliest partition keeps a review.

The search reads silver/review_keys, an index of 16 bytes a review, and never the other partitions
of silver. A key is a 128-bit hash of review_id, which is one itself.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from amazon_reviews.errors import FailedPartitionsError
from amazon_reviews.pipeline.input_rows import read_reviews
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.partition_batches import batches
from amazon_reviews.pipeline.segments import is_segment, segments
from amazon_reviews.resources.lakehouse.tables import (
    ALL_ROWS,
    Lakehouse,
    ReplacedRows,
    partition_rows,
)
from amazon_reviews.resources.landing.names import natural_order
from amazon_reviews.schemas.built import Records
from amazon_reviews.schemas.layers import (
    GOLD_DUPLICATES,
    GOLD_REVIEWS,
    REVIEW_KEY,
    SCRATCH_LOST_REVIEWS,
    SILVER_REVIEW_KEYS,
)

KEY = tuple(column.name for column in REVIEW_KEY)
"""The columns by which reviews are compared."""

# Bounds the memory of a comparison, which holds the keys of its range at once.
_KEYS_AT_ONCE = 4_000_000
_LOWEST, _HASHES = -(2**63), 2**64


def review_key(review_id: str) -> list[Column]:
    """Return the columns `KEY` of a column with review ids."""
    # The second hash has another seed: the hash of the number before the id.
    hashes = (F.xxhash64(review_id), F.xxhash64(F.lit(1), review_id))
    return [column.alias(name) for column, name in zip(hashes, KEY, strict=True)]


def in_order(partitions: Iterable[str]) -> list[str]:
    """Return partitions in the order in which they may keep a review: files, then the stream."""
    names = {*partitions}
    return [*natural_order(name for name in names if not is_segment(name)), *segments(names)]


def partition_ranks(spark: SparkSession, partitions: Iterable[str]) -> DataFrame:
    """Return the place of each partition `in_order`."""
    ranked = [(name, rank) for rank, name in enumerate(in_order(partitions))]
    return spark.createDataFrame(ranked, "partition string, rank int")


def index_reviews(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Collection[str],
    inputs: Mapping[str, Mapping[str, int]],
    rows: Mapping[str, int],
    batch_rows: int,
    left_out: Collection[str],
) -> dict[str, Exception]:
    """Index these partitions, and others whose silver changed since they were indexed.

    One of `left_out` stays as it is in the index, as its rows in gold do. `inputs` are the present
    versions of all partitions in silver and the index. Returns those that cannot be read.
    """
    records = lakehouse.records(SILVER_REVIEW_KEYS.key) or Records()

    def is_outdated(name: str) -> bool:
        built = {key: records.inputs.get(key, {}).get(name) for key in inputs[name]}
        return None in built.values() or (name not in left_out and built != inputs[name])

    def index(batch: Sequence[str]) -> list[tuple[str, None]]:
        lakehouse.write(
            read_reviews(spark, lakehouse, batch).select(*review_key("review_id"), "partition"),
            SILVER_REVIEW_KEYS.key,
            replacing={"partition": batch},
            built={name: inputs[name] for name in batch},
        )
        return [(name, None) for name in batch]

    outdated = in_order(name for name in inputs if name in partitions or is_outdated(name))
    sizes = {name: rows.get(name, 0) for name in outdated}
    try:
        deque(isolated(batches(outdated, sizes, batch_rows), index, spark), maxlen=0)
    except FailedPartitionsError as error:
        return error.errors
    return {}


def find_lost_reviews(
    spark: SparkSession, lakehouse: Lakehouse, partitions: Sequence[str], rows: Mapping[str, int]
) -> None:
    """Write the reviews that these partitions lose to earlier ones to the scratch table."""
    ranks = partition_ranks(spark, {*rows, *partitions})
    index = lakehouse.read(spark, SILVER_REVIEW_KEYS.key)
    replacing: ReplacedRows | None = ALL_ROWS
    for of_range in _ranges(sum(rows.get(name, 0) for name in partitions)):
        keys = index.where(of_range & F.col("partition").isin(*partitions)).select(*KEY)
        lost = _lost(index.where(of_range), keys, ranks)
        lakehouse.write(
            lost.where(F.col("partition").isin(*partitions)),
            SCRATCH_LOST_REVIEWS.key,
            replacing=replacing,
        )
        replacing = None


def moved_partitions(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str],
    rows: Mapping[str, int],
    left_out: Collection[str],
) -> tuple[list[str], list[str]]:
    """Return the other partitions in gold that lose or regain a row to these partitions.

    Returns those too of which a duplicate is kept elsewhere now. All come later, and hold a review
    that one of these partitions has, or kept when gold was last built.
    """
    order = in_order({*rows, *partitions})
    kept = partition_rows(lakehouse.delta(GOLD_REVIEWS.key))
    left = partition_rows(lakehouse.delta(GOLD_DUPLICATES.key), "reviews")
    # A partition in neither table was never in gold, and must not enter it uninvited.
    later = [
        name
        for name in order[min(map(order.index, partitions), default=len(order)) :]
        if (name in kept or name in left) and name in rows and name not in {*partitions, *left_out}
    ]
    if not later:
        return [], []
    ranks = partition_ranks(spark, order)
    index = lakehouse.read(spark, SILVER_REVIEW_KEYS.key)
    before = (
        lakehouse.read(spark, GOLD_DUPLICATES.key, later)
        .where(F.col("table") == "reviews")
        .select(*review_key("id"), "kept_in", "partition")
    )
    had = before.where(F.col("kept_in").isin(*partitions)).select(*KEY)
    touched = index.where(F.col("partition").isin(*partitions)).select(*KEY).unionByName(had)
    moved: set[str] = set()
    renamed: set[str] = set()
    for of_range in _ranges(sum(rows.get(name, 0) for name in partitions)):
        keys = touched.where(of_range)
        now = _lost(index.where(of_range), keys, ranks).where(F.col("partition").isin(*later))
        both = now.unionByName(before.join(keys, on=[*KEY], how="left_semi"))
        changes = both.groupBy(*KEY, "partition").agg(
            (F.count(F.lit(1)) == 1).alias("is_moved"),
            (F.min("kept_in") != F.max("kept_in")).alias("is_renamed"),
        )
        kinds = changes.select("partition", "is_moved", "is_renamed").distinct().collect()
        moved |= {row["partition"] for row in kinds if row["is_moved"]}
        renamed |= {row["partition"] for row in kinds if row["is_renamed"]}
    return in_order(moved), in_order(renamed - moved)


def _lost(index: DataFrame, keys: DataFrame, ranks: DataFrame) -> DataFrame:
    """Return the rows of the index with one of these keys that an earlier partition has too."""
    of_key = Window.partitionBy(*KEY)
    compared = index.join(keys, on=[*KEY], how="left_semi")
    # Most keys occur once. To count them takes less than to sort them for the window.
    times = compared.groupBy(*KEY).agg(F.count(F.lit(1)).alias("times"))
    repeated = times.where(F.col("times") > 1).select(*KEY)
    held = compared.join(repeated, on=[*KEY], how="left_semi").join(ranks, on="partition")
    names = ranks.select(F.col("rank").alias("first"), F.col("partition").alias("kept_in"))
    return (
        held.withColumn("first", F.min("rank").over(of_key))
        .where(F.col("rank") > F.col("first"))
        .join(names, on="first")
        .select(*KEY, "kept_in", "partition")
    )


def _ranges(rows: int) -> list[Column]:
    """Return conditions on keys that split them into ranges of about `_KEYS_AT_ONCE` rows each."""
    parts = max(1, -(-rows // _KEYS_AT_ONCE))
    edges = [_LOWEST + edge * _HASHES // parts for edge in range(parts + 1)]
    return [F.col("high").between(low, high - 1) for low, high in pairwise(edges)]
