"""The partition sets: a landing folder is a partition; in gold the stream is one too.

A platform has its catalogue of titles, and a file of their ratings is a partition by itself.
"""

from collections.abc import Iterable

import dagster as dg

from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.transforms.titles import PLATFORMS

REVIEW_PARTITIONS = dg.DynamicPartitionsDefinition(name="amazon_reviews")
PRODUCT_PARTITIONS = dg.DynamicPartitionsDefinition(name="amazon_metadata")
GOLD_REVIEW_PARTITIONS = dg.DynamicPartitionsDefinition(name="gold_reviews")

TITLE_PARTITIONS = dg.StaticPartitionsDefinition(list(PLATFORMS))
TITLE_RATING_PARTITIONS = dg.DynamicPartitionsDefinition(name="title_ratings")

PARTITIONS: dict[str, dg.PartitionsDefinition] = {
    "reviews": REVIEW_PARTITIONS,
    "products": PRODUCT_PARTITIONS,
    "titles": TITLE_PARTITIONS,
    "title_ratings": TITLE_RATING_PARTITIONS,
}
"""The partitions of each dataset."""


def partitions_of(key: str) -> dg.PartitionsDefinition:
    """The partition set of a table by landing partition."""
    noun = key.split("/")[1].removesuffix("_columns")
    return GOLD_REVIEW_PARTITIONS if key.startswith("gold/") else PARTITIONS[noun]


def missing_partitions(
    instance: dg.DagsterInstance, noun: str, arrived: Iterable[str]
) -> dict[str, list[str]]:
    """What to add where a partition arrived: new partitions by the name of their set."""
    partitions = PARTITIONS[noun]
    if not isinstance(partitions, dg.DynamicPartitionsDefinition):
        return {}
    wanted = {partitions.name: [*arrived]}
    if noun == "reviews":
        wanted[GOLD_REVIEW_PARTITIONS.name] = [
            *known_partitions(instance, REVIEW_PARTITIONS),
            *arrived,
        ]
    return {str(name): _new(instance, str(name), keys) for name, keys in wanted.items()}


def known_partitions(
    instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition
) -> list[str]:
    """The partitions of a set that exist, in their order."""
    return list(partitions.get_partition_keys(dynamic_partitions_store=instance))


def missing_stream(instance: dg.DagsterInstance) -> list[str]:
    """The partition of the stream in gold, if it is not there yet."""
    return _new(instance, str(GOLD_REVIEW_PARTITIONS.name), [STREAM.partition])


def _new(instance: dg.DagsterInstance, name: str, keys: list[str]) -> list[str]:
    known = set(instance.get_dynamic_partitions(name))
    return [key for key in dict.fromkeys(keys) if key not in known]
