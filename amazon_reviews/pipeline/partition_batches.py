"""Batches of partitions that are built together, because one query has a fixed cost."""

from collections.abc import Iterator, Mapping, Sequence

from amazon_reviews.pipeline.datasets import SilverSpec
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows


def batches(
    partitions: Sequence[str], rows: Mapping[str, int], batch_rows: int
) -> Iterator[list[str]]:
    """Yield consecutive partitions of at most `batch_rows` rows together, at least one each."""
    batch: list[str] = []
    size = 0
    for name in partitions:
        if batch and size + rows[name] > batch_rows:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += rows[name]
    if batch:
        yield batch


def bronze_batches(
    lakehouse: Lakehouse, dataset: SilverSpec, partitions: Sequence[str], batch_rows: int
) -> Iterator[list[str]]:
    """Yield these partitions in `batches` by their lines in bronze."""
    lakehouse.ensure(dataset.bronze)
    rows = partition_rows(lakehouse.delta(dataset.bronze))
    return batches(partitions, {name: rows.get(name, 0) for name in partitions}, batch_rows)
