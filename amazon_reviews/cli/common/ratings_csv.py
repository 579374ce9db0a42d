"""A CSV file of ratings, read into interactions; an error names the line."""

import csv
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from amazon_reviews.errors import InputFileError
from amazon_reviews.models.recommender.interactions import LONGEST_ID, Interactions
from amazon_reviews.serving.numbers import number

COLUMNS = ("user", "item", "rating", "timestamp")
# As seconds, larger numbers would be in the year 5138 or later.
_MILLISECONDS_FROM = 1e11
_FLOAT_ID = re.compile(r"[0-9]+\.0")


def read_ratings(path: Path) -> Interactions:
    """Return the ratings of a file whose header has `user`, `item`, `rating` and `timestamp`.

    If all users, or all items, are written as `1.0` (as pandas may do), they are read as `1`.

    Raises:
        InputFileError: the file cannot be read, lacks a column, has an unusable row, or no row.
    """
    users, items, ratings, times = [], [], [], []
    for user, item, rating, time in _ratings(path):
        users.append(user)
        items.append(item)
        ratings.append(rating)
        times.append(time)
    if not users:
        raise InputFileError(f"{path} has no ratings")
    return Interactions.from_rows(_ids(users), _ids(items), ratings, times)


def _ids(texts: list[str]) -> list[str]:
    floats = all(map(_FLOAT_ID.fullmatch, texts))
    return [text.removesuffix(".0") for text in texts] if floats else texts


def _ratings(path: Path) -> Iterator[tuple[str, str, float, int]]:
    reader = csv.reader(_lines(path))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        positions = _positions(header, path)
        for row in filter(None, reader):
            try:
                yield _rating(row, len(header), positions)
            except ValueError as error:
                raise InputFileError(f"{path}, line {reader.line_num}: {error}") from None
    except csv.Error as error:
        raise InputFileError(f"{path}, line {reader.line_num}: {error}") from None


def _positions(header: list[str], path: Path) -> list[int]:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        present = ", ".join(header) or "nothing"
        raise InputFileError(
            f"{path} has no column {', '.join(missing)} in its first line, only: {present}"
        )
    return [header.index(name) for name in COLUMNS]


def _rating(row: list[str], fields: int, positions: list[int]) -> tuple[str, str, float, int]:
    if len(row) != fields:
        raise ValueError(f"{len(row)} fields, the first line has {fields}")
    user, item, rating, timestamp = (row[position].strip() for position in positions)
    if not user or not item:
        raise ValueError(f"{'item' if user else 'user'} is empty")
    for name, text in (("user", user), ("item", item)):
        if len(text) > LONGEST_ID:
            raise ValueError(f"{name} has {len(text)} characters, at most are {LONGEST_ID}")
    return user, item, _number(rating), _seconds(timestamp)


def _number(text: str) -> float:
    rating = number(text)
    if rating is None or abs(rating) > 1e6:
        raise ValueError(f"rating {text!r} is not a number")
    return rating


def _seconds(text: str) -> int:
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_of_date(text)
    if not math.isfinite(seconds) or abs(seconds) > 1e15:
        raise ValueError(f"timestamp {text!r} is not a number of seconds since 1970")
    return int(seconds / 1000 if abs(seconds) >= _MILLISECONDS_FROM else seconds)


def _seconds_of_date(text: str) -> int:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"timestamp {text!r} is neither a number of seconds since 1970 nor a date"
        ) from None
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())


def _lines(path: Path) -> Iterator[str]:
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise InputFileError(f"{path}, line {number} is not UTF-8") from None
    except OSError as error:
        raise InputFileError(f"{path} cannot be read: {error.strerror}") from None
