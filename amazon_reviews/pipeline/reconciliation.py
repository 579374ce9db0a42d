"""The books: for every table and partition, lines = kept + duplicates + rejected.

Read from the logs of the tables alone, so that what was written is counted, and not what a run
believed it wrote.
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
from amazon_reviews.pipeline.gold import silver_rows
from amazon_reviews.pipeline.rejected import rejected_by_reason
from amazon_reviews.pipeline.segments import folded
from amazon_reviews.resources.lakehouse.scans import value_counts
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.resources.landing.layout import natural_order
from amazon_reviews.schemas.layers import (
    GOLD_DUPLICATES,
    GOLD_PRODUCTS,
    GOLD_REVIEWS,
    SILVER_DUPLICATES,
    SILVER_REJECTED,
)
from amazon_reviews.schemas.titles import GOLD_TITLES

ROWS_KEPT = "rows_kept"
"""The check that every partition that had lines keeps at least one; see `nothing_kept`."""

_WHOLE = {
    PRODUCTS.name: (GOLD_PRODUCTS.key, "partition"),
    TITLES.name: (GOLD_TITLES.key, "platform"),
}
"""Gold tables that are made as a whole, and where their rows say which partition they came from."""


@dataclass(frozen=True)
class Account:
    """What came into a table from one partition, and what became of it."""

    layer: str
    table: str
    partition: str
    lines: int
    kept: int
    duplicates: int
    rejected: int

    @property
    def balanced(self) -> bool:
        """Whether every line ended in exactly one place."""
        return self.lines == self.kept + self.duplicates + self.rejected

    def as_dict(self) -> dict[str, str | int]:
        """The account in the order of its columns."""
        return asdict(self)


def silver_accounts(
    lakehouse: Lakehouse, dataset: SilverSpec, partitions: Sequence[str] | None = None
) -> Iterator[Account]:
    """Accounts of a silver table: all partitions of bronze, or those named."""
    lines = _rows(lakehouse, dataset.bronze)
    kept = _rows(lakehouse, dataset.silver)
    duplicates = _rows(lakehouse, SILVER_DUPLICATES.key, dataset.name)
    rejected = _rows(lakehouse, SILVER_REJECTED.key, dataset.name)
    for name in natural_order(_names(partitions, lines, kept, duplicates, rejected)):
        yield Account(
            "silver",
            dataset.name,
            name,
            lines.get(name, 0),
            kept.get(name, 0),
            duplicates.get(name, 0),
            rejected.get(name, 0),
        )


def nothing_kept(lakehouse: Lakehouse, accounts: Iterable[Account]) -> Iterator[str]:
    """Describe silver's partitions that had lines and kept none, one text each."""
    nouns = {dataset.name for dataset in DATASETS}
    emptied = [
        account
        for account in accounts
        if account.layer == "silver" and account.table in nouns
        if account.lines and account.rejected == account.lines
    ]
    for account in emptied:
        reasons = rejected_by_reason(lakehouse, account.table, account.partition)
        why = ", ".join(f"{reason} {count:,}" for (_, reason), count in reasons.items())
        yield (
            f"silver/{account.table} {account.partition}: 0 of {account.lines:,} lines could be "
            f"used ({why}); silver/rejected has each with its detail"
        )


def gold_accounts(
    lakehouse: Lakehouse, dataset: Dataset, partitions: Sequence[str] | None = None
) -> Iterator[Account]:
    """Accounts of a gold table: all partitions of silver, or those named."""
    reviews = dataset == REVIEWS
    lines = folded(silver_rows(lakehouse)) if reviews else _rows(lakehouse, dataset.silver)
    kept = _gold_rows(lakehouse, dataset)
    duplicates = _rows(lakehouse, GOLD_DUPLICATES.key, dataset.name)
    for name in natural_order(_names(partitions, lines, kept, duplicates)):
        yield Account(
            "gold",
            dataset.name,
            name,
            lines.get(name, 0),
            kept.get(name, 0),
            duplicates.get(name, 0),
            0,
        )


def all_accounts(lakehouse: Lakehouse) -> list[Account]:
    """The accounts of every layer; in bronze a line is a row."""
    accounts: list[Account] = []
    for arriving in (*DATASETS, STREAM):
        rows = _rows(lakehouse, arriving.bronze)
        noun = arriving.bronze.split("/")[1]
        accounts += [
            Account("bronze", noun, name, rows[name], rows[name], 0, 0)
            for name in natural_order(rows)
        ]
    for arriving in (*DATASETS, STREAM):
        accounts += silver_accounts(lakehouse, arriving)
    for dataset in (REVIEWS, PRODUCTS, TITLES):
        accounts += gold_accounts(lakehouse, dataset)
    return accounts


def _gold_rows(lakehouse: Lakehouse, dataset: Dataset) -> dict[str, int]:
    if dataset == REVIEWS:
        return _rows(lakehouse, GOLD_REVIEWS.key)
    table, column = _WHOLE[dataset.name]
    return value_counts(lakehouse.delta(table), column) if lakehouse.exists(table) else {}


def _rows(lakehouse: Lakehouse, key: str, noun: str | None = None) -> dict[str, int]:
    return folded(partition_rows(lakehouse.delta(key), noun)) if lakehouse.exists(key) else {}


def _names(partitions: Sequence[str] | None, *counts: dict[str, int]) -> set[str]:
    return set(partitions) if partitions is not None else set().union(*counts)
