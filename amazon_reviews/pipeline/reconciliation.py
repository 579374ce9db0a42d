"""Reconciliation: for every table and partition, lines = kept + duplicates + rejected.

The numbers come from the logs of the tables, so they count the written rows and not those that a
run believes to have written.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from amazon_reviews.pipeline.datasets import (
    DATASETS,
    PRODUCTS,
    REVIEWS,
    STREAM,
    TITLES,
    Dataset,
    SilverSpec,
)
from amazon_reviews.pipeline.input_rows import review_rows, rows_of_review_products
from amazon_reviews.pipeline.rejected import rejected_by_reason
from amazon_reviews.pipeline.segments import sum_by_partition
from amazon_reviews.pipeline.unrecognized import describe_unrecognized
from amazon_reviews.resources.lakehouse.scans import value_counts
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.resources.landing.names import natural_order
from amazon_reviews.schemas.layers import (
    GOLD_DUPLICATES,
    GOLD_PRODUCTS,
    GOLD_REVIEWS,
    SILVER_DUPLICATES,
    SILVER_REJECTED,
)
from amazon_reviews.schemas.titles import GOLD_TITLES

ROWS_KEPT = "rows_kept"
"""Name of the check that every partition with lines keeps at least one of them."""

_UNPARTITIONED_GOLD = {
    PRODUCTS.name: (GOLD_PRODUCTS.key, "partition"),
    TITLES.name: (GOLD_TITLES.key, "platform"),
}
"""Gold tables that are built whole, with the column that holds the partition of a row."""


@dataclass(frozen=True)
class Reconciliation:
    """The lines of one partition that entered a table, and how many ended in each place."""

    layer: str
    table: str
    partition: str
    lines: int
    kept: int
    duplicates: int
    rejected: int

    @property
    def balanced(self) -> bool:
        """Return True if every line ended in exactly one place."""
        return self.lines == self.kept + self.duplicates + self.rejected

    def as_dict(self) -> dict[str, str | int]:
        """Return the columns in their order."""
        return asdict(self)


def reconcile_silver(
    lakehouse: Lakehouse, dataset: SilverSpec, partitions: Sequence[str] | None = None
) -> Iterator[Reconciliation]:
    """Reconcile a silver table with bronze: all partitions, or those named."""
    lines = _rows(lakehouse, dataset.bronze)
    kept = _rows(lakehouse, dataset.silver)
    duplicates = _rows(lakehouse, SILVER_DUPLICATES.key, dataset.name)
    rejected = _rows(lakehouse, SILVER_REJECTED.key, dataset.name)
    for name in natural_order(_names(partitions, lines, kept, duplicates, rejected)):
        yield Reconciliation(
            "silver",
            dataset.name,
            name,
            lines.get(name, 0),
            kept.get(name, 0),
            duplicates.get(name, 0),
            rejected.get(name, 0),
        )


def describe_wholly_rejected(
    lakehouse: Lakehouse, reconciliations: Iterable[Reconciliation]
) -> Iterator[str]:
    """Describe the partitions of silver whose lines were all rejected, one text each."""
    datasets = {dataset.name: dataset for dataset in DATASETS}
    for row in reconciliations:
        if row.layer != "silver" or row.table not in datasets:
            continue
        if not row.lines or row.rejected != row.lines:
            continue
        reasons = rejected_by_reason(lakehouse, row.table, row.partition)
        why = ", ".join(f"{reason} {count:,}" for (_, reason), count in reasons.items())
        profiles = describe_unrecognized(lakehouse, datasets[row.table], row.partition)
        yield (
            f"silver/{row.table} {row.partition}: 0 of {row.lines:,} lines could be "
            f"used ({why}); {profiles}silver/rejected has each with its detail"
        )


def reconcile_gold(
    lakehouse: Lakehouse, dataset: Dataset, partitions: Sequence[str] | None = None
) -> Iterator[Reconciliation]:
    """Reconcile a gold table with silver: all partitions, or those named."""
    lines = (
        sum_by_partition(review_rows(lakehouse))
        if dataset == REVIEWS
        else _rows(lakehouse, dataset.silver)
    )
    if dataset == PRODUCTS:
        lines |= rows_of_review_products(lakehouse)
    kept = _gold_rows(lakehouse, dataset)
    duplicates = _rows(lakehouse, GOLD_DUPLICATES.key, dataset.name)
    for name in natural_order(_names(partitions, lines, kept, duplicates)):
        yield Reconciliation(
            "gold",
            dataset.name,
            name,
            lines.get(name, 0),
            kept.get(name, 0),
            duplicates.get(name, 0),
            0,
        )


def reconcile_all(lakehouse: Lakehouse) -> list[Reconciliation]:
    """Reconcile every table of every layer; in bronze a line is a row."""
    reconciliations: list[Reconciliation] = []
    for spec in (*DATASETS, STREAM):
        rows = _rows(lakehouse, spec.bronze)
        table = spec.bronze.split("/")[1]
        reconciliations += [
            Reconciliation("bronze", table, name, rows[name], rows[name], 0, 0)
            for name in natural_order(rows)
        ]
    for spec in (*DATASETS, STREAM):
        reconciliations += reconcile_silver(lakehouse, spec)
    for dataset in (REVIEWS, PRODUCTS, TITLES):
        reconciliations += reconcile_gold(lakehouse, dataset)
    return reconciliations


def _gold_rows(lakehouse: Lakehouse, dataset: Dataset) -> dict[str, int]:
    if dataset == REVIEWS:
        return _rows(lakehouse, GOLD_REVIEWS.key)
    table, column = _UNPARTITIONED_GOLD[dataset.name]
    return value_counts(lakehouse.delta(table), column) if lakehouse.exists(table) else {}


def _rows(lakehouse: Lakehouse, key: str, table: str | None = None) -> dict[str, int]:
    if not lakehouse.exists(key):
        return {}
    return sum_by_partition(partition_rows(lakehouse.delta(key), table))


def _names(partitions: Sequence[str] | None, *counts: dict[str, int]) -> set[str]:
    return set(partitions) if partitions is not None else set().union(*counts)
