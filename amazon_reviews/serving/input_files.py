"""Files that users hand over: their lines and the records of delimited files.

Files may be compressed with gzip, Zstandard or bzip2; the content decides. A file or line that
cannot be read raises InputFileError, which names the file and the line.
"""

import bz2
import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa

from amazon_reviews.errors import InputFileError
from amazon_reviews.plain_file import open_plain_file

_BOM = b"\xef\xbb\xbf"
_LONGEST = 1 << 22
"""The most bytes of a line and characters of a field: memory is bounded whatever a file holds."""
_SAMPLE_LINES, _SAMPLE_BYTES = 1_000, 1 << 20
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_BLANKS = " \t\r\n"


class CsvFile(NamedTuple):
    """A CSV file: its header, the places of the requested columns, and its rows by line number."""

    header: list[str]
    places: list[int]
    rows: Iterator[tuple[int, list[str]]]


class Sample(NamedTuple):
    """The first lines of a file; `cut` if the file has more."""

    lines: list[str]
    cut: bool

    def first_line(self) -> str:
        """Return the first line that is not empty, shortened for a message."""
        line = next((line.strip() for line in self.lines if line.strip()), "")
        return line if len(line) <= 100 else f"{line[:100]}…"

    def rows(self, delimiter: str, *, quoted: bool = True) -> list[list[str]]:
        """Return the records as far as they can be read; empty lines are left out."""
        rows: list[list[str]] = []
        reader = _reader(self.lines, delimiter, quoted=quoted)
        try:
            for row in reader:
                rows += [row] if row else []
        except csv.Error:
            # A record that goes on after the sample counts as one like the first.
            if self.cut and rows and reader.line_num == len(self.lines):
                rows.append(rows[0])
        return rows

    def is_quoted(self, delimiter: str) -> bool:
        """Return True if quotes enclose fields, False if they are part of the text.

        Only tab-separated files are in doubt. The reading with more records as long as the first
        one is the right one.
        """
        if delimiter != "\t":
            return delimiter != COLONS

        def regular(rows: list[list[str]]) -> int:
            return sum(len(row) == len(rows[0]) for row in rows)

        quoted, plain = self.rows(delimiter), self.rows(delimiter, quoted=False)
        return regular(quoted) >= regular(plain)


COLONS = "::"
"""The delimiter of the MovieLens file `ratings.dat`."""


def read_csv(path: Path, columns: Sequence[str], name: str | None = None) -> CsvFile:
    """Open a CSV file whose first line names these columns, in any case and order.

    Every row has as many fields as the header; empty lines are skipped. Errors call the file
    `name`, or else by its path.

    Raises:
        InputFileError: the file cannot be read or lacks a column. Iterating over the rows raises
            it for a bad row.
    """
    name = name or str(path)
    rows = delimited_rows(path, name)
    header = next(rows, (1, []))[1]
    names = [column.strip().lower() for column in header]
    if missing := [column for column in columns if column not in names]:
        columns_there = ", ".join(header) or "nothing"
        raise InputFileError(
            f"{name} has no column {', '.join(missing)} in its first line, only: {columns_there}"
        )
    return CsvFile(header, [names.index(column) for column in columns], rows)


def sample(path: Path) -> Sample:
    """Return the first lines of a file, at most 1,000 and about 1 MiB.

    Raises:
        InputFileError: the file cannot be read.
    """
    lines: list[str] = []
    size = 0
    for line in islice(text_lines(path, str(path)), _SAMPLE_LINES):
        lines.append(line)
        size += len(line)
        if size > _SAMPLE_BYTES:
            break
    return Sample(lines, cut=len(lines) == _SAMPLE_LINES or size > _SAMPLE_BYTES)


def delimited_rows(
    path: Path, name: str, delimiter: str = ",", *, quoted: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a delimited file, each with the number of the line where it begins.

    Raises:
        InputFileError: the file cannot be read, or a record is longer or shorter than the first.
    """
    reader = _reader(text_lines(path, name), delimiter, quoted=quoted)
    fields, begin = 0, 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputFileError(f"{name}, line {begin}: {error}") from None
        if row is None:
            return
        fields = fields or len(row)
        if row and len(row) != fields:
            raise InputFileError(
                f"{name}, line {begin}: {len(row)} fields, the first line has {fields}"
            )
        if row:
            yield begin, row
        begin = reader.line_num + 1


def text_lines(path: Path, name: str) -> Iterator[str]:
    """Yield the lines as text, without a byte order mark.

    Raises:
        InputFileError: the file cannot be read, or a line is not UTF-8 or longer than 4 MiB.
    """
    for number, line in lines(path, name):
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise InputFileError(f"{name}, line {number} is not UTF-8") from None


def lines(path: Path, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines by number, from 1, without a byte order mark.

    Raises:
        InputFileError: the file cannot be read, or a line is longer than 4 MiB.
    """
    number = 0
    try:
        with _opened(path) as file:
            while line := file.readline(_LONGEST + 1):
                number += 1
                if len(line) > _LONGEST:
                    raise InputFileError(f"{name}, line {number} is longer than 4 MiB")
                yield number, line.removeprefix(_BOM) if number == 1 else line
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputFileError(f"{name} breaks off after line {number}") from None
    except OSError as error:
        if "Truncated" in str(error):
            raise InputFileError(f"{name} breaks off after line {number}") from None
        raise InputFileError(f"{name} cannot be read: {error.strerror or error}") from None


def number(text: str) -> float | None:
    """Return the finite decimal number in a text, read as the pipeline reads it, or None."""
    # The rule is that of `transforms.strict_json.number`. float() also reads "1_0" and "nan".
    value = float(text) if _NUMBER.fullmatch(text := text.strip(_BLANKS)) else math.nan
    return value if math.isfinite(value) else None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile | bz2.BZ2File]:
    with open_plain_file(path) as file:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            yield gzip.GzipFile(fileobj=file)
        elif magic.startswith(b"BZh"):
            yield bz2.BZ2File(file)
        elif magic == b"\x28\xb5\x2f\xfd":
            yield io.BufferedReader(pa.input_stream(file, compression="zstd"))
        else:
            yield file


class _Colons:
    """Records of lines whose fields are separated by `::`, with the interface of a csv reader."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.line_num = 0

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        line = next(self._lines).rstrip("\r\n")
        self.line_num += 1
        return line.split(COLONS) if line else []


def _reader(lines: Iterable[str], delimiter: str, *, quoted: bool) -> Any:
    if delimiter == COLONS:
        return _Colons(lines)
    # A review may be longer than the module's default of 131,072 characters.
    csv.field_size_limit(_LONGEST)
    # In a comma-separated file a stray quote is legal; in others it shows that quotes are text.
    return csv.reader(
        lines,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=delimiter == "\t",
    )
