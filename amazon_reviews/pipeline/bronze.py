"""From landing files to bronze: every line once, unchanged, with its origin.

The lines are read here and not by the engine, with the same result on every engine: a file that
breaks off is rejected whole, line numbers are those of the file, and bytes that are not text
survive.
"""

import base64
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

import pyarrow as pa

from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.pipeline.intake import (
    Intake,
    profile_beside,
    profile_of,
    profiles_id,
    profiles_version,
    quote_of,
    reading_of,
)
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.source_files.source import SourceFile, open_source
from amazon_reviews.profiles.profile import Profile
from amazon_reviews.resources.lakehouse.prefetch import PrefetchedBatches
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.layout import (
    COMPRESSIONS,
    LandingFile,
    LandingPartition,
    check_unchanged,
)
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.spark.engine import ROW_GROUP_ROWS
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.layers import BRONZE_REVIEWS
from amazon_reviews.transforms.lines import MAX_LINE_BYTES

# Opening a remote file takes longer than reading a small one, so a few are opened ahead.
_FILES_AHEAD = 16
_BYTES_AHEAD = 16 * 1024 * 1024
# A record above MAX_LINE_BYTES is rejected. Of its bytes only the first are kept: an engine would
# hold thousands of them at once.
_KEPT_BYTES = MAX_LINE_BYTES + 4
_ROW_GROUP_BYTES = 64 * 1024 * 1024
# Measured with the sample: 0.8 bytes of bronze per byte of a compressed file.
_PACKED = (*COMPRESSIONS, ".parquet", ".avro")
_TEXT_PER_PACKED_BYTE = 5
_SCHEMA = BRONZE_REVIEWS.arrow_schema


@dataclass
class BronzeCounts:
    """The files and lines of an ingested partition; `size` is in bytes of the landing zone.

    `profiles` counts the files of each source profile.
    """

    files: int
    size: int
    lines: int = 0
    profiles: Counter[str] = field(default_factory=Counter)


def ingest_each(
    landing: LandingZone,
    lakehouse: Lakehouse,
    dataset: Dataset,
    names: Sequence[str],
    intake: Intake = Intake(),  # noqa: B008
) -> Iterator[tuple[str, BronzeCounts]]:
    """Ingest partitions one after the other, see `ingest`; yields each when it is committed.

    Raises:
        FailedPartitionsError: at the end, for the partitions that could not be read or written.
    """
    yield from isolated(
        ([name] for name in names),
        lambda batch: [(name, ingest(landing, lakehouse, dataset, name, intake)) for name in batch],
    )


def ingest(
    landing: LandingZone,
    lakehouse: Lakehouse,
    dataset: Dataset,
    name: str,
    intake: Intake = Intake(),  # noqa: B008
) -> BronzeCounts:
    """Replace a partition of bronze by the records of its files.

    The fingerprint of the files is part of the same commit.

    Raises:
        LandingError: a file breaks off, is damaged, or changed while it was read. The text
            names it, and the table is unchanged.
        ProfileError: two profiles fit a file equally, or one of people's own is not valid.
    """
    own = intake.own_profiles()
    partition = landing.partition(dataset.folder, name, dataset.layout)
    lakehouse.ensure(dataset.bronze)
    counts = BronzeCounts(len(partition.files), partition.size)
    batches = landing_batches(landing, dataset, partition, counts, own, intake)
    first = next(batches, None)
    read = PrefetchedBatches(chain(filter(None, [first]), batches))
    versions = {
        dataset.fingerprint_id(name): partition.fingerprint,
        **({profiles_id(dataset, name): profiles_version(own)} if intake.profiles else {}),
    }
    rows = pa.RecordBatchReader.from_batches(TABLES[dataset.bronze].arrow_schema, read)
    with read.raising_errors():
        lakehouse.write(
            rows,
            dataset.bronze,
            replacing={"partition": [name]},
            built={name: {}},
            transaction_versions=versions,
            row_group_rows=_row_group_rows(first),
            expected_bytes=_expected_bytes(partition),
        )
    return counts


def _expected_bytes(partition: LandingPartition) -> int:
    """Return about the size of the rows in bronze, which are compressed as gzip would do it."""
    return sum(
        file.size if file.name.lower().endswith(_PACKED) else file.size // _TEXT_PER_PACKED_BYTE
        for file in partition.files
    )


