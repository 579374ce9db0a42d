"""From silver to gold: one row per product and per review over all partitions and the stream.

The content of gold depends only on the set of inputs. Of the partitions that hold a review, the
earliest in natural order keeps it; the stream comes after all files. When that changes, the
partitions that lose or regain a row are rebuilt in the same run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.errors import FailedPartitionsError, MissingInputError
from amazon_reviews.pipeline.changed_products import concerned_partitions
from amazon_reviews.pipeline.datasets import PRODUCTS, STREAM
from amazon_reviews.pipeline.gold_duplicates import (
    KEY,
    find_lost_reviews,
    in_order,
    index_reviews,
    moved_partitions,
    partition_ranks,
    review_key,
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
    is_segment,
    segments,
    sum_by_partition,
)
from amazon_reviews.resources.lakehouse.data_files import scratch_copy
from amazon_reviews.resources.lakehouse.room import stored_bytes
from amazon_reviews.resources.lakehouse.scans import partitions_with_values
from amazon_reviews.resources.lakehouse.tables import (
    ALL_ROWS,
    Lakehouse,
    partition_rows,
)
from amazon_reviews.schemas.built import WHOLE, Records
from amazon_reviews.schemas.layers import (
    GOLD_DUPLICATES,
    GOLD_PRODUCTS,
    GOLD_REVIEWS,
    SCRATCH_LOST_REVIEWS,
    SILVER_PRODUCTS,
    SILVER_REVIEW_KEYS,
    SILVER_REVIEWS,
    SILVER_STREAMED_REVIEWS,
)
from amazon_reviews.schemas.vocabulary import ORIGIN
from amazon_reviews.transforms.prices import impute_prices
from amazon_reviews.transforms.products import best_products
from amazon_reviews.transforms.reviews import gold_reviews


@dataclass(frozen=True)
class GoldCounts:
    """Rows of one partition: in silver, kept in gold, and duplicates of an earlier partition.

    `rewritten` is False if the rows in gold are as they were.
    """

    lines: int
    kept: int
    duplicates: int
    rewritten: bool = True


def build_gold_products(spark: SparkSession, lakehouse: Lakehouse) -> None:
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
    chosen = [best_products(silver, ranks)]
    # The imputation reads them three times, and the engine would plan their choice each time.
    with (
        lakehouse.lock("build_gold.products"),
        scratch_copy(chosen, lakehouse.location, GOLD_PRODUCTS.key) as best,
    ):
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


def build_gold_reviews(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str],
    batch_rows: int,
    *,
    rebuild: bool = False,
) -> Iterator[tuple[str, GoldCounts]]:
    """Rebuild these partitions of gold/reviews, and those whose kept rows change as a result.

    A partition of which only the products changed is rebuilt if it holds reviews of a changed one.
    Of the partition `stream`, the segments are rebuilt whose reviews changed, or such products.
    With `rebuild` all are. Yields the requested partitions first, then others that were rebuilt.

    Raises:
        MissingInputError: there are no reviews in silver; gold keeps what it has.
        FailedPartitionsError: at the end, for the partitions that could not be read or written;
            they keep the rows and duplicates that they had before.
    """
    if not any(map(lakehouse.exists, REVIEW_SOURCES)):
        raise MissingInputError("silver/reviews does not exist; materialize it first")
    for key in (GOLD_REVIEWS.key, GOLD_DUPLICATES.key, SILVER_REVIEW_KEYS.key):
        lakehouse.ensure(key)
    with lakehouse.lock("build_gold.reviews") as check_held:
        # Rows and version are those of one commit, also if the products change meanwhile.
        log = lakehouse.log(GOLD_PRODUCTS.key)
        products = lakehouse.read(spark, GOLD_PRODUCTS.key, version=log.version if log else None)
        used = {GOLD_PRODUCTS.key: log.records.versions.get(WHOLE, 0) if log else 0}
        streamed = lakehouse.versions(SILVER_STREAMED_REVIEWS.key).get(WHOLE, 0)
        rows = review_rows(lakehouse)
        parts = [name for name in partitions if name != STREAM.partition]
        if STREAM.partition in partitions:
            parts += segments({**rows, **partition_rows(lakehouse.delta(GOLD_REVIEWS.key))})
        indexed = partition_rows(lakehouse.delta(SILVER_REVIEW_KEYS.key))
        silver = _silver_versions(lakehouse, {*rows, *parts, *indexed})
        inputs = {name: silver[name] | used for name in parts}
        names = parts if rebuild else _outdated(spark, lakehouse, inputs, products)
        rebuilt, failed = _rebuild_reviews(
            spark, lakehouse, names, rows, silver, (products, used), batch_rows, check_held
        )
        errors = {display_partition(name): error for name, error in failed.items()}
        # If one failed that loses or regains a row to others, the next run has to find it again.
        if failed.keys() <= {*names}:
            built = {name: inputs[name] for name in parts if name not in failed}
            lakehouse.record(GOLD_DUPLICATES.key, {name: built[name] for name in segments(built)})
            if STREAM.partition in partitions:
                built[STREAM.partition] = {SILVER_STREAMED_REVIEWS.key: streamed} | used
            whole = {name: built[name] for name in partitions if name not in errors}
            lakehouse.record(GOLD_REVIEWS.key, whole)
    kept = partition_rows(lakehouse.delta(GOLD_REVIEWS.key))
    affected = dict.fromkeys([*partitions, *map(display_partition, rebuilt)])
    done = [name for name in affected if name not in errors]
    yield from _counts(lakehouse, rows, kept, done, rebuilt).items()
    if errors:
        raise FailedPartitionsError(errors)


def _silver_versions(lakehouse: Lakehouse, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the present version in silver of partitions and segments of reviews."""
    batch, stream = map(lakehouse.versions, REVIEW_SOURCES)
    return {
        name: {SILVER_STREAMED_REVIEWS.key: stream.get(name, 0)}
        if is_segment(name)
        else {SILVER_REVIEWS.key: batch.get(name, 0)}
        for name in names
    }


