"""Numbers, months and names as the sentences of the findings have them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.product_names import product_name

_LONGEST_NAME = 60


def number_of(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: 1 product, 1,234 products."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def interval(low: float, high: float, form: str = ".2f") -> str:
    """Return the ends of a 95 % interval."""
    return f"95 % interval {low:{form}} to {high:{form}}"


def q_is(q_value: float) -> str:
    """Return a q-value with two digits: q = 0.034."""
    return "q < 0.001" if q_value < 0.001 else f"q = {q_value:.2g}"


def month_of(day: date) -> str:
    """Return a month with its year: March 2018."""
    return f"{day:%B %Y}"


def months_from(first: date, last: date) -> str:
    """Return a period of months: in March 2018, from March to May 2018."""
    if (first.year, first.month) == (last.year, last.month):
        return f"in {month_of(first)}"
    begin = f"{first:%B}" if first.year == last.year else month_of(first)
    return f"from {begin} to {month_of(last)}"


def listed(texts: Sequence[str]) -> str:
    """Return texts as a list in a sentence: a, b and c."""
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def shortened(name: str) -> str:
    """Return a name of the data, cut if it is very long."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME].rstrip()}…"


def product_in_text(product: Mapping[str, Any]) -> str:
    """Return the name of a product with its asin, or the asin alone."""
    name = product_name(product)
    return product["asin"] if name == UNKNOWN else f"{shortened(name)} ({product['asin']})"
