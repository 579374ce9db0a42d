"""95 % confidence intervals: of shares and shrunk means in SQL, of a difference in Python."""

import math

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.vocabulary import PRIOR_REVIEWS

NORMAL_95 = 1.959963984540054


def share_columns(part: str, whole: str) -> str:
    """Return the columns share_low and share_high: Wilson's interval of the share part / whole.

    It holds for few values and for shares near 0 and 1 too: 0 of 2 gives 0 to 0.66. Null for a
    whole of 0. Source: Wilson, JASA 22 (1927), 209-212.
    """
    share, n, square = f"({part} / NULLIF({whole}, 0))", f"NULLIF({whole}, 0)", NORMAL_95**2
    centre = f"({share} + {square / 2} / {n})"
    margin = f"{NORMAL_95} * SQRT(({share} * (1 - {share}) + {square / 4} / {n}) / {n})"
    ends = {"share_low": f"{centre} - {margin}", "share_high": f"{centre} + {margin}"}
    return ", ".join(f"({end}) / (1 + {square} / {n}) AS {name}" for name, end in ends.items())


def shrunk_columns(warehouse: Warehouse) -> str:
    """Return the columns of a mart `m` with shrunk means, with their intervals."""
    return (
        "m.reviews, m.rated, m.mean_stars, "
        "CASE WHEN m.rated > 0 THEN m.shrunk_stars END AS shrunk_stars, "
        f"{shrunk_interval(warehouse)}, m.positive, m.neutral, m.negative"
    )


def shrunk_interval(warehouse: Warehouse) -> str:
    """Return the columns low and high: the interval of the shrunk mean of a mart `m`.

    The margin is 1.96 s / sqrt(rated + prior reviews), where s is the standard deviation of the
    stars of all reviews: that of the few reviews of a row may be 0 by chance. A row without rated
    reviews has no mean, and no interval.
    """
    counts = warehouse.relation("gold/review_counts")
    deviation = (
        "(SELECT SQRT(GREATEST(SUM(c.stars * c.stars * c.reviews) / SUM(c.reviews) "
        "- POWER(SUM(c.stars * c.reviews) / SUM(c.reviews), 2), 0)) "
        f"FROM {counts} AS c WHERE c.stars IS NOT NULL)"
    )
    margin = f"{NORMAL_95} * {deviation} / SQRT(m.rated + {PRIOR_REVIEWS})"
    return (
        f"CASE WHEN m.rated > 0 THEN GREATEST(m.shrunk_stars - {margin}, 1) END AS low, "
        f"CASE WHEN m.rated > 0 THEN LEAST(m.shrunk_stars + {margin}, 5) END AS high"
    )


def difference_of_shares(
    part: float, whole: float, others: float, other_whole: float
) -> tuple[float, float, float]:
    """Return part / whole less others / other_whole, and both ends of Newcombe's interval.

    Source: Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10.
    """
    share, other_share = part / whole, others / other_whole
    low, high = _wilson(part, whole)
    other_low, other_high = _wilson(others, other_whole)
    difference = share - other_share
    below = math.hypot(share - low, other_high - other_share)
    above = math.hypot(high - share, other_share - other_low)
    return difference, difference - below, difference + above


def _wilson(part: float, whole: float) -> tuple[float, float]:
    square = NORMAL_95**2
    centre = part + square / 2
    half = NORMAL_95 * math.sqrt(part * (whole - part) / whole + square / 4)
    return (centre - half) / (whole + square), (centre + half) / (whole + square)
