"""From bronze to silver: every line becomes a row, a duplicate, or a rejected line."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from amazon_reviews.errors import LostLinesError
from amazon_reviews.pipeline.column_profile import count_columns, is_profiled, profiled
from amazon_reviews.pipeline.datasets import STREAM, SilverSpec
from amazon_reviews.pipeline.input_rows import check_in_bronze
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.line_faults import line_fault
from amazon_reviews.pipeline.partition_batches import bronze_batches
from amazon_reviews.pipeline.records import cleaned_parts
from amazon_reviews.pipeline.segments import segments
from amazon_reviews.resources.lakehouse.data_files import scratch_copy
from amazon_reviews.resources.lakehouse.room import check_room_of, stored_bytes
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import SILVER_DUPLICATES, SILVER_REJECTED
from amazon_reviews.schemas.vocabulary import ORIGIN
from amazon_reviews.transforms.rejection import REJECTION_COLUMNS

# Measured with the sample: the scratch copy of all lines and silver itself.
_BYTES_PER_BRONZE_BYTE = 2
_REASONS_WITHOUT_FIELDS = ("not_json", "not_utf8", "not_an_object", "too_large")


@dataclass
class SilverCounts:
    """The lines of one partition: in bronze, kept, duplicate and rejected."""

    lines: int
    kept: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def balanced(self) -> bool:
        """True if every line ended in exactly one place."""
        return self.lines == self.kept + self.duplicates + self.rejected.total()

    def add(self, other: "SilverCounts") -> None:
        """Add the counts of another partition."""
        self.lines += other.lines
        self.kept += other.kept
        self.duplicates += other.duplicates
        self.rejected += other.rejected


def build_silver(
    spark: SparkSession,
    lakehouse: Lakehouse,
    dataset: SilverSpec,
    partitions: Sequence[str],
    batch_rows: int,
) -> Iterator[tuple[str, SilverCounts]]:
    """Rebuild these partitions of the silver table, and their rejected lines, from bronze.

    Partitions are taken together up to `batch_rows` lines. Yields each partition when it is
    committed.

    Raises:
        FailedPartitionsError: at the end, for the partitions that failed: bronze never read them
            (MissingInputError), a line would be lost (LostLinesError), or they could not be read
            or written.
    """
    yield from isolated(
        bronze_batches(lakehouse, dataset, partitions, batch_rows),
        lambda batch: _build_batch(spark, lakehouse, dataset, batch),
        spark,
    )


def build_silver_stream(
    spark: SparkSession, lakehouse: Lakehouse, batch_rows: int, *, rebuild: bool = False
) -> SilverCounts:
    """Bring the segments of silver/streamed_reviews up to date with bronze, or `rebuild` them all.

    A segment is up to date when each of its events is kept, a duplicate or rejected: bronze only
    ever grows. Returns the counts of the segments that were built, as one.

    Raises:
        FailedPartitionsError: see `build_silver`.
    """
    total = SilverCounts(0)
    inputs = lakehouse.input_versions(STREAM.silver)
    names = _segments_to_build(lakehouse, rebuild)
    for _, counts in build_silver(spark, lakehouse, STREAM, names, batch_rows):
        total.add(counts)
    if any(inputs.values()):
        lakehouse.record(STREAM.silver, {WHOLE: inputs})
    return total


def _segments_to_build(lakehouse: Lakehouse, rebuild: bool) -> list[str]:
    for key in (STREAM.bronze, STREAM.silver, SILVER_DUPLICATES.key, SILVER_REJECTED.key):
        lakehouse.ensure(key)
    events = partition_rows(lakehouse.delta(STREAM.bronze))
    processed = Counter(partition_rows(lakehouse.delta(STREAM.silver)))
    for key in (SILVER_DUPLICATES.key, SILVER_REJECTED.key):
        processed.update(partition_rows(lakehouse.delta(key), STREAM.name))
    outdated = [name for name in segments(events) if rebuild or events[name] != processed[name]]
    # Which of two events is the repeated one depends on all segments before.
    return [name for name in segments(events) if outdated and name >= outdated[0]]


def _build_batch(
    spark: SparkSession, lakehouse: Lakehouse, dataset: SilverSpec, names: Sequence[str]
) -> list[tuple[str, SilverCounts]]:
    """Build some partitions together from one parse of every line into scratch files.

    The lines are split into kept, duplicate and rejected ones from there.

    That is cheaper than a sort of whole rows to find the repeated ones, and needs no memory.
    """
    check_in_bronze(lakehouse, dataset, names)
    with lakehouse.lock(f"build_silver.{dataset.silver}") as check_held:
        versions = lakehouse.versions(dataset.bronze)
        table = lakehouse.delta(dataset.bronze)
        lines = partition_rows(table)
        bronze = lakehouse.read(spark, dataset.bronze, names, table.version())
        needed = _BYTES_PER_BRONZE_BYTE * stored_bytes(table, {"partition": names})
        check_room_of(lakehouse.location, needed)
        parts = cleaned_parts(dataset, bronze)
        with scratch_copy(profiled(dataset, parts), lakehouse.location, dataset.silver) as rows:
            accepted = rows.where(F.col("reason").isNull())
            repeated = dataset.duplicates(spark, lakehouse, accepted, names)
            kept = accepted.join(repeated.select(*ORIGIN), on=list(ORIGIN), how="left_anti")
            unusable = rows.where(F.col("reason").isNotNull())
            rejected = dataset.describe_rejected(
                unusable.select(*REJECTION_COLUMNS, *ORIGIN).toArrow()
            )
            duplicates = repeated.toArrow()
            counts: dict[str, SilverCounts] = {}

            def write_other_lines(kept_rows: Mapping[str, int]) -> None:
                others: dict[str, tuple[pa.Table, pa.Table]] = {}
                for name in names:
                    of_name = pc.field("partition") == name
                    others[name] = rejected.filter(of_name), duplicates.filter(of_name)
                    lines_in, kept_lines = lines.get(name, 0), kept_rows.get(name, 0)
                    counts[name] = _counted(lines_in, kept_lines, *others[name])
                for name, of_partition in counts.items():
                    if not of_partition.balanced:
                        raise LostLinesError(f"{dataset.silver} {name}: {of_partition}")
                check_held()
                for name, other_lines in others.items():
                    _write_other_lines(lakehouse, dataset, name, *other_lines)
                if is_profiled(dataset):
                    columns = count_columns(dataset, rows, parts)
                    lakehouse.write(columns, dataset.columns, replacing={"partition": names})

            # The rows of silver say what they were built from, so they come last: as long as they
            # are not there, the work of a killed run is repeated.
            lakehouse.write(
                kept,
                dataset.silver,
                replacing={"partition": names},
                built={name: {dataset.bronze: versions.get(name, 0)} for name in names},
                before_commit=write_other_lines,
            )
    return list(counts.items())


def _counted(lines: int, kept: int, rejected: pa.Table, duplicates: pa.Table) -> SilverCounts:
    reasons = Counter(rejected["reason"].to_pylist())
    return SilverCounts(lines, kept, duplicates.num_rows, reasons)


def _write_other_lines(
    lakehouse: Lakehouse,
    dataset: SilverSpec,
    name: str,
    rejected: pa.Table,
    duplicates: pa.Table,
) -> None:
    """Write the lines of a partition that silver does not keep."""
    rows = {
        SILVER_REJECTED: _with_details(rejected),
        SILVER_DUPLICATES: duplicates,
    }
    for table, lines in rows.items():
        lakehouse.ensure(table.key)
        # A commit per partition is slow, so none is made where no rows come or go.
        before = partition_rows(lakehouse.delta(table.key), dataset.name)
        if lines.num_rows or before.get(name):
            named = lines.append_column("table", pa.repeat(dataset.name, lines.num_rows))
            lakehouse.write(
                named.select(table.names).cast(table.arrow_schema),
                table.key,
                replacing={"table": [dataset.name], "partition": [name]},
            )


def rejection_details(rejected: pa.Table) -> list[str | None]:
    """Return the details of rejected lines, also of those that have no fields."""
    lines = rejected.select(["detail", "reason", "raw", "encoding"])
    columns = (column.to_pylist() for column in lines.columns)
    return [
        detail or (line_fault(*line) if line[0] in _REASONS_WITHOUT_FIELDS else None)
        for detail, *line in zip(*columns, strict=True)
    ]


def _with_details(rejected: pa.Table) -> pa.Table:
    """Return rejected lines with the time and `rejection_details`."""
    now = pa.scalar(datetime.now(UTC), pa.timestamp("us", "UTC"))
    return (
        rejected.drop_columns("detail")
        .append_column("detail", pa.array(rejection_details(rejected), pa.string()))
        .append_column("rejected_at", pa.repeat(now, rejected.num_rows))
    )
