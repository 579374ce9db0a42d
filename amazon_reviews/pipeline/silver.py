"""From bronze to silver: every line becomes a row, a duplicate, or a rejected line."""

from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.errors import LostLinesError, MissingInputError
from amazon_reviews.pipeline.datasets import STREAM, Dataset, SilverSpec, Stream
from amazon_reviews.pipeline.event_records import batch_fault
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.line_faults import line_fault
from amazon_reviews.pipeline.segments import segments
from amazon_reviews.resources.lakehouse.data_files import scratch_copy
from amazon_reviews.resources.lakehouse.tables import (
    Lakehouse,
    new_transaction_version,
    partition_rows,
    row_count,
)
from amazon_reviews.schemas.layers import SILVER_DUPLICATES, SILVER_REJECTED
from amazon_reviews.transforms.lines import REFUSAL, repeated_lines

# A batch of something else than objects is an object without the fields of a review.
_WITHOUT_FIELDS = ("not_json", "not_utf8", "not_an_object", "too_large")
_NO_RECORD = ("not_utf8", "not_json", "not_an_object", "missing_field")
_ORIGIN = ["partition", "file", "line"]
_REFUSED = [*REFUSAL, *_ORIGIN]


@dataclass
class Refined:
    """What became of the lines of one partition."""

    lines: int
    kept: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def build_silver(
    spark: SparkSession,
    lakehouse: Lakehouse,
    dataset: SilverSpec,
    partitions: Sequence[str],
    batch_rows: int,
) -> Iterator[tuple[str, Refined]]:
    """Rebuild these partitions of the silver table, and what they refuse, from bronze.

    Partitions are taken together up to `batch_rows` lines. Yields each partition when it is
    committed.

    Raises:
        FailedPartitionsError: at the end, for the partitions that failed: bronze was never given
            them (MissingInputError), a line would end nowhere (LostLinesError), or they could not
            be read or written.
    """
    yield from isolated(
        bronze_batches(lakehouse, dataset, partitions, batch_rows),
        lambda batch: _build_batch(spark, lakehouse, dataset, batch),
        spark,
    )


def build_silver_stream(
    spark: SparkSession, lakehouse: Lakehouse, batch_rows: int, *, rebuild: bool = False
) -> Refined:
    """Bring the segments of silver/streamed_reviews up to date with bronze, or `rebuild` them all.

    A segment is up to date when each of its events is kept, a duplicate or rejected: bronze only
    ever grows. Returns what became of the events of the segments that were made.

    Raises:
        FailedPartitionsError: see `build_silver`.
    """
    made = Refined(0)
    names = _segments_to_build(lakehouse, rebuild)
    for _, done in build_silver(spark, lakehouse, STREAM, names, batch_rows):
        made.lines += done.lines
        made.kept += done.kept
        made.duplicates += done.duplicates
        made.rejected += done.rejected
    return made


def _segments_to_build(lakehouse: Lakehouse, rebuild: bool) -> list[str]:
    for key in (STREAM.bronze, STREAM.silver, SILVER_DUPLICATES.key, SILVER_REJECTED.key):
        lakehouse.ensure(key)
    events = partition_rows(lakehouse.delta(STREAM.bronze))
    ended = Counter(partition_rows(lakehouse.delta(STREAM.silver)))
    for key in (SILVER_DUPLICATES.key, SILVER_REJECTED.key):
        ended.update(partition_rows(lakehouse.delta(key), STREAM.name))
    stale = [name for name in segments(events) if rebuild or events[name] != ended[name]]
    # Which of two events is the repeated one depends on all segments before.
    return [name for name in segments(events) if stale and name >= stale[0]]


def batches(
    partitions: Sequence[str], rows: dict[str, int], batch_rows: int
) -> Iterator[list[str]]:
    """Consecutive partitions of together at most `batch_rows` rows, at least one each time."""
    batch: list[str] = []
    for name in partitions:
        if batch and sum(rows[taken] for taken in batch) + rows[name] > batch_rows:
            yield batch
            batch = []
        batch.append(name)
    if batch:
        yield batch


