"""Files that users hand over: CSV and JSON lines, gzipped or not.

A file or line that cannot be read raises InputFileError, which names the file and the line.
"""

import csv
import gzip
import math
import re
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
import pyarrow as pa

from amazon_reviews.errors import InputFileError
from amazon_reviews.models.recommender.interactions import LONGEST_ID, Interactions
from amazon_reviews.models.sentiment.examples import Examples

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_LONGEST_FIELD = 1 << 30
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_BLANKS = " \t\r\n"

_RATING_COLUMNS = ("user", "item", "rating", "timestamp")
_MILLISECONDS_FROM = 1e11
"""As seconds, a number from here on would be in the year 5138 or later."""
_FLOAT_ID = re.compile(r"[0-9]+\.0")

_REVIEWS_AT_ONCE = 5_000
_TEXTS = {"summary": "summary", "reviewText": "review_text"}
_REVIEW_SCHEMA = pa.schema(
    [("summary", pa.string()), ("review_text", pa.string()), ("overall", pa.float64())]
)


class CsvFile(NamedTuple):
    """A CSV file: its header, the places of the requested columns, and its rows by line number."""

    header: list[str]
    places: list[int]
    rows: Iterator[tuple[int, list[str]]]


def read_csv(path: Path, columns: Sequence[str], name: str | None = None) -> CsvFile:
    """Open a CSV file whose first line names these columns, in any case and order.

    Every row has as many fields as the header; empty lines are skipped. Errors call the file
    `name`, or else by its path.

    Raises:
        InputFileError: the file cannot be read or lacks a column. Iterating over the rows raises
            it for a bad row.
    """
    name = name or str(path)
    rows = _csv_rows(path, name)
    header = next(rows, (1, []))[1]
    names = [column.strip().lower() for column in header]
    if missing := [column for column in columns if column not in names]:
        columns_there = ", ".join(header) or "nothing"
        raise InputFileError(
            f"{name} has no column {', '.join(missing)} in its first line, only: {columns_there}"
        )
    return CsvFile(header, [names.index(column) for column in columns], rows)


def read_reviews(path: Path) -> Iterator[Examples]:
    """Read a file of reviews as JSON lines in the source's format, a few thousand at a time.

    Raises:
        InputFileError: the file cannot be read, or a line is not a review.
    """
    name = str(path)
    lines = ((number, line) for number, line in _lines(path, name) if line.strip())
    reviews = (_review(line, f"{name}, line {number}") for number, line in lines)
    while rows := list(islice(reviews, _REVIEWS_AT_ONCE)):
        yield Examples.from_arrow(pa.Table.from_pylist(rows, _REVIEW_SCHEMA))


def read_ratings(path: Path) -> Interactions:
    """Read a CSV file of ratings with the columns `user`, `item`, `rating` and `timestamp`.

    If all users, or all items, are written like `1.0` (pandas may do so), they are read as `1`.

    Raises:
        InputFileError: the file cannot be read, lacks a column, has a row that is not a rating, or
            has no row.
    """
    file = read_csv(path, _RATING_COLUMNS)
    users, items, stars, times = [], [], [], []
    for number, row in file.rows:
        try:
            user, item, rating, time = _rating([row[place].strip() for place in file.places])
        except ValueError as error:
            raise InputFileError(f"{path}, line {number}: {error}") from None
        users.append(user)
        items.append(item)
        stars.append(rating)
        times.append(time)
    if not users:
        raise InputFileError(f"{path} has no ratings")
    return Interactions.from_rows(_without_decimals(users), _without_decimals(items), stars, times)


def _lines(path: Path, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines by number, from 1, without a byte order mark."""
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                yield number, line.removeprefix(_BOM) if number == 1 else line
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputFileError(f"{name} breaks off after line {number}") from None
    except OSError as error:
        raise InputFileError(f"{name} cannot be read: {error.strerror or error}") from None


def _open(path: Path) -> IO[bytes] | gzip.GzipFile:
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    return gzip.open(path, "rb") if is_gzip else path.open("rb")


def _csv_rows(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    # A review may be longer than the module's default of 131,072 characters.
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(_text_lines(path, name))
    fields = 0
    try:
        for row in filter(None, reader):
            fields = fields or len(row)
            if len(row) != fields:
                raise InputFileError(
                    f"{name}, line {reader.line_num}: {len(row)} fields, the first line has "
                    f"{fields}"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise InputFileError(f"{name}, line {reader.line_num}: {error}") from None


def _text_lines(path: Path, name: str) -> Iterator[str]:
    for number, line in _lines(path, name):
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise InputFileError(f"{name}, line {number} is not UTF-8") from None


def _review(line: bytes, place: str) -> dict[str, Any]:
    try:
        review = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputFileError(f"{place} is not JSON: {error.msg}") from None
    if not isinstance(review, dict):
        raise InputFileError(f"{place} is not a JSON object")
    for field in _TEXTS:
        if isinstance(review.get(field), list | dict):
            raise InputFileError(f"{place}: {field} is not a text")
    overall = _as_text(review.get("overall")) or ""
    stars = _number(overall)
    if overall.strip() and stars is None:
        raise InputFileError(f"{place}: overall is not a number")
    texts = {column: _as_text(review.get(field)) for field, column in _TEXTS.items()}
    return {"overall": stars, **texts}


def _as_text(value: Any) -> str | None:
    """Return a value as text: files may have numbers for texts and the reverse."""
    return value if isinstance(value, str | None) else orjson.dumps(value).decode()


def _number(text: str) -> float | None:
    """Return the finite decimal number in a text, read as the pipeline reads it, or None."""
    # The rule is that of `transforms.strict_json.number`. float() also reads "1_0" and "nan".
    value = float(text) if _NUMBER.fullmatch(text := text.strip(_BLANKS)) else math.nan
    return value if math.isfinite(value) else None


def _rating(fields: Sequence[str]) -> tuple[str, str, float, int]:
    user, item, rating, timestamp = fields
    for column, text in (("user", user), ("item", item)):
        if not text:
            raise ValueError(f"{column} is empty")
        if len(text) > LONGEST_ID:
            raise ValueError(f"{column} has {len(text)} characters, at most are {LONGEST_ID}")
    stars = _number(rating)
    if stars is None or abs(stars) > 1e6:
        raise ValueError(f"rating {rating!r} is not a number")
    return user, item, stars, _seconds(timestamp)


def _seconds(text: str) -> int:
    """Return the seconds since 1970 of a number of seconds or milliseconds, or of a date."""
    try:
        value = float(text)
    except ValueError:
        return _seconds_of_date(text)
    if not math.isfinite(value) or abs(value) > 1e15:
        raise ValueError(f"timestamp {text!r} is not a number of seconds since 1970")
    return int(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value)


def _seconds_of_date(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"timestamp {text!r} is neither a number of seconds since 1970 nor a date"
        ) from None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())


def _without_decimals(ids: Sequence[str]) -> list[str]:
    floats = all(map(_FLOAT_ID.fullmatch, ids))
    return [text.removesuffix(".0") if floats else text for text in ids]
