"""The two ways the source writes a review: the public files' and the datathon's.

A fragment is a ready `"key": value`; the empty string stands for a key that is left out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product
from operator import itemgetter

from amazon_reviews.devtools.sample_data.categories import CATEGORIES, Category
from amazon_reviews.devtools.sample_data.names import reviewer_names

FIRST_DAY = date(1999, 1, 1)
LAST_DAY = date(2018, 10, 2)
LARGEST_VOTE = 2_400
STYLES = 40  # variants for each department
IMAGES = 400
UNKNOWN_FIELDS = (
    ("helpfulRank", 3),
    ("reviewUrl", "https://www.amazon.com/review/R1"),
    ("badges", ["VINE", "TOP 500"]),
    ("location", {"country": "US", "state": None}),
)

COLUMNS = (
    "image",
    "overall",
    "vote",
    "verified",
    "reviewTime",
    "reviewerID",
    "asin",
    "style",
    "reviewerName",
    "reviewText",
    "summary",
    "unixReviewTime",
)
_PUBLIC = COLUMNS
_PUBLIC_OLD = (
    "reviewerID",
    "asin",
    "reviewerName",
    "verified",
    "reviewText",
    "overall",
    "reviewTime",
    "summary",
    "unixReviewTime",
    "vote",
    "style",
    "image",
)
_PUBLIC_MIXED = (
    "overall",
    "vote",
    "verified",
    "reviewTime",
    "asin",
    "reviewerID",
    "style",
    "reviewerName",
    "summary",
    "reviewText",
    "image",
    "unixReviewTime",
)
_DATATHON = (
    "asin",
    "overall",
    "reviewText",
    "reviewerID",
    "reviewerName",
    "summary",
    "unixReviewTime",
    "verified",
    "style",
    "vote",
    "image",
    "reviewTime",
)
_DATATHON_SORTED = tuple(sorted(COLUMNS))
_FLAGS = (False, True)
Order = Callable[[tuple[str, ...]], tuple[str, ...]]


@dataclass(frozen=True)
class Dialect:
    """Fragments of one way of writing.

    overall: by stars, 0 to 5; verified: False, True; votes: by number of votes; days: the
    reviewTime of each day from FIRST_DAY, unix_days the unixReviewTime; styles: STYLES for each
    department; orders: key orders, the usual one first; unknown: fields that no schema knows,
    with the closing brace.
    """

    ascii_only: bool
    colon: str
    comma: str
    overall: tuple[str, ...]
    verified: tuple[str, ...]
    votes: tuple[str, ...]
    days: tuple[str, ...]
    unix_days: tuple[str, ...]
    styles: tuple[str, ...]
    names: tuple[str, ...]
    images: tuple[str, ...]
    orders: tuple[Order, ...]
    unknown: tuple[str, ...]

    def key(self, name: str) -> str:
        """`"name": ` with this dialect's spacing."""
        return f'"{name}"{self.colon}'


@cache
def public() -> Dialect:
    """As in the files of the 2018 data set: objects nested, 5.0, true, spaces, ASCII."""
    return _dialect(True, (_PUBLIC, _PUBLIC_OLD, _PUBLIC_MIXED))


@cache
def datathon() -> Dialect:
    """As in the datathon's files: objects as JSON text, 5, "true", no reviewTime, UTF-8."""
    return _dialect(False, (_DATATHON, _DATATHON_SORTED))


def day_count() -> int:
    """Number of days from FIRST_DAY to LAST_DAY."""
    return (LAST_DAY - FIRST_DAY).days + 1


def _dialect(is_public: bool, orders: tuple[tuple[str, ...], ...]) -> Dialect:
    colon, comma = (": ", ", ") if is_public else (":", ",")

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=is_public, separators=(comma, colon))

    def pair(name: str, value: object) -> str:
        return f'"{name}"{colon}{text(value)}'

    def packed(name: str, value: object) -> str:
        return pair(name, value if is_public else text(value))

    days = [FIRST_DAY + timedelta(days=number) for number in range(day_count())]
    return Dialect(
        ascii_only=is_public,
        colon=colon,
        comma=comma,
        overall=tuple(pair("overall", float(n) if is_public else n) for n in range(6)),
        verified=tuple(pair("verified", flag if is_public else text(flag)) for flag in _FLAGS),
        votes=tuple(pair("vote", _vote(n, is_public)) for n in range(LARGEST_VOTE + 1)),
        days=tuple(pair("reviewTime", _day(day)) if is_public else "" for day in days),
        unix_days=tuple(pair("unixReviewTime", _unix(day)) for day in days),
        styles=tuple(packed("style", style) for c in CATEGORIES for style in _styles(c)),
        names=tuple(pair("reviewerName", name) for name in reviewer_names()),
        images=tuple(packed("image", _images(n)) for n in range(IMAGES)),
        orders=tuple(itemgetter(*map(COLUMNS.index, order)) for order in orders),
        unknown=tuple(f"{comma}{pair(key, value)}}}" for key, value in UNKNOWN_FIELDS),
    )


def _vote(votes: int, is_public: bool) -> str | float:
    """Text with a comma for thousands; the datathon's files also hold plain floats."""
    return f"{votes:,}" if is_public or votes % 3 else float(votes)


def _day(day: date) -> str:
    return f"{day:%m} {day.day}, {day.year}"


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _styles(category: Category) -> list[dict[str, str]]:
    keys = [key for key, _ in category.styles]
    values = list(product(*(values for _, values in category.styles)))
    return [
        {key: f" {value}" for key, value in zip(keys, values[n * 7 % len(values)], strict=True)}
        for n in range(STYLES)
    ]


def _images(number: int) -> list[str]:
    name = "https://images-na.ssl-images-amazon.com/images/I/71{:04X}{:02d}bL._SY88.jpg"
    return [name.format(number * 131 % 65536, place) for place in range(1 + number % 3)]
