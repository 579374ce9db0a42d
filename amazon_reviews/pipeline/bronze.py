"""From landing files to bronze: every line once, unchanged, with its origin.

The lines are read here and not by the engine, with the same result on every engine: a file that
breaks off is rejected whole, line numbers are those of the file, and bytes that are not text
survive.
"""

import base64
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.source_files.formats import Reading
from amazon_reviews.pipeline.source_files.lines import filled_lines
from amazon_reviews.pipeline.source_files.source import open_source
from amazon_reviews.pipeline.source_files.unpacking import UnpackedFile
from amazon_reviews.resources.lakehouse.prefetch import PrefetchedBatches
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.layout import LandingFile, LandingPartition
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.layers import BRONZE_REVIEWS
from amazon_reviews.schemas.table import STRINGS

# Opening a remote file takes longer than reading a small one, so a few are opened ahead.
_FILES_AHEAD = 16
_BYTES_AHEAD = 16 * 1024 * 1024
_CSV = Reading(charset="utf-8", delimiter=",", quote='"')
_LINES = BRONZE_REVIEWS.arrow_schema
_RECORDS = _LINES.append(pa.field("header", STRINGS))


@dataclass
class BronzeCounts:
    """The files and lines of an ingested partition; `size` is in bytes of the landing zone."""

    files: int
    size: int
    lines: int = 0


def ingest_each(
    landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset, names: Sequence[str]
) -> Iterator[tuple[str, BronzeCounts]]:
    """Ingest partitions one after the other, see `ingest`; yields each when it is committed.

    Raises:
        FailedPartitionsError: at the end, for the partitions that could not be read or written.
    """
    yield from isolated(
        ([name] for name in names),
        lambda batch: [(name, ingest(landing, lakehouse, dataset, name)) for name in batch],
    )


def ingest(landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset, name: str) -> BronzeCounts:
    """Replace a partition of bronze by the lines of its files.

    The fingerprint of the files is part of the same commit.

    Raises:
        LandingError: a file breaks off, is damaged, or changed while it was read. The text
            names it, and the table is unchanged.
    """
    partition = landing.partition(dataset.folder, name, dataset.layout)
    lakehouse.ensure(dataset.bronze)
    counts = BronzeCounts(len(partition.files), partition.size)
    read = PrefetchedBatches(_partition_batches(landing, dataset, partition, counts))
    versions = {dataset.fingerprint_id(name): partition.fingerprint}
    rows = pa.RecordBatchReader.from_batches(TABLES[dataset.bronze].arrow_schema, read)
    with read.raising_errors():
        lakehouse.write(
            rows,
            dataset.bronze,
            replacing={"partition": [name]},
            built={name: {}},
            transaction_versions=versions,
        )
    return counts


def _partition_batches(
    landing: LandingZone, dataset: Dataset, partition: LandingPartition, counts: BronzeCounts
) -> Iterator[pa.RecordBatch]:
    most = landing.max_unpacked_bytes
    for file, stream in _opened_ahead(landing, partition.files):
        batches = (
            read_records(stream, file, partition.name, dataset.required, most)
            if dataset.layout.suffix == ".csv"
            else read_lines(stream, file, partition.name, most)
        )
        for batch in batches:
            counts.lines += batch.num_rows
            yield batch
    now = landing.partition(dataset.folder, partition.name, dataset.layout)
    if now.fingerprint != partition.fingerprint:
        raise LandingError(
            f"{dataset.folder}/{partition.name} changed while it was read; "
            "materialize it again when the upload is complete"
        )


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


def read_records(
    stream: BinaryIO,
    file: LandingFile,
    partition: str,
    required: Sequence[str],
    max_unpacked_bytes: int,
) -> Iterator[pa.RecordBatch]:
    """Yield the records of a CSV file in order, as batches of bronze rows with its header.

    The line number of a record is that of its first line.

    Raises:
        LandingError: see `read_lines`; also if the header lacks a `required` column, or the file
            ends within a record.
    """
    source = open_source(stream, file, _CSV, max_unpacked_bytes)
    header = source.format.header or ()
    if missing := [name for name in required if name not in header]:
        raise LandingError(
            f"{file.path}: its header lacks {', '.join(missing)}; it names "
            f"{', '.join(header)[:200]}. Columns are separated by commas"
        )
    for records in source.records():
        columns = _columns(records, file.name, partition)
        names = pa.repeat(pa.scalar(header, STRINGS), len(records))
        yield pa.RecordBatch.from_arrays([*columns, names], schema=_RECORDS)


def read_lines(
    stream: BinaryIO,
    file: LandingFile,
    partition: str,
    max_unpacked_bytes: int,
) -> Iterator[pa.RecordBatch]:
    """Yield the lines of a file in order, as batches of bronze rows, with bounded memory.

    A line of white space gives no row but has a number.

    Raises:
        LandingError: the file cannot be decompressed to its end, or a line has no end.
    """
    source = UnpackedFile(stream, file, max_unpacked_bytes)
    source.read(len(BOM_UTF8) if source.head.startswith(BOM_UTF8) else 0)
    for lines in filled_lines(source.blocks(), file.path):
        yield pa.RecordBatch.from_arrays(_columns(lines, file.name, partition), schema=_LINES)


def _columns(numbered: list[tuple[int, bytes]], file: str, partition: str) -> list[pa.Array]:
    """Return raw, encoding, file, line and partition of numbered lines."""
    lines = [line for _, line in numbered]
    try:
        # Arrow checks a whole batch for UTF-8 much faster than Python decodes its lines.
        raw = pa.array(lines, pa.binary()).cast(pa.string())
        encoding = pa.repeat("utf-8", len(lines))
    except pa.ArrowInvalid:
        pairs = [_as_text(line) for line in lines]
        raw = pa.array([text for text, _ in pairs], pa.string())
        encoding = pa.array([name for _, name in pairs], pa.string())
    numbers = pa.array([number for number, _ in numbered], pa.int64())
    count = len(lines)
    return [raw, encoding, pa.repeat(file, count), numbers, pa.repeat(partition, count)]


def _as_text(line: bytes) -> tuple[str, str]:
    try:
        return line.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(line).decode("ascii"), "base64"
