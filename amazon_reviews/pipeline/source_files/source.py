"""A landing file as numbered records with bounded memory, and its format as its content shows."""

from collections.abc import Iterable
from functools import partial
from itertools import chain
from types import EllipsisType
from typing import Any, BinaryIO

import orjson

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.avro import avro_records
from amazon_reviews.pipeline.source_files.charsets import (
    as_utf8,
    decoded,
    decodes_before_lines,
    find_charset,
    is_windows_1252,
    known_charset,
)
from amazon_reviews.pipeline.source_files.containers import binary_container, text_container
from amazon_reviews.pipeline.source_files.delimited import delimited_records, split_fields
from amazon_reviews.pipeline.source_files.formats import (
    Blocks,
    FileFormat,
    Numbered,
    Reading,
)
from amazon_reviews.pipeline.source_files.header import DelimitedText, find_layout
from amazon_reviews.pipeline.source_files.json_documents import array_records, object_records
from amazon_reviews.pipeline.source_files.lines import filled_lines, lines_of
from amazon_reviews.pipeline.source_files.paragraphs import paragraph_records
from amazon_reviews.pipeline.source_files.parquet import parquet_records
from amazon_reviews.pipeline.source_files.python_literals import literal_records
from amazon_reviews.pipeline.source_files.unpacking import HEAD_BYTES, UnpackedFile
from amazon_reviews.resources.landing.layout import LandingFile

_CONTAINERS: dict[str, Any] = {"lines": "json", "array": "json", "objects": "json"}
MAX_UNPACKED_BYTES = 200 * 10**9
"""The default of AMAZON_REVIEWS_MAX_UNPACKED_GB, in bytes."""

_SAMPLED_RECORDS = 1_000
_SAMPLED_BYTES = 1024 * 1024


class SourceFile:
    """An open landing file: its format, its first records, and all of its records once.

    Attributes:
        format: what the content of the file shows.
        sample: the first records, decoded; records that cannot be decoded are left out. At most
            1,000 and 1 MiB.
    """

    def __init__(self, file_format: FileFormat, records: Blocks) -> None:
        self.format = file_format
        self._records = (block for block in records if block)
        self._first = next(self._records, [])
        self.sample = _decoded_json(self._first)

    def records(self, *, quote: str | EllipsisType | None = ...) -> Blocks:
        """Yield all records, once, in blocks that are bounded by rows and by bytes.

        A record is UTF-8 text where its bytes are text of the charset, and unchanged elsewhere.
        `quote` replaces that of the format in a delimited file; None means that quotes are text.

        Raises:
            LandingError: the file cannot be read to its end.
        """
        return chain([self._first] if self._first else [], self._records)


class _DelimitedFile(SourceFile):
    def __init__(
        self, file_format: FileFormat, layout: DelimitedText, lines: Blocks, head: list[Numbered],
        path: str,
    ) -> None:  # fmt: skip
        self.format = file_format
        self._layout = layout
        self._path = path
        self._lines = lines
        self.sample = self._decoded(head)

    def records(self, *, quote: str | EllipsisType | None = ...) -> Blocks:
        """Yield all records, once; see `SourceFile`."""
        return self._split(self._lines, self._layout.quote if quote is ... else quote)

    def _split(self, lines: Blocks, quote: str | None) -> Blocks:
        layout = self._layout
        records = delimited_records(
            _after(lines, layout.last_header_line),
            self._path,
            layout.delimiter,
            quote,
            len(layout.header),
        )
        return (block for block in _in_utf8(records, self.format.charset) if block)

    def _decoded(self, head: list[Numbered]) -> list[dict[str, Any]]:
        sample: list[dict[str, Any]] = []
        try:
            for block in self._split(iter([head]), self._layout.quote):
                for _, text in _few(block):
                    values = self._values(text)
                    if values and len(sample) < _SAMPLED_RECORDS:
                        sample.append(values)
        except LandingError:
            # The head may end within a record.
            return sample
        return sample

    def _values(self, record: bytes) -> dict[str, Any] | None:
        layout = self._layout
        try:
            values = split_fields(record.decode(), layout.delimiter, layout.quote)
        except UnicodeDecodeError:
            return None
        whole = len(values) == len(layout.header)
        return dict(zip(layout.header, values, strict=True)) if whole else None


