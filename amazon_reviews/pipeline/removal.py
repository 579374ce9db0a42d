"""Removal of landing partitions that have disappeared from the landing zone.

Bronze goes first: from then on nothing builds the partition again, and a removal that was
interrupted is finished by the next one.
"""

from collections.abc import Iterator, Sequence

from pyspark.sql import SparkSession

from amazon_reviews.errors import RemovalError
from amazon_reviews.pipeline.datasets import REVIEWS, Dataset
from amazon_reviews.pipeline.gold import GoldCounts, build_gold_reviews
from amazon_reviews.resources.lakehouse.build_records import removed_records
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.resources.landing.names import natural_order
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.schemas import TABLES, Table
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import GOLD_REVIEWS, SILVER_DUPLICATES, SILVER_REJECTED
from amazon_reviews.shown_text import visible_text

_SHARED = (SILVER_REJECTED, SILVER_DUPLICATES)


def partitioned_tables(dataset: Dataset) -> list[Table]:
    """Return the tables with partitions of a dataset, each after its inputs."""
    sets = {dataset.name, *(["gold_reviews"] if dataset == REVIEWS else [])}
    return [table for table in TABLES.values() if table.partitions in sets]


def check_removable(
    landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset, names: Sequence[str]
) -> None:
    """Check that partitions may be removed.

    Raises:
        RemovalError: a partition does not exist, is in the landing zone, or no other would be left.
        LandingError: the folder of the dataset cannot be listed.
    """
    tables = partitioned_tables(dataset)
    known = {name for table in tables for name in lakehouse.versions(table.key)} - {WHOLE}
    if unknown := [name for name in names if name not in known]:
        raise RemovalError(f"{dataset.bronze} has no partition {_listed(unknown)}")
    listing = landing.listing(dataset.folder, dataset.layout)
    if there := [name for name in names if listing.may_hold(name)]:
        raise RemovalError(
            f"{dataset.folder}/{_listed(there)} is in the landing zone and would be read again; "
            "delete it there first"
        )
    if not lakehouse.versions(dataset.bronze).keys() - {WHOLE, *names}:
        raise RemovalError(
            f"no partition of {dataset.name} would be left, and an empty input empties no table; "
            "put one into the landing zone first"
        )


def rows_to_remove(
    lakehouse: Lakehouse, dataset: Dataset, names: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Return the rows of partitions by table and partition, from the logs alone."""
    rows: dict[str, dict[str, int]] = {}
    for table in (*partitioned_tables(dataset), *_SHARED):
        if lakehouse.exists(table.key):
            of_dataset = dataset.name if table in _SHARED else None
            counts = partition_rows(lakehouse.delta(table.key), of_dataset)
            rows[table.key] = {name: counts.get(name, 0) for name in names}
    return rows


def remove_partitions(
    spark: SparkSession,
    lakehouse: Lakehouse,
    dataset: Dataset,
    names: Sequence[str],
    batch_rows: int,
) -> Iterator[tuple[str, GoldCounts]]:
    """Remove partitions from bronze, silver, gold/reviews and what has its partitions.

    Yields the other partitions of gold/reviews that were built again because they regain a row.
    What is built from whole tables follows as after any other change of them.

    Raises:
        FailedPartitionsError: a partition of gold/reviews cannot be built; called again, the
            removal goes on.
    """
    above = [table for table in partitioned_tables(dataset) if table.layer != "gold"]
    for table in above:
        _remove(lakehouse, table, names, dataset)
    for table in _SHARED:
        if any(rows_to_remove(lakehouse, dataset, names).get(table.key, {}).values()):
            values = {"table": [dataset.name], "partition": [*names]}
            empty = table.arrow_schema.empty_table()
            lakehouse.write(empty, table.key, replacing=values)
    if dataset != REVIEWS:
        return
    in_gold = [name for name in names if name in lakehouse.versions(GOLD_REVIEWS.key)]
    if in_gold:
        for name, counts in build_gold_reviews(spark, lakehouse, in_gold, batch_rows):
            if name not in in_gold:
                yield name, counts
    for table in partitioned_tables(dataset):
        if table not in above:
            _remove(lakehouse, table, names, dataset)


def _remove(lakehouse: Lakehouse, table: Table, names: Sequence[str], dataset: Dataset) -> None:
    """Remove the rows and the records of partitions in one commit."""
    records = lakehouse.records(table.key)
    if records is None:
        return
    removed = removed_records(records, names)
    if table.key == dataset.bronze:
        removed |= {dataset.fingerprint_id(name): 0 for name in names}
    empty = table.arrow_schema.empty_table()
    lakehouse.write(
        empty, table.key, replacing={"partition": [*names]}, transaction_versions=removed
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(visible_text, natural_order(names)))
