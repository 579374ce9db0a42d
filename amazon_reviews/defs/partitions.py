"""The sets of partitions: one of every dataset, and that of gold/reviews.

A landing partition is a partition of the dataset's tables. In gold the stream is one more. A
dataset with a fixed set of files, such as the catalogues of platforms, has a static set.
"""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg
from sqlalchemy.exc import IntegrityError

from amazon_reviews.pipeline.datasets import DATASETS
from amazon_reviews.resources.landing.names import natural_order

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

PARTITIONS_A_RUN = 1_000
"""The most partitions of a run.

It takes minutes, and one that fails repeats them. With the planned check of each partition Dagster
stores the names of all partitions of the run: 17 MB for a thousand, 450 MB for five thousand.
"""

GOLD_REVIEW_PARTITIONS = dg.DynamicPartitionsDefinition(name="gold_reviews")

PARTITIONS: dict[str, dg.PartitionsDefinition] = {
    "gold_reviews": GOLD_REVIEW_PARTITIONS,
    **{
        dataset.name: dg.StaticPartitionsDefinition(list(dataset.fixed_partitions))
        if dataset.fixed_partitions
        else dg.DynamicPartitionsDefinition(name=dataset.folder)
        for dataset in DATASETS
    },
}
"""The sets by name, to which `Table.partitions` refers; the set of a dataset has its name."""


def add_missing(
    instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition, names: Iterable[str]
) -> None:
    """Add partitions that a set lacks, in natural order; a static set lacks none."""
    if isinstance(partitions, dg.DynamicPartitionsDefinition):
        known = set(known_partitions(instance, partitions))
        if new := natural_order(name for name in names if name not in known):
            try:
                instance.add_dynamic_partitions(str(partitions.name), new)
            except IntegrityError:
                # Another process has added one of them meanwhile.
                add_missing(instance, partitions, new)


def consecutive(names: Sequence[str], order: Sequence[str], limit: int) -> Iterator[list[str]]:
    """Yield `names` in groups that are consecutive in `order`, each of at most `limit`."""
    remaining = set(names)
    group: list[str] = []
    for name in [*order, ""]:
        if group and (name not in remaining or len(group) == limit):
            yield group
            group = []
        if name in remaining:
            group.append(name)


def range_tags(names: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run over consecutive partitions."""
    return {RANGE_START: names[0], RANGE_END: names[-1]}


def known_partitions(
    instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition
) -> list[str]:
    """Return the partitions of a set that exist, in their order."""
    return list(partitions.get_partition_keys(dynamic_partitions_store=instance))
