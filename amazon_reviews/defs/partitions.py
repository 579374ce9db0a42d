"""The sets of partitions: one of every dataset, and that of gold/reviews.

A landing partition is a partition of the dataset's tables. In gold the stream is one more. A
dataset with a fixed set of files, such as the catalogues of platforms, has a static set. Dagster
shows the partitions of a set in the order in which it stores them: the natural one, the stream
last.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from amazon_reviews.pipeline.datasets import DATASETS, STREAM
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

# The columns of Dagster's own tables that are used here.
_STORED = sa.table(
    "dynamic_partitions",
    sa.column("id"),
    sa.column("partitions_def_name"),
    sa.column("partition"),
)
_EVENTS = [
    sa.table(name, sa.column("asset_key"), sa.column("partition"))
    for name in ("event_logs", "asset_check_executions")
]


def add_missing(
    instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition, names: Iterable[str]
) -> None:
    """Add partitions that a set lacks, at their place in its order; a static set lacks none."""
    if not isinstance(partitions, dg.DynamicPartitionsDefinition):
        return
    known = known_partitions(instance, partitions)
    ordered = in_order({*known, *names})
    if ordered == known:
        return
    try:
        if ordered[: len(known)] == known:
            instance.add_dynamic_partitions(str(partitions.name), ordered[len(known) :])
        else:
            _store(instance, str(partitions.name), known, ordered)
    except IntegrityError:
        # Another process has added one of them meanwhile.
        add_missing(instance, partitions, names)


def forget(
    instance: dg.DagsterInstance,
    partitions: dg.PartitionsDefinition,
    key: dg.AssetKey,
    names: Sequence[str],
) -> None:
    """Remove partitions from the set of an asset, and their events and check results of it.

    Dagster has no call for the events of single partitions. The logs of the runs keep theirs.
    """
    if isinstance(partitions, dg.DynamicPartitionsDefinition):
        for name in names:
            instance.delete_dynamic_partition(str(partitions.name), name)
    with _transaction(instance) as connection:
        for table in _EVENTS:
            of_partitions = table.c.partition.in_(names)
            of_asset = table.c.asset_key == key.to_string()
            connection.execute(sa.delete(table).where(of_partitions, of_asset))
    instance.wipe_asset_cached_status([key])


def _transaction(instance: dg.DagsterInstance) -> AbstractContextManager[sa.Connection]:
    """Begin a transaction in the database of Dagster's events."""
    # All storages of Dagster are SQL databases and have it, but their base class does not say so.
    storage: Any = instance.event_log_storage
    transaction: AbstractContextManager[sa.Connection] = storage.index_transaction()
    return transaction


def in_order(names: Iterable[str]) -> list[str]:
    """Return partitions in natural order, the stream last."""
    return sorted(natural_order(names), key=STREAM.partition.__eq__)


def consecutive(names: Iterable[str], order: Sequence[str]) -> Iterator[list[str]]:
    """Yield `names` in groups that are consecutive in `order`."""
    remaining = set(names)
    group: list[str] = []
    for name in [*order, ""]:
        if group and name not in remaining:
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


def _store(
    instance: dg.DagsterInstance, name: str, known: Sequence[str], ordered: Sequence[str]
) -> None:
    """Store a set in this order.

    Dagster has no call for it: its order is that of the rows. One transaction replaces those from
    the first that is out of place, so that no run misses a partition meanwhile.
    """
    same = next(n for n, pair in enumerate(zip(known, ordered, strict=False)) if len({*pair}) > 1)
    of_set = _STORED.c.partitions_def_name == name
    rows = sa.select(_STORED.c.id).where(of_set).order_by(_STORED.c.id)
    with _transaction(instance) as connection:
        ids = connection.execute(rows).scalars().all()
        if len(ids) != len(known):
            raise IntegrityError("another process changed the set", None, ValueError(name))
        connection.execute(sa.delete(_STORED).where(of_set, _STORED.c.id >= ids[same]))
        values = [{"partitions_def_name": name, "partition": key} for key in ordered[same:]]
        connection.execute(sa.insert(_STORED), values)
