"""Tags and configuration of a run over any set of partitions.

A run of Dagster has one range of consecutive partitions. Others are named in the configuration of
its step, so that a set with gaps is still one run: https://github.com/dagster-io/dagster/issues/32335.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from amazon_reviews.defs.partitions import (
    PARTITIONS,
    RANGE_END,
    RANGE_START,
    consecutive,
    known_partitions,
    range_tags,
)
from amazon_reviews.schemas import TABLES

MORE_PARTITIONS = "more_partitions"
"""The name of the option of a step that lists partitions outside the range of its run."""


def partition_options(
    instance: dg.DagsterInstance, key: str, names: Iterable[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the tags of a run that builds partitions of a table, and the options of its step.

    The largest range goes into the tags, as Dagster knows which partitions of it are planned.
    """
    order = known_partitions(instance, PARTITIONS[str(TABLES[key].partitions)])
    groups = list(consecutive(names, order))
    largest = max(groups, key=len)
    more = [name for group in groups if group is not largest for name in group]
    return range_tags(largest), {MORE_PARTITIONS: more} if more else {}


def step_of(key: str) -> str:
    """Return the name of the step that builds an output, as the configuration of a run has it."""
    return key.replace("/", "__")


def partitions_of(run: dg.DagsterRun) -> set[str] | None:
    """Return the partitions that a run builds; None if it builds others too, or is not known."""
    partition = run.tags.get("dagster/partition") or ""
    if run.tags.get(RANGE_START) == run.tags.get(RANGE_END):
        partition = partition or run.tags.get(RANGE_START, "")
    return {partition, *_more(run.run_config.get("ops"))} if partition else None


def _more(ops: object) -> Sequence[str]:
    """Return the partitions that the options of the steps of a run add."""
    steps = ops.values() if isinstance(ops, Mapping) else ()
    options: list[Any] = [step.get("config") for step in steps if isinstance(step, Mapping)]
    lists = (option.get(MORE_PARTITIONS, ()) for option in options if isinstance(option, Mapping))
    return [name for names in lists for name in names]
