"""The partition sets: a landing folder is a partition; in gold the stream is one too."""

from collections.abc import Iterable

import dagster as dg

from amazon_reviews.pipeline.subjects import STREAM

REVIEW_PARTITIONS = dg.DynamicPartitionsDefinition(name="amazon_reviews")
PRODUCT_PARTITIONS = dg.DynamicPartitionsDefinition(name="amazon_metadata")
GOLD_REVIEW_PARTITIONS = dg.DynamicPartitionsDefinition(name="gold_reviews")

PARTITIONS = {"reviews": REVIEW_PARTITIONS, "products": PRODUCT_PARTITIONS}
"""The folders of each dataset."""


def partitions_of(key: str) -> dg.DynamicPartitionsDefinition:
    """The partition set of a table by landing folder."""
    noun = key.split("/")[1].removesuffix("_columns")
    return GOLD_REVIEW_PARTITIONS if key.startswith("gold/") else PARTITIONS[noun]


def missing_partitions(
    instance: dg.DagsterInstance, noun: str, arrived: Iterable[str]
) -> dict[str, list[str]]:
    """What to add where a folder arrived: new partitions by the name of their set."""
    wanted = {PARTITIONS[noun].name: [*arrived]}
    if noun == "reviews":
        wanted[GOLD_REVIEW_PARTITIONS.name] = [*_known(instance, REVIEW_PARTITIONS), *arrived]
    return {str(name): _new(instance, str(name), keys) for name, keys in wanted.items()}


def missing_stream(instance: dg.DagsterInstance) -> list[str]:
    """The partition of the stream in gold, if it is not there yet."""
    return _new(instance, str(GOLD_REVIEW_PARTITIONS.name), [STREAM.partition])


def _known(instance: dg.DagsterInstance, partitions: dg.DynamicPartitionsDefinition) -> list[str]:
    return list(instance.get_dynamic_partitions(str(partitions.name)))


def _new(instance: dg.DagsterInstance, name: str, keys: list[str]) -> list[str]:
    known = set(instance.get_dynamic_partitions(name))
    return [key for key in dict.fromkeys(keys) if key not in known]
