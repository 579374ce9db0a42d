"""The sets of partitions: one of every dataset, and that of gold/reviews.

A landing partition is a partition of the dataset's tables. In gold the stream is one more. A
dataset with a fixed set of files, such as the catalogues of platforms, has a static set.
"""

from collections.abc import Iterable

import dagster as dg

from amazon_reviews.pipeline.datasets import DATASETS, REVIEWS, STREAM

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


def missing_partitions(
    instance: dg.DagsterInstance, dataset: str, arrived: Iterable[str]
) -> dict[str, list[str]]:
    """Return the partitions to add, by the name of their set, after partitions arrived."""
    partitions = PARTITIONS[dataset]
    if not isinstance(partitions, dg.DynamicPartitionsDefinition):
        return {}
    names = {partitions.name: [*arrived]}
    if dataset == REVIEWS.name:
        names[GOLD_REVIEW_PARTITIONS.name] = [
            *known_partitions(instance, partitions),
            *arrived,
        ]
    return {str(name): _new(instance, str(name), keys) for name, keys in names.items()}


def known_partitions(
    instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition
) -> list[str]:
    """Return the partitions of a set that exist, in their order."""
    return list(partitions.get_partition_keys(dynamic_partitions_store=instance))


def missing_stream(instance: dg.DagsterInstance) -> list[str]:
    """Return the partition of the stream in gold, if it does not exist yet."""
    return _new(instance, str(GOLD_REVIEW_PARTITIONS.name), [STREAM.partition])


def _new(instance: dg.DagsterInstance, name: str, keys: list[str]) -> list[str]:
    known = set(instance.get_dynamic_partitions(name))
    return [key for key in dict.fromkeys(keys) if key not in known]
