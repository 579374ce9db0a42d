"""From landing files to bronze: every line once, unchanged, with its origin.

The lines are read here and not by the engine, with the same result on every engine: a file that
breaks off is rejected whole, line numbers are those of the file, and bytes that are not text
survive.
"""

import base64
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from typing import BinaryIO, cast

import pyarrow as pa
from isal import igzip
from isal.igzip_lib import IsalError

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.csv_files import csv_records
from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.pipeline.isolation import isolated
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
_BLOCK_BYTES = 8 * 1024 * 1024
_LONGEST_LINE_BYTES = 64 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_LINES = BRONZE_REVIEWS.arrow_schema
_RECORDS = _LINES.append(pa.field("header", STRINGS))
# The type hints of isal declare its error as an instance.
_DAMAGED = cast("tuple[type[Exception], ...]", (EOFError, OSError, zlib.error, IsalError))


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
    for file, stream in _opened_ahead(landing, partition.files):
        batches = (
            read_records(stream, file, partition.name, dataset.required)
            if not dataset.layout.in_folders
            else read_lines(stream, file, partition.name)
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
    stream: BinaryIO, file: LandingFile, partition: str, required: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the records of a CSV file in order, as batches of bronze rows with its header.

    The line number of a record is that of its first line.

    Raises:
        LandingError: see `read_lines`; also if the header lacks a `required` column, or the file
            ends within a record.
    """
    for header, records in csv_records(_blocks_of_lines(stream, file), file.path, required):
        columns = _columns(records, file.name, partition)
        names = pa.repeat(pa.scalar(header, STRINGS), len(records))
        yield pa.RecordBatch.from_arrays([*columns, names], schema=_RECORDS)


def read_lines(stream: BinaryIO, file: LandingFile, partition: str) -> Iterator[pa.RecordBatch]:
    """Yield the lines of a file in order, as batches of bronze rows, with bounded memory.

    A line of white space gives no row but has a number.

    Raises:
        LandingError: the file cannot be decompressed to its end, or a line has no end.
    """
    number = 0
    for block in _blocks_of_lines(stream, file):
        filled = [(n, line) for n, line in enumerate(block, number + 1) if line.strip()]
        columns = _columns(filled, file.name, partition)
        yield pa.RecordBatch.from_arrays(columns, schema=_LINES)
        number += len(block)


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


def _blocks_of_lines(stream: BinaryIO, file: LandingFile) -> Iterator[list[bytes]]:
    rest: list[bytes] = []
    number = 1
    for block in _decompressed(stream, file):
        *lines, last = block.split(b"\n")
        if lines:
            lines[0] = b"".join([*rest, lines[0]])
            rest = []
            yield lines
            number += len(lines)
        rest.append(last)
        if sum(map(len, rest)) > _LONGEST_LINE_BYTES:
            raise LandingError(
                f"{file.path}: line {number} is longer than {_LONGEST_LINE_BYTES >> 20} MiB; "
                "this is not a file of lines"
            )
    if last_line := b"".join(rest):
        yield [last_line]


def _decompressed(stream: BinaryIO, file: LandingFile) -> Iterator[bytes]:
    compressed = file.name.endswith(".gz")
    if compressed and not file.size:
        raise LandingError(f"{file.path} is empty, and so not a gzip file; upload it again")
    try:
        if compressed and not cast(BufferedReader, stream).peek(2).startswith(_GZIP_MAGIC):
            raise LandingError(
                f"{file.path} is not gzip, although its name ends in .gz; upload it compressed, or "
                "under a name without .gz"
            )
        source = igzip.open(stream, "rb") if compressed else stream
        block = source.read(_BLOCK_BYTES)
        if not compressed and block.startswith(_GZIP_MAGIC):
            raise LandingError(f"{file.path} is gzip; give it a name that ends in .gz")
        yield block.removeprefix(_BOM)
        while block := source.read(_BLOCK_BYTES):
            yield block
    except _DAMAGED as error:
        raise LandingError(
            f"{file.path} cannot be read to its end ({error}); upload it again"
        ) from error
