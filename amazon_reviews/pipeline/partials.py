"""The partial aggregates: brought up to date for the partitions whose rows changed.

A mart adds them up. So the rows of a partition are aggregated once, and those of a partition that
was replaced or removed are no longer counted, without any difference being computed. The sum of
many partitions is kept too, and read in their place as long as none of them has changed.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isfunction
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.partition_batches import batches
from amazon_reviews.pipeline.segments import segments
from amazon_reviews.resources.lakehouse.data_files import missing_files
from amazon_reviews.resources.lakehouse.log import input_id
from amazon_reviews.resources.lakehouse.maintenance import drop_table
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.schemas import TABLES, Table, partials
from amazon_reviews.schemas.built import WHOLE, Records, code_of
from amazon_reviews.schemas.layers import GOLD_DUPLICATES, GOLD_REVIEWS
from amazon_reviews.schemas.marts import SUMMARIES
from amazon_reviews.schemas.partials import MERGED
from amazon_reviews.transforms.marts import partials as transforms

# A new sum is made of more rows than these, and than this part of the rows of the last sum. Fewer
# are added up faster than a sum of them is committed.
_FEWEST_MERGED_ROWS = 100_000
_LARGEST_REST = 0.5

_TRANSFORMS: Mapping[str, Callable[..., DataFrame]] = {
    name: function for name, function in vars(transforms).items() if isfunction(function)
}


PARTIALS = {table.key: table for table in TABLES.values() if table.layer == "partials"}
"""The partial aggregates that are no marts themselves, by key."""


@dataclass(frozen=True)
class Source:
    """A state of the table that partial aggregates are built from.

    `version` is its Delta version. `rows` are by partition, and so are `versions`, without those
    that it has no record of.
    """

    version: int
    rows: Mapping[str, int]
    versions: Mapping[str, int]


def source_of(lakehouse: Lakehouse, key: str) -> Source:
    """Return the present state of a table that is partitioned like gold/reviews."""
    lakehouse.ensure(key)
    # Read before the rows: what is written in between counts as newer, and is aggregated again.
    versions = dict(lakehouse.versions(key))
    stream = versions.get(STREAM.partition, 0)
    # The segments of gold/reviews have their versions there.
    by_segment = lakehouse.versions(GOLD_DUPLICATES.key) if key == GOLD_REVIEWS.key else {}
    table = lakehouse.delta(key)
    rows = partition_rows(table)
    versions |= {name: by_segment.get(name) or stream for name in segments(rows)}
    return Source(table.version(), rows, {name: v for name, v in versions.items() if v})


def aggregate_of(table: Table) -> Callable[..., DataFrame]:
    """Return the transform of a partial aggregate."""
    return _TRANSFORMS[table.name]


def refresh_partials(
    spark: SparkSession,
    lakehouse: Lakehouse,
    table: Table,
    source: Source,
    batch_rows: int,
    *,
    rebuild: bool = False,
) -> int:
    """Bring a partial aggregate up to date with its source; return the number of partitions built.

    Each commit records the versions of its partitions, so that the next call continues what a
    killed one began. With `rebuild`, all partitions are built.
    """
    key = table.inputs[0]
    lakehouse.ensure(table.key)
    if lakehouse.delta(table.key).metadata().partition_columns != [*table.partition_by]:
        # Earlier versions of the project built it as a whole.
        drop_table(lakehouse, table.key)
        lakehouse.ensure(table.key)
    argument, used = _argument(lakehouse, table)
    records = lakehouse.records(table.key) or Records()
    built = {name: records.inputs.get(name, {}) for name in (key, *used)}
    delta = lakehouse.delta(table.key)
    actions = pa.RecordBatchReader.from_stream(delta.get_add_actions()).read_all()
    paths = [unquote(path) for path in actions["path"].to_pylist()]
    names = [values["partition"] for values in actions["partition"].to_pylist()] if paths else []
    lost = {names[number] for number in missing_files(lakehouse.location, table.key, paths)}
    stale = [
        name
        for name in source.rows
        if rebuild
        or name in lost
        or name not in source.versions
        or built[key].get(name) != source.versions[name]
        or any(built[other].get(name) != number for other, number in used.items())
        or code_of(records.versions.get(name, 0)) != table.code_version
    ]
    stale += sorted({*names} - source.rows.keys() - {MERGED})
    sizes = {name: source.rows.get(name, 0) for name in stale}
    for batch in batches(stale, sizes, batch_rows):
        rows = lakehouse.read(spark, key, batch, version=source.version)
        lakehouse.write(
            aggregate_of(table)(rows, *argument),
            table.key,
            replacing={"partition": batch},
            built={name: {key: source.versions.get(name, 0), **used} for name in batch},
        )
    if table.key in PARTIALS:
        _merge(spark, lakehouse, table, is_lost=MERGED in lost)
    return len(stale)


def current_partitions(lakehouse: Lakehouse, table: Table) -> list[str]:
    """Return the partitions that together hold the partial aggregate of each row once."""
    records = lakehouse.records(table.key) or Records()
    built = {name: v for name, v in records.versions.items() if name not in (WHOLE, MERGED)}
    merged = {name: v for name, v in records.inputs.get(MERGED, {}).items() if v}
    if not merged or any(built.get(name) != version for name, version in merged.items()):
        return [*built]
    return [MERGED, *(name for name in built if name not in merged)]


def _merge(spark: SparkSession, lakehouse: Lakehouse, table: Table, *, is_lost: bool) -> None:
    """Add up all partitions but the open segment, if those outside the last sum have many rows."""
    versions = lakehouse.versions(table.key)
    names = [name for name in versions if name not in (WHOLE, MERGED)]
    closed = [name for name in names if name not in segments(names)[-1:]]
    current = current_partitions(lakehouse, table)
    rows = partition_rows(lakehouse.delta(table.key))
    outside = sum(rows.get(name, 0) for name in closed if name in current)
    merged_rows = rows.get(MERGED, 0) if MERGED in current else 0
    is_readable = not (MERGED in current and is_lost)
    is_small = outside <= max(_FEWEST_MERGED_ROWS, _LARGEST_REST * merged_rows)
    if len(closed) < 2 or (is_readable and is_small):
        return
    before = (lakehouse.records(table.key) or Records()).inputs.get(MERGED, {})
    merged = {name: versions[name] if name in closed else 0 for name in {*before, *closed}}
    lakehouse.write(
        _added_up(lakehouse.read(spark, table.key, closed), table),
        table.key,
        replacing={"partition": [MERGED]},
        transaction_versions={input_id(name, MERGED): version for name, version in merged.items()},
    )


def differing_rows(
    spark: SparkSession, lakehouse: Lakehouse, table: Table, source: Source, batch_rows: int
) -> int:
    """Return the rows that a partial aggregate lacks, or has too many, against a new one."""
    argument, _ = _argument(lakehouse, table)
    stored = partition_rows(lakehouse.delta(table.key))
    names = [*source.rows, *sorted(stored.keys() - source.rows.keys() - {MERGED})]
    differing = 0
    for batch in batches(names, {name: source.rows.get(name, 0) for name in names}, batch_rows):
        rows = lakehouse.read(spark, table.inputs[0], batch, version=source.version)
        new = aggregate_of(table)(rows, *argument).select(*table.names)
        old = lakehouse.read(spark, table.key, batch).select(*table.names)
        differing += new.exceptAll(old).count() + old.exceptAll(new).count()
    if MERGED in current_partitions(lakehouse, table):
        merged = (lakehouse.records(table.key) or Records()).inputs[MERGED]
        new = _added_up(
            lakehouse.read(spark, table.key, [n for n, v in merged.items() if v]), table
        )
        old = lakehouse.read(spark, table.key, [MERGED]).select(*table.names)
        differing += new.exceptAll(old).count() + old.exceptAll(new).count()
    return differing


def _added_up(rows: DataFrame, table: Table) -> DataFrame:
    keys, measures = partials.merging(table)
    added = [getattr(F, how)(name).alias(name) for name, how in measures.items()]
    whole = rows.groupBy(*keys).agg(*added).withColumn("partition", F.lit(MERGED))
    return whole.select(*table.names)


def _argument(lakehouse: Lakehouse, table: Table) -> tuple[Sequence[Any], dict[str, int]]:
    """Return what an aggregate takes beside its rows.

    Also returns the key of the table that it is read from, with a number that changes only if it
    does: the build record has it instead of a version.
    """
    if table is partials.PHRASES:
        lakehouse.ensure(SUMMARIES.key)
        first = pc.field("place") <= transforms.PHRASES
        rows = lakehouse.delta(SUMMARIES.key).to_pyarrow_dataset().to_table(filter=first)
        phrases = sorted(rows["summary"].to_pylist())
        text = "".join(f"{len(phrase)}:{phrase}" for phrase in phrases)
        digest = hashlib.blake2b(text.encode(), digest_size=7).digest()
        return (phrases,), {SUMMARIES.key: int.from_bytes(digest, "big")}
    return (), {}
