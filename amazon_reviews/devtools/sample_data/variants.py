"""The two variants of reviews of amazon_2018: the public files and the datathon's files.

A fragment is a complete `"key": value`. An empty fragment omits its key.
"""

import json
from calendar import timegm
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import product
from operator import itemgetter

from amazon_reviews.devtools.sample_data.categories import CATEGORIES, Category
from amazon_reviews.devtools.sample_data.identifiers import reviewer_names

FIRST_DAY = date(1999, 1, 1)
LAST_DAY = date(2018, 10, 2)
LARGEST_VOTE = 2_400
STYLES = 40  # for each department
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
class Variant:
    """The fragments of a variant.

    Attributes:
        ascii_only: True if other characters are escaped.
        colon: Separator between key and value.
        comma: Separator between fields.
        overall: By stars, 0 to 5.
        verified: False, True.
        votes: By number of votes.
        days: The reviewTime of each day from FIRST_DAY.
        unix_days: The unixReviewTime of each day from FIRST_DAY.
        styles: STYLES for each department.
        names: By number of the name.
        images: By number of the list of images.
        orders: Orders of the keys, the most frequent one first.
        unknown: Fields that are not in the schema, with the closing brace.
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
        """Return `"name": ` with the spacing of this variant."""
        return f'"{name}"{self.colon}'


@cache
def public() -> Variant:
    """Return the variant of the 2018 data set: objects nested, 5.0, true, spaces, ASCII."""
    return _variant(True, (_PUBLIC, _PUBLIC_OLD, _PUBLIC_MIXED))


@cache
def datathon() -> Variant:
    """Return the variant of the datathon: objects as JSON text, 5, "true", no reviewTime, UTF-8."""
    return _variant(False, (_DATATHON, _DATATHON_SORTED))


def day_count() -> int:
    """Return the number of days from FIRST_DAY to LAST_DAY."""
    return (LAST_DAY - FIRST_DAY).days + 1


def _variant(is_public: bool, orders: tuple[tuple[str, ...], ...]) -> Variant:
    colon, comma = (": ", ", ") if is_public else (":", ",")

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=is_public, separators=(comma, colon))

    def pair(name: str, value: object) -> str:
        return f'"{name}"{colon}{text(value)}'

    def packed(name: str, value: object) -> str:
        return pair(name, value if is_public else text(value))

    days = [FIRST_DAY + timedelta(days=number) for number in range(day_count())]
    return Variant(
        ascii_only=is_public,
        colon=colon,
        comma=comma,
        overall=tuple(pair("overall", float(n) if is_public else n) for n in range(6)),
        verified=tuple(pair("verified", flag if is_public else text(flag)) for flag in _FLAGS),
        votes=tuple(pair("vote", _vote(n, is_public)) for n in range(LARGEST_VOTE + 1)),
        days=tuple(
            pair("reviewTime", f"{day:%m} {day.day}, {day.year}") if is_public else ""
            for day in days
        ),
        unix_days=tuple(pair("unixReviewTime", timegm(day.timetuple())) for day in days),
        styles=tuple(packed("style", style) for c in CATEGORIES for style in _styles(c)),
        names=tuple(pair("reviewerName", name) for name in reviewer_names()),
        images=tuple(packed("image", _images(n)) for n in range(IMAGES)),
        orders=tuple(itemgetter(*map(COLUMNS.index, order)) for order in orders),
        unknown=tuple(f"{comma}{pair(key, value)}}}" for key, value in UNKNOWN_FIELDS),
    )


def _vote(votes: int, is_public: bool) -> str | float:
    """Return text with a comma for thousands; the datathon's files also contain floats."""
    return f"{votes:,}" if is_public or votes % 3 else float(votes)


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