def rows_to_build(lakehouse: Lakehouse, dataset: SilverSpec, gold: str) -> dict[str, int]:
    """Rows in silver of each partition, from which the whole table `gold` is made.

    None are the truth where all lines were rejected, or nothing came in yet.

    Raises:
        MissingInputError: silver lacks lines of bronze, or is empty while `gold` has rows.
    """
    for key in (dataset.bronze, dataset.silver, SILVER_REJECTED.key):
        lakehouse.ensure(key)
    rows = partition_rows(lakehouse.delta(dataset.silver))
    if any(rows.values()):
        return rows
    lines = partition_rows(lakehouse.delta(dataset.bronze))
    rejected = partition_rows(lakehouse.delta(SILVER_REJECTED.key), dataset.name)
    lacking = [name for name in lines if lines[name] > rejected.get(name, 0)]
    nothing_came = not any(lines.values())
    if lacking or (nothing_came and lakehouse.exists(gold) and row_count(lakehouse.delta(gold))):
        raise MissingInputError(f"{dataset.silver} is empty; materialize it first")
    return rows


def bronze_batches(
    lakehouse: Lakehouse, dataset: SilverSpec, partitions: Sequence[str], batch_rows: int
) -> Iterator[list[str]]:
    """These partitions in `batches` by their lines in bronze."""
    lakehouse.ensure(dataset.bronze)
    rows = partition_rows(lakehouse.delta(dataset.bronze))
    return batches(partitions, {name: rows.get(name, 0) for name in partitions}, batch_rows)


def check_in_bronze(lakehouse: Lakehouse, dataset: SilverSpec, partitions: Sequence[str]) -> None:
    """Check that bronze has these partitions.

    Raises:
        MissingInputError: bronze was never given one of them.
    """
    if isinstance(dataset, Dataset):
        versions = [dataset.fingerprint_id(name) for name in partitions]
        read = lakehouse.transaction_versions(dataset.bronze, versions)
        missing = [
            name for name, mark in zip(partitions, versions, strict=True) if read[mark] is None
        ]
        if missing:
            raise MissingInputError(
                f"{dataset.bronze} has no {', '.join(missing)}; materialize that first"
            )


def _build_batch(
    spark: SparkSession, lakehouse: Lakehouse, dataset: SilverSpec, names: Sequence[str]
) -> list[tuple[str, Refined]]:
    """Every line is parsed once, into scratch files; from there it goes where it belongs.

    That is cheaper than a sort of whole rows to find the repeated ones, and needs no memory.
    """
    check_in_bronze(lakehouse, dataset, names)
    with lakehouse.lock(f"build_silver.{dataset.silver}") as check_held:
        table = lakehouse.delta(dataset.bronze)
        lines = partition_rows(table)
        bronze = lakehouse.read(spark, dataset.bronze, names, table.version())
        parsed = dataset.parse(dataset.lines(bronze), dataset.fields)
        with scratch_copy(
            dataset.clean(dataset.type_lines(parsed)), lakehouse.location, dataset.silver
        ) as rows:
            accepted = rows.where(F.col("reason").isNull())
            copies = _copies(spark, lakehouse, dataset, accepted, names)
            kept = accepted.join(copies.select(*_ORIGIN), on=_ORIGIN, how="left_anti")
            versions = (
                dict.fromkeys(names, new_transaction_version())
                if isinstance(dataset, Stream)
                else {}
            )
            check_held()
            lakehouse.write(
                kept, dataset.silver, replacing={"partition": names}, transaction_versions=versions
            )
            refused = rows.where(F.col("reason").isNotNull()).select(*_REFUSED).toArrow()
            if isinstance(dataset, Stream):
                refused = _with_batch_faults(refused)
            repeated = copies.toArrow()
            check_held()
        kept_rows = partition_rows(lakehouse.delta(dataset.silver))
        reports = {name: Refined(lines.get(name, 0), kept_rows.get(name, 0)) for name in names}
        for name, report in reports.items():
            of_partition = pc.field("partition") == name
            _account(
                lakehouse,
                dataset,
                name,
                refused.filter(of_partition),
                repeated.filter(of_partition),
                report,
            )
    return list(reports.items())


