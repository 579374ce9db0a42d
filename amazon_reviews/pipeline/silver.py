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
from amazon_reviews.pipeline.datasets import STREAM, Refinement, Stream, Subject
from amazon_reviews.pipeline.event_records import batch_fault
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.line_faults import line_fault
from amazon_reviews.pipeline.segments import segments
from amazon_reviews.resources.lakehouse.tables import Lakehouse, new_mark, partition_rows, row_count
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


def refine(
    spark: SparkSession,
    lakehouse: Lakehouse,
    subject: Refinement,
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
        bronze_batches(lakehouse, subject, partitions, batch_rows),
        lambda batch: _refine_batch(spark, lakehouse, subject, batch),
        spark,
    )


def refine_stream(
    spark: SparkSession, lakehouse: Lakehouse, batch_rows: int, *, rebuild: bool = False
) -> Refined:
    """Bring the segments of silver/streamed_reviews up to date with bronze, or `rebuild` them all.

    A segment is up to date when each of its events is kept, a duplicate or rejected: bronze only
    ever grows. Returns what became of the events of the segments that were made.

    Raises:
        FailedPartitionsError: see `refine`.
    """
    made = Refined(0)
    names = _segments_to_refine(lakehouse, rebuild)
    for _, done in refine(spark, lakehouse, STREAM, names, batch_rows):
        made.lines += done.lines
        made.kept += done.kept
        made.duplicates += done.duplicates
        made.rejected += done.rejected
    return made


def _segments_to_refine(lakehouse: Lakehouse, rebuild: bool) -> list[str]:
    for key in (STREAM.bronze, STREAM.silver, SILVER_DUPLICATES.key, SILVER_REJECTED.key):
        lakehouse.ensure(key)
    events = partition_rows(lakehouse.delta(STREAM.bronze))
    ended = Counter(partition_rows(lakehouse.delta(STREAM.silver)))
    for key in (SILVER_DUPLICATES.key, SILVER_REJECTED.key):
        ended.update(partition_rows(lakehouse.delta(key), STREAM.noun))
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


def rows_to_publish(lakehouse: Lakehouse, subject: Refinement, gold: str) -> dict[str, int]:
    """Rows in silver of each partition, from which the whole table `gold` is made.

    None are the truth where all lines were rejected, or nothing came in yet.

    Raises:
        MissingInputError: silver lacks lines of bronze, or is empty while `gold` has rows.
    """
    for key in (subject.bronze, subject.silver, SILVER_REJECTED.key):
        lakehouse.ensure(key)
    rows = partition_rows(lakehouse.delta(subject.silver))
    if any(rows.values()):
        return rows
    lines = partition_rows(lakehouse.delta(subject.bronze))
    rejected = partition_rows(lakehouse.delta(SILVER_REJECTED.key), subject.noun)
    lacking = [name for name in lines if lines[name] > rejected.get(name, 0)]
    nothing_came = not any(lines.values())
    if lacking or (nothing_came and lakehouse.exists(gold) and row_count(lakehouse.delta(gold))):
        raise MissingInputError(f"{subject.silver} is empty; materialize it first")
    return rows


def bronze_batches(
    lakehouse: Lakehouse, subject: Refinement, partitions: Sequence[str], batch_rows: int
) -> Iterator[list[str]]:
    """These partitions in `batches` by their lines in bronze."""
    lakehouse.ensure(subject.bronze)
    rows = partition_rows(lakehouse.delta(subject.bronze))
    return batches(partitions, {name: rows.get(name, 0) for name in partitions}, batch_rows)


def check_in_bronze(lakehouse: Lakehouse, subject: Refinement, partitions: Sequence[str]) -> None:
    """Check that bronze has these partitions.

    Raises:
        MissingInputError: bronze was never given one of them.
    """
    if isinstance(subject, Subject):
        marks = [subject.fingerprint_mark(name) for name in partitions]
        read = lakehouse.marks(subject.bronze, marks)
        missing = [name for name, mark in zip(partitions, marks, strict=True) if read[mark] is None]
        if missing:
            raise MissingInputError(
                f"{subject.bronze} has no {', '.join(missing)}; materialize that first"
            )


