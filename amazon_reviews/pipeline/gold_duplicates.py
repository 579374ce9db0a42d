"""Cross-partition de-duplication of reviews: the earliest partition keeps a review."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.pipeline.input_rows import read_reviews
from amazon_reviews.pipeline.segments import is_segment, segments
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse, partition_rows
from amazon_reviews.resources.landing.names import natural_order
from amazon_reviews.schemas.layers import GOLD_DUPLICATES, GOLD_REVIEWS, SCRATCH_DUPLICATES
from amazon_reviews.schemas.vocabulary import ORIGIN

# Bounds the memory of a comparison, which holds all ids of its range at once.
_IDS_AT_ONCE = 4_000_000


def partition_ranks(spark: SparkSession, partitions: Mapping[str, int]) -> DataFrame:
    """Return the order in which partitions may keep a review: files first, then the stream."""
    files = natural_order(name for name in partitions if not is_segment(name))
    ranked = [(name, rank) for rank, name in enumerate([*files, *segments(partitions)])]
    return spark.createDataFrame(ranked, "partition string, rank int")


def find_duplicates(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str] | None,
    rows: dict[str, int],
    left_out: Sequence[str] = (),
) -> None:
    """Write the reviews that gold must leave out to the scratch table.

    Only the reviews are compared that these partitions have now, or had when gold was last built.
    Known duplicates of other reviews are copied. So are those of reviews that a partition of
    `left_out` lost or won; such a partition is read as if it had no rows.
    """
    ranks = partition_ranks(spark, rows)
    silver = read_reviews(spark, lakehouse).select("review_id", *ORIGIN)
    before = lakehouse.read(spark, GOLD_DUPLICATES.key).where(F.col("table") == "reviews")
    if partitions is not None:
        if left_out:
            silver = silver.where(~F.col("partition").isin(*left_out))
        touched = _touched(silver, before, partitions)
        if left_out:
            of_them = F.col("partition").isin(*left_out) | F.col("kept_in").isin(*left_out)
            known = before.where(of_them).select(F.col("id").alias("review_id"))
            touched = touched.join(known, on="review_id", how="left_anti")
        silver = silver.join(touched, on="review_id", how="left_semi")
        compared = touched.select(F.col("review_id").alias("id"))
        lakehouse.write(
            before.join(compared, on="id", how="left_anti"),
            SCRATCH_DUPLICATES.key,
            replacing=ALL_ROWS,
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
    """Return the rows of silver whose review an earlier partition has, as gold/duplicates.

    A partition of silver holds a review once, so only ids that occur twice are compared. Their
    64-bit hashes are counted first, which takes a quarter of the memory of the ids. Two ids that
    share a hash only add rows to the comparison.
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
        .select(F.col("review_id").alias("id"), "kept_in", F.lit("reviews").alias("table"), *ORIGIN)
    )


def _id_ranges(rows: int) -> list[tuple[str, str]]:
    """Return ranges of review ids that hold about `_IDS_AT_ONCE` of the rows each."""
    parts = min(max(1, -(-rows // _IDS_AT_ONCE)), 256)
    edges = [f"{edge * 256 // parts:02x}" for edge in range(parts)] + ["g"]
    return list(pairwise(edges))


def moved_partitions(
    spark: SparkSession, lakehouse: Lakehouse, partitions: Sequence[str], rows: dict[str, int]
) -> list[str]:
    """Return the other partitions in gold whose rows the new duplicates change."""
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
    names = [row["partition"] for row in other.collect()]
    kept = partition_rows(lakehouse.delta(GOLD_REVIEWS.key))
    left = partition_rows(lakehouse.delta(GOLD_DUPLICATES.key), "reviews")
    # A partition in neither table was never in gold, and must not enter it uninvited.
    return [name for name in names if name in rows and (name in kept or name in left)]