def open_source(
    stream: BinaryIO,
    file: LandingFile,
    reading: Reading = Reading(),  # noqa: B008
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
) -> SourceFile:
    """Return a landing file as records; `stream` has its bytes, and is read while they are.

    Raises:
        LandingError: the file cannot be read, is of a kind that is not known, has no usable header,
            or is unpacked to more than `max_unpacked_bytes`. The text names it and what to do.
    """
    path = file.path
    source = UnpackedFile(stream, file, max_unpacked_bytes)
    binary = None if reading.delimited else binary_container(source.head, path)
    if binary:
        records = (
            parquet_records(source, path, max_unpacked_bytes)
            if binary == "parquet"
            else avro_records(source, path)
        )
        return SourceFile(FileFormat(container=binary, compression=source.compression), records)
    return _text_source(source, path, reading)


def _text_source(source: UnpackedFile, path: str, reading: Reading) -> SourceFile:
    whole = len(source.head) < HEAD_BYTES
    charset, mark = find_charset(source.head, path)
    if reading.charset:
        charset = known_charset(reading.charset, path)
    head = source.head[mark:]
    source.read(mark)
    blocks: Iterable[bytes] = source.blocks()
    if decodes_before_lines(charset):
        head = b"".join(decoded([head], charset, path, whole=whole))
        blocks = decoded(blocks, charset, path)
    lines = _whole_lines(head, path, whole=whole)
    kind = "delimited" if reading.delimited else text_container(head, lines, path)
    if kind in ("delimited", "paragraphs") and charset == "utf-8" and not (mark or reading.charset):
        charset = "windows-1252" if is_windows_1252(head, whole=whole) else charset
    container = _CONTAINERS.get(kind, kind)
    file_format = partial(
        FileFormat, container=container, compression=source.compression, charset=charset
    )
    if kind == "delimited":
        if not lines and not whole:
            raise LandingError(
                f"{path}: its first line is longer than {HEAD_BYTES >> 20} MiB; this is not "
                "delimited text"
            )
        in_lines = "utf-8" if decodes_before_lines(charset) else charset
        layout = find_layout(lines, in_lines, reading, path)
        delimited = file_format(
            delimiter=layout.delimiter, quote=layout.quote, header=layout.header
        )
        return _DelimitedFile(delimited, layout, lines_of(blocks, path), lines, path)
    return SourceFile(file_format(), _text_records(kind, blocks, charset, path))


def _whole_lines(head: bytes, path: str, *, whole: bool) -> list[Numbered]:
    """Return the first lines, without one that is cut off."""
    text = head if whole else head.rpartition(b"\n")[0]
    return [numbered for block in lines_of([text], path) for numbered in block]


def _text_records(kind: str, blocks: Iterable[bytes], charset: str, path: str) -> Blocks:
    if kind in ("array", "objects"):
        if charset != "utf-8" and not decodes_before_lines(charset):
            blocks = decoded(blocks, charset, path)
        return (array_records if kind == "array" else object_records)(blocks, path)
    if kind == "paragraphs":
        return paragraph_records(lines_of(blocks, path), charset, path)
    lines = _in_utf8(filled_lines(blocks, path), charset)
    return map(literal_records, lines) if kind == "python" else lines


def _in_utf8(blocks: Blocks, charset: str) -> Blocks:
    if charset == "utf-8" or decodes_before_lines(charset):
        return blocks
    return ([(number, as_utf8(text, charset)) for number, text in block] for block in blocks)


def _after(lines: Blocks, last: int) -> Blocks:
    """Yield the lines after the header."""
    for block in lines:
        yield [line for line in block if line[0] > last] if block and block[0][0] <= last else block


def _few(records: list[Numbered]) -> list[Numbered]:
    """Return the first records, at most 1,000 and 1 MiB."""
    few, size = [], 0
    for numbered in records[:_SAMPLED_RECORDS]:
        size += len(numbered[1])
        if size > _SAMPLED_BYTES:
            break
        few.append(numbered)
    return few


def _decoded_json(records: list[Numbered]) -> list[dict[str, Any]]:
    sample = []
    for _, text in _few(records):
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if isinstance(record, dict):
            sample.append(record)
    return sample