def _refine_batch(
    spark: SparkSession, lakehouse: Lakehouse, subject: Refinement, names: Sequence[str]
) -> list[tuple[str, Refined]]:
    """Every line is parsed once, into scratch files; from there it goes where it belongs.

    That is cheaper than a sort of whole rows to find the repeated ones, and needs no memory.
    """
    check_in_bronze(lakehouse, subject, names)
    with lakehouse.exclusive(f"refine.{subject.silver}") as check_held:
        table = lakehouse.delta(subject.bronze)
        lines = partition_rows(table)
        bronze = lakehouse.read(spark, subject.bronze, names, table.version())
        parsed = subject.parse(subject.lines(bronze), subject.fields)
        with lakehouse.scratch(subject.clean(subject.type_lines(parsed)), subject.silver) as rows:
            accepted = rows.where(F.col("reason").isNull())
            copies = _copies(spark, lakehouse, subject, accepted, names)
            kept = accepted.join(copies.select(*_ORIGIN), on=_ORIGIN, how="left_anti")
            marks = dict.fromkeys(names, new_mark()) if isinstance(subject, Stream) else {}
            check_held()
            lakehouse.replace(kept, subject.silver, {"partition": names}, marks)
            refused = rows.where(F.col("reason").isNotNull()).select(*_REFUSED).toArrow()
            if isinstance(subject, Stream):
                refused = _with_batch_faults(refused)
            repeated = copies.toArrow()
            check_held()
        kept_rows = partition_rows(lakehouse.delta(subject.silver))
        reports = {name: Refined(lines.get(name, 0), kept_rows.get(name, 0)) for name in names}
        for name, report in reports.items():
            of_partition = pc.field("partition") == name
            _account(
                lakehouse,
                subject,
                name,
                refused.filter(of_partition),
                repeated.filter(of_partition),
                report,
            )
    return list(reports.items())


def _copies(
    spark: SparkSession,
    lakehouse: Lakehouse,
    subject: Refinement,
    accepted: DataFrame,
    names: Sequence[str],
) -> DataFrame:
    """The accepted lines that repeat an earlier one: of their partition, or of the stream."""
    if not isinstance(subject, Stream):
        return repeated_lines(accepted, subject.identity)
    ids = accepted.select(F.col(subject.identity).alias("id"), *_ORIGIN)
    before = lakehouse.read(spark, subject.silver).where(F.col("partition") < min(names))
    known = before.select(F.col(subject.identity).alias("id"))
    known = known.join(ids.select("id"), on="id", how="left_semi").distinct()
    copies = ids.join(known, on="id", how="left_semi")
    return copies.unionByName(repeated_lines(accepted, subject.identity, across=True)).distinct()


def _account(
    lakehouse: Lakehouse,
    subject: Refinement,
    name: str,
    refused: pa.Table,
    repeated: pa.Table,
    report: Refined,
) -> None:
    report.rejected.update(refused["reason"].to_pylist())
    report.duplicates = repeated.num_rows
    if report.lines != report.kept + report.duplicates + refused.num_rows:
        raise LostLinesError(f"{subject.silver} {name}: {report}")
    _put(lakehouse, SILVER_REJECTED.key, subject, name, _rejected_rows(refused, subject))
    _put(lakehouse, SILVER_DUPLICATES.key, subject, name, _duplicate_rows(repeated, subject))


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


def _put(lakehouse: Lakehouse, key: str, subject: Refinement, name: str, rows: pa.Table) -> None:
    """Replace the partition; no commit where there is nothing before and after."""
    keys = {"table": subject.noun, "partition": name}
    lakehouse.ensure(key)
    if rows.num_rows or partition_rows(lakehouse.delta(key), subject.noun).get(name):
        lakehouse.replace_arrow(rows, key, keys)


def _rejected_rows(refused: pa.Table, subject: Refinement) -> pa.Table:
    count = refused.num_rows
    hub_partition, sequence_number = pa.nulls(count, pa.string()), pa.nulls(count, pa.int64())
    if isinstance(subject, Stream):
        hub_partition = pc.replace_substring_regex(refused["file"], ".*/|#.*", "")
        sequence_number = refused["line"]
    given = {
        "detail": pa.array(_details(refused), pa.string()),
        "table": pa.repeat(subject.noun, count),
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


def _duplicate_rows(repeated: pa.Table, subject: Refinement) -> pa.Table:
    columns = {name: repeated[name] for name in ("id", *_ORIGIN)}
    columns["table"] = pa.repeat(subject.noun, repeated.num_rows)
    return pa.table({name: columns[name] for name in SILVER_DUPLICATES.names}).cast(
        SILVER_DUPLICATES.arrow_schema
    )
