"""95 % confidence intervals of shares and of shrunk means."""

import math

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.vocabulary import PRIOR_REVIEWS

NORMAL_95 = 1.959963984540054


def wilson_interval(part: int, whole: int) -> tuple[float, float]:
    """Return Wilson's interval of the share part / whole; `whole` is at least 1.

    It holds for few values and for shares near 0 and 1 too: 0 of 2 gives 0 to 0.66.
    Source: Wilson, JASA 22 (1927), 209-212.
    """
    share, square = part / whole, NORMAL_95**2
    centre = share + square / (2 * whole)
    margin = NORMAL_95 * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2))
    scale = 1 + square / whole
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)


def shrunk_columns(warehouse: Warehouse) -> str:
    """Return the columns of a mart `m` with shrunk means, with their intervals `low` to `high`.

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
        "m.reviews, m.rated, m.mean_stars, "
        "CASE WHEN m.rated > 0 THEN m.shrunk_stars END AS shrunk_stars, "
        f"CASE WHEN m.rated > 0 THEN GREATEST(m.shrunk_stars - {margin}, 1) END AS low, "
        f"CASE WHEN m.rated > 0 THEN LEAST(m.shrunk_stars + {margin}, 5) END AS high, "
        "m.positive, m.neutral, m.negative"
    )