def _row_group_rows(batch: pa.RecordBatch | None) -> int:
    """Return the rows of a row group, fewer if they are large: engines hold one in memory."""
    if batch is None or not batch.num_rows:
        return ROW_GROUP_ROWS
    rows = _ROW_GROUP_BYTES * batch.num_rows // (batch.nbytes + 1)
    return min(max(rows, 1), ROW_GROUP_ROWS)


def landing_batches(
    landing: LandingZone,
    dataset: Dataset,
    partition: LandingPartition,
    counts: BronzeCounts,
    own: Sequence[Profile],
    intake: Intake,
) -> Iterator[pa.RecordBatch]:
    """Yield the records of the files of a partition as bronze rows; see `ingest`."""
    beside = None
    if partition.profile_file:
        beside = profile_beside(landing, dataset, partition.profile_file)
    for file, stream in _opened_ahead(landing, partition.files):
        with ExitStack() as opened:
            source = open_source(stream, file, reading_of(beside), intake.max_unpacked_bytes)
            profile = beside or profile_of(dataset, own, source, file.path)
            if profile and profile.changes_reading and profile != beside:
                again = opened.enter_context(landing.open(file))
                source = open_source(again, file, reading_of(profile), intake.max_unpacked_bytes)
            counts.profiles[profile.name if profile else "unrecognized"] += 1
            for batch in record_batches(source, profile, file, partition.name):
                counts.lines += batch.num_rows
                yield batch
    now = landing.partition(dataset.folder, partition.name, dataset.layout)
    check_unchanged(partition, now)


def _opened_ahead(
    landing: LandingZone, files: Sequence[LandingFile]
) -> Iterator[tuple[LandingFile, BinaryIO]]:
    """Yield the files in their order, each opened; the next small ones are opened ahead."""
    opened: deque[tuple[LandingFile, BinaryIO]] = deque()
    upcoming = deque(files)
    try:
        while opened or upcoming:
            while upcoming and _has_room([file for file, _ in opened], upcoming[0]):
                file = upcoming.popleft()
                opened.append((file, landing.open(file)))
            file, stream = opened.popleft()
            with stream:
                yield file, stream
    finally:
        for _, stream in opened:
            stream.close()


def _has_room(opened: Sequence[LandingFile], file: LandingFile) -> bool:
    """Return True if one more file may be opened ahead."""
    size = sum(other.size for other in opened) + file.size
    return not opened or (len(opened) < _FILES_AHEAD and size <= _BYTES_AHEAD)


def record_batches(
    source: SourceFile, profile: Profile | None, file: LandingFile, partition: str
) -> Iterator[pa.RecordBatch]:
    """Yield the records of a file in order, as batches of bronze rows, with bounded memory."""
    quote = quote_of(source.format, profile)
    for numbered in source.records(quote=quote):
        count = len(numbered)
        constants = {
            "file": file.name,
            "partition": partition,
            "charset": source.format.charset,
            "delimiter": source.format.delimiter,
            "quote": quote,
            "header": source.format.header,
            "profile": profile.name if profile else None,
            "mapping": None if profile is None or profile.built_in else profile.to_json(),
        }
        columns = _raw_columns(numbered)
        for name, value in constants.items():
            columns[name] = pa.repeat(pa.scalar(value, _SCHEMA.field(name).type), count)
        yield pa.RecordBatch.from_arrays([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)


def _raw_columns(numbered: list[tuple[int, bytes]]) -> dict[str, pa.Array]:
    """Return raw, encoding and line of numbered records."""
    records = [record for _, record in numbered]
    if max(map(len, records), default=0) > _KEPT_BYTES:
        records = [_beginning(record) for record in records]
    try:
        # Arrow checks a whole batch for UTF-8 much faster than Python decodes its lines.
        raw = pa.array(records, pa.binary()).cast(pa.string())
        encoding = pa.repeat("utf-8", len(records))
    except pa.ArrowInvalid:
        pairs = [_as_text(record) for record in records]
        raw = pa.array([text for text, _ in pairs], pa.string())
        encoding = pa.array([name for _, name in pairs], pa.string())
    numbers = pa.array([number for number, _ in numbered], pa.int64())
    return {"raw": raw, "encoding": encoding, "line": numbers}


def _beginning(record: bytes) -> bytes:
    """Return a record up to the size from which it is rejected, without half a character."""
    if len(record) <= _KEPT_BYTES:
        return record
    try:
        record.decode("utf-8")
    except UnicodeDecodeError:
        return record[:_KEPT_BYTES]
    return record[:_KEPT_BYTES].decode("utf-8", "ignore").encode()


def _as_text(record: bytes) -> tuple[str, str]:
    try:
        return record.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(record).decode("ascii"), "base64"