def _copies(
    spark: SparkSession,
    lakehouse: Lakehouse,
    dataset: SilverSpec,
    accepted: DataFrame,
    names: Sequence[str],
) -> DataFrame:
    """The accepted lines that repeat an earlier one: of their partition, or of the stream."""
    if not isinstance(dataset, Stream):
        return repeated_lines(accepted, dataset.identity)
    ids = accepted.select(F.col(dataset.identity).alias("id"), *_ORIGIN)
    before = lakehouse.read(spark, dataset.silver).where(F.col("partition") < min(names))
    known = before.select(F.col(dataset.identity).alias("id"))
    known = known.join(ids.select("id"), on="id", how="left_semi").distinct()
    copies = ids.join(known, on="id", how="left_semi")
    return copies.unionByName(repeated_lines(accepted, dataset.identity, across=True)).distinct()


def _account(
    lakehouse: Lakehouse,
    dataset: SilverSpec,
    name: str,
    refused: pa.Table,
    repeated: pa.Table,
    report: Refined,
) -> None:
    report.rejected.update(refused["reason"].to_pylist())
    report.duplicates = repeated.num_rows
    if report.lines != report.kept + report.duplicates + refused.num_rows:
        raise LostLinesError(f"{dataset.silver} {name}: {report}")
    _put(lakehouse, SILVER_REJECTED.key, dataset, name, _rejected_rows(refused, dataset))
    _put(lakehouse, SILVER_DUPLICATES.key, dataset, name, _duplicate_rows(repeated, dataset))


def _with_batch_faults(refused: pa.Table) -> pa.Table:
    """Rejected events; of a batch that is not read, with what is wrong with it as the detail."""
    rows = refused.to_pylist()
    for row in rows:
        body = b64decode(row["raw"]) if row["encoding"] == "base64" else row["raw"].encode()
        if row["reason"] in _NO_RECORD and (found := batch_fault(body)):
            row["detail"] = found
            if row["reason"] == "missing_field":
                row["reason"] = "not_an_object"
    return pa.Table.from_pylist(rows, refused.schema)


def _put(lakehouse: Lakehouse, key: str, dataset: SilverSpec, name: str, rows: pa.Table) -> None:
    """Replace the partition; no commit where there is nothing before and after."""
    keys = {"table": [dataset.name], "partition": [name]}
    lakehouse.ensure(key)
    if rows.num_rows or partition_rows(lakehouse.delta(key), dataset.name).get(name):
        lakehouse.write(rows, key, replacing=keys)


def _rejected_rows(refused: pa.Table, dataset: SilverSpec) -> pa.Table:
    count = refused.num_rows
    hub_partition, sequence_number = pa.nulls(count, pa.string()), pa.nulls(count, pa.int64())
    if isinstance(dataset, Stream):
        hub_partition = pc.replace_substring_regex(refused["file"], ".*/|#.*", "")
        sequence_number = refused["line"]
    given = {
        "detail": pa.array(_details(refused), pa.string()),
        "table": pa.repeat(dataset.name, count),
        "hub_partition": hub_partition,
        "sequence_number": sequence_number,
        "rejected_at": pa.repeat(pa.scalar(datetime.now(UTC), pa.timestamp("us", "UTC")), count),
    }
    columns = {name: refused[name] for name in refused.column_names} | given
    return pa.table({name: columns[name] for name in SILVER_REJECTED.names}).cast(
        SILVER_REJECTED.arrow_schema
    )


def _details(refused: pa.Table) -> list[str | None]:
    """The details, also of the lines that have no fields to name."""
    lines = refused.select(["detail", "reason", "raw", "encoding"])
    columns = (column.to_pylist() for column in lines.columns)
    return [
        detail or (line_fault(*line) if line[0] in _WITHOUT_FIELDS else None)
        for detail, *line in zip(*columns, strict=True)
    ]


def _duplicate_rows(repeated: pa.Table, dataset: SilverSpec) -> pa.Table:
    columns = {name: repeated[name] for name in ("id", *_ORIGIN)}
    columns["table"] = pa.repeat(dataset.name, repeated.num_rows)
    return pa.table({name: columns[name] for name in SILVER_DUPLICATES.names}).cast(
        SILVER_DUPLICATES.arrow_schema
    )
