"""Rows of a Parquet file as JSON objects.

Reading needs the end of the file first. A file that is compressed as a whole, or comes from an
object store, is copied to a temporary file on disk, which the system removes when it is closed.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.canonical import canonical_json
from amazon_reviews.pipeline.source_files.formats import BLOCK_BYTES, Blocks
from amazon_reviews.pipeline.source_files.unpacking import UnpackedFile

_MOST_ROWS = 4_096
# Each value of a batch is a Python object.
_MOST_VALUES = 500_000
_COLUMN_BUFFER_BYTES = 256 * 1024
# In a larger column most texts are stored as they are, and a dictionary of them is slow to build.
_LARGEST_DICTIONARY_BYTES = 8 * 1024 * 1024
_COPY_BYTES = 8 * 1024 * 1024
_DAMAGED = (
    pa.ArrowException,
    OSError,
    ValueError,
    OverflowError,
    KeyError,
    TypeError,
    RecursionError,
)


def parquet_records(source: UnpackedFile, path: str, max_bytes: int) -> Blocks:
    """Yield the rows of a Parquet file, numbered from 1.

    Raises:
        LandingError: the file is damaged, repeats the name of a column, or holds more than
            `max_bytes`.
    """
    with _seekable(source) as stream:
        try:
            yield from _rows(stream, path, max_bytes)
        except _DAMAGED as error:
            raise LandingError(
                f"{path} cannot be read to its end as Parquet ({error}); upload it again"
            ) from error


def _seekable(source: UnpackedFile) -> BinaryIO:
    if source.stored is not None and source.stored.seekable():
        return source.stored
    with ExitStack() as closing:
        copy = closing.enter_context(tempfile.TemporaryFile())
        while block := source.read(_COPY_BYTES):
            copy.write(block)
        closing.pop_all()
    return copy


def _rows(stream: BinaryIO, path: str, max_bytes: int) -> Blocks:
    stream.seek(0)
    metadata = pq.read_metadata(stream)
    stream.seek(0)
    file = pq.ParquetFile(
        stream,
        metadata=metadata,
        read_dictionary=_stored_once(metadata),
        buffer_size=_COLUMN_BUFFER_BYTES,
        pre_buffer=False,
    )
    names = file.schema_arrow.names
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise LandingError(f"{path}: its schema names the column {', '.join(repeated)} twice")
    groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    if sum(group.total_byte_size for group in groups) > max_bytes:
        raise LandingError(
            f"{path} holds more than {max_bytes / 10**9:g} GB; if that is right, set "
            "AMAZON_REVIEWS_MAX_UNPACKED_GB to more"
        )
    before = 0
    for batch in file.iter_batches(_batch_rows(file.metadata), use_threads=False):
        for texts in _texts(batch, names):
            yield list(enumerate(texts, before + 1))
            before += len(texts)


def _stored_once(metadata: pq.FileMetaData) -> list[str]:
    """Return the columns whose texts are stored once each: a few bytes may stand for gigabytes."""
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    columns = [group.column(at) for group in groups for at in range(metadata.num_columns)]
    return sorted(
        {
            column.path_in_schema
            for column in columns
            if column.has_dictionary_page
            and column.physical_type == "BYTE_ARRAY"
            and column.total_uncompressed_size <= _LARGEST_DICTIONARY_BYTES
        }
    )


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """Return the rows of a batch, so that its values and bytes are few."""
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    widest = max((g.total_byte_size / g.num_rows for g in groups if g.num_rows), default=1)
    by_bytes = int(BLOCK_BYTES / max(widest, 1))
    return max(1, min(_MOST_ROWS, _MOST_VALUES // max(metadata.num_columns, 1), by_bytes))


def _texts(batch: pa.RecordBatch, names: list[str]) -> Iterator[list[bytes]]:
    """Yield the rows of a batch as JSON, in lists of a few MiB."""
    columns = [_values(column) for column in batch.columns]
    texts: list[bytes] = []
    size = 0
    for row in range(batch.num_rows):
        record = {name: values[row] for name, values in zip(names, columns, strict=True)}
        texts.append(canonical_json(record))
        size += len(texts[-1])
        if size > BLOCK_BYTES:
            yield texts
            texts, size = [], 0
    yield texts


def _values(column: pa.Array) -> list[Any]:
    """Return a column as Python values; a 32-bit number has the digits that it was written with."""
    if pa.types.is_dictionary(column.type):
        return _shared_values(column)
    if pa.types.is_float32(column.type) or pa.types.is_float16(column.type):
        shortest = pc.cast(pc.cast(column, pa.float32()), pa.string())
        return [None if text is None else float(text) for text in shortest.to_pylist()]
    try:
        return column.to_pylist(maps_as_pydicts="strict")
    except KeyError:
        # A map that repeats a key is a list of pairs.
        return column.to_pylist()


def _shared_values(column: pa.DictionaryArray) -> list[Any]:
    """Return the values of a column that has each of its values once in memory."""
    positions = column.indices.to_pylist()
    used = sorted({position for position in positions if position is not None})
    texts = _values(column.dictionary.take(pa.array(used, pa.int64())))
    values = dict(zip(used, texts, strict=True))
    return [None if position is None else values[position] for position in positions]