def _failed_in_silver(lakehouse: Lakehouse) -> set[str]:
    """Return the partitions of silver/reviews that failed their check as they are now.

    They keep what they have in gold until they have passed it.
    """
    records = lakehouse.records(SILVER_REVIEWS.key) or Records()
    judged = records.checks.get("accounted", {})
    return {name for name, version in judged.items() if version == -records.versions.get(name, 0)}


def _outdated(
    spark: SparkSession,
    lakehouse: Lakehouse,
    inputs: Mapping[str, Mapping[str, int]],
    products: DataFrame,
) -> list[str]:
    """Return the partitions and segments whose rows differ from those that their inputs give now.

    A partition of which no input changed is among them, as somebody asked for it; a segment is not.
    """
    segment_inputs = (lakehouse.records(GOLD_DUPLICATES.key) or Records()).inputs
    file_inputs = (lakehouse.records(GOLD_REVIEWS.key) or Records()).inputs
    outdated: list[str] = []
    built_from: dict[str, int] = {}
    for name, now in inputs.items():
        recorded = segment_inputs if is_segment(name) else file_inputs
        built = {key: recorded.get(key, {}).get(name, -1) for key in now}
        changed = [key for key in now if built[key] != now[key]]
        if changed == [GOLD_PRODUCTS.key] and built[GOLD_PRODUCTS.key] > 0:
            built_from[name] = built[GOLD_PRODUCTS.key]
        elif changed or not is_segment(name):
            outdated.append(name)
    if not built_from:
        return outdated
    concerned = concerned_partitions(spark, lakehouse, products, built_from)
    return [name for name in inputs if name in concerned or name in outdated]


def _rebuild_reviews(
    spark: SparkSession,
    lakehouse: Lakehouse,
    partitions: Sequence[str],
    rows: dict[str, int],
    silver_versions: Mapping[str, Mapping[str, int]],
    products: tuple[DataFrame, Mapping[str, int]],
    batch_rows: int,
    check_held: Callable[[], None],
) -> tuple[list[str], dict[str, Exception]]:
    """Rebuild these partitions and those whose kept rows change as a result.

    Returns the partitions that were rebuilt, and those that failed. The duplicates of a partition
    are written after its rows, and what both were built from in silver last of all: as long as
    that is unchanged, the next run repeats the work of one that was killed. By the duplicates as
    they were, it finds the other partitions that are not rebuilt yet.
    """
    if not partitions:
        return [], {}
    held_back = _failed_in_silver(lakehouse) - {*partitions}
    unread = index_reviews(
        spark, lakehouse, partitions, silver_versions, rows, batch_rows, held_back
    )
    failed = {name: error for name, error in unread.items() if name in partitions}
    names = [name for name in partitions if name not in failed]
    moved, renamed = moved_partitions(spark, lakehouse, names, rows, {*held_back, *unread})
    affected = in_order([*names, *moved, *renamed])
    find_lost_reviews(spark, lakehouse, affected, rows)
    with_families = partitions_with_values(lakehouse.delta(SILVER_REVIEWS.key), "parent_asin")
    facts, used = products

    def with_lost(batch: Sequence[str], how: str) -> DataFrame:
        silver = read_reviews(spark, lakehouse, batch).select("*", *review_key("review_id"))
        lost = lakehouse.read(spark, SCRATCH_LOST_REVIEWS.key, batch)
        return silver.join(lost, on=[*KEY, "partition"], how=how)

    def rebuild(batch: Sequence[str]) -> list[tuple[str, None]]:
        changed = [name for name in batch if name not in renamed]
        sources = map(lakehouse.delta, filter(lakehouse.exists, REVIEW_SOURCES))
        families = not with_families.isdisjoint(changed)
        check_held()
        if changed:
            lakehouse.write(
                gold_reviews(with_lost(changed, "left_anti"), facts, has_families=families),
                GOLD_REVIEWS.key,
                replacing={"partition": changed},
                built={display_partition(n): {} if is_segment(n) else used for n in changed},
                expected_bytes=sum(stored_bytes(t, {"partition": changed}) for t in sources),
            )
        check_held()
        lakehouse.write(
            with_lost(batch, "inner").select(
                F.col("review_id").alias("id"), "kept_in", F.lit("reviews").alias("table"), *ORIGIN
            ),
            GOLD_DUPLICATES.key,
            replacing={"table": ["reviews"], "partition": batch},
            built=dict.fromkeys(segments(changed), used),
        )
        return [(name, None) for name in changed]

    sizes = {name: rows.get(name, 0) for name in affected}
    rebuilt: list[str] = []
    try:
        for name, _ in isolated(batches(affected, sizes, batch_rows), rebuild, spark):
            rebuilt.append(name)
    except FailedPartitionsError as error:
        failed |= error.errors
    return rebuilt, failed


def _counts(
    lakehouse: Lakehouse,
    rows: Mapping[str, int],
    kept: Mapping[str, int],
    partitions: Iterable[str],
    rebuilt: Iterable[str],
) -> dict[str, GoldCounts]:
    left = sum_by_partition(partition_rows(lakehouse.delta(GOLD_DUPLICATES.key), "reviews"))
    rows, kept = sum_by_partition(rows), sum_by_partition(kept)
    rewritten = {*map(display_partition, rebuilt)}
    return {
        name: GoldCounts(rows.get(name, 0), kept.get(name, 0), left.get(name, 0), name in rewritten)
        for name in partitions
    }
