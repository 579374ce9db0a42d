"""Excess of negative reviews per category, computed as in the mart gold/category_ratings.

The formulas are explained in `amazon_reviews/transforms/marts/significance.py`. They are repeated
here because filters change the counts, and SQL has no functions for them.
"""

import math
from collections.abc import Sequence

import pyarrow as pa

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.intervals import difference_of_shares

_COLUMNS = ("excess_negative", "excess_low", "excess_high", "q_value")


def with_excess(categories: pa.Table) -> pa.Table:
    """Add excess_negative, excess_low, excess_high and q_value to rows with main_category.

    All four are null for Unknown, for categories without rated reviews, and without another one.
    """
    rows = categories.to_pylist()
    all_negative, all_rated = (
        sum(row[name] or 0 for row in rows) for name in ("negative", "rated")
    )
    compared = [
        row for row in rows if row["main_category"] != UNKNOWN and 0 < row["rated"] < all_rated
    ]
    p_values = []
    for row in compared:
        part, whole = row["negative"], row["rated"]
        counts = part, whole, all_negative - part, all_rated - whole
        weight = whole * (all_rated - whole) / all_rated
        row["excess_negative"], row["excess_low"], row["excess_high"] = (
            weight * difference for difference in difference_of_shares(*counts)
        )
        p_values.append(_two_sided(*counts))
    for row, q_value in zip(compared, q_values(p_values), strict=True):
        row["q_value"] = q_value
    for name in _COLUMNS:
        values = pa.array([row.get(name) for row in rows], pa.float64())
        categories = categories.append_column(name, values)
    return categories


def _two_sided(part: int, whole: int, others: int, other_whole: int) -> float:
    """Return the probability of shares at least as different, by the likelihood-ratio test."""
    expected = whole * (part + others) / (whole + other_whole)
    other_expected = part + others - expected
    nearer = max(-0.5, min(0.5, part - expected))
    cells = (
        (part - nearer, expected),
        (whole - part + nearer, whole - expected),
        (others + nearer, other_expected),
        (other_whole - others - nearer, other_whole - other_expected),
    )
    deviance = sum(
        count * math.log(count / mean) for count, mean in cells if count > 0 and mean > 0
    )
    return math.erfc(math.sqrt(max(0.0, deviance)))


def q_values(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, by Benjamini and Hochberg."""
    adjusted: dict[int, float] = {}
    smallest = 1.0
    descending = sorted(range(len(p_values)), key=lambda place: -p_values[place])
    for rank, place in zip(range(len(p_values), 0, -1), descending, strict=True):
        smallest = min(smallest, p_values[place] * len(p_values) / rank)
        adjusted[place] = smallest
    return [adjusted[place] for place in range(len(p_values))]
