"""Sums and means that do not depend on the order of the rows.

A sum of doubles is rounded at each step, so its last digits depend on how the engine's threads
share the rows. Sums of whole numbers are exact.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

_BILLION = 1_000_000_000


def tenths(stars: Column) -> Column:
    """Return stars, a decimal with one digit, as a whole number of tenths."""
    return (stars * F.lit(10)).cast("bigint")


def billionths(value: Column) -> Column:
    """Return a double rounded to a whole number of billionths.

    The largest sum of them stands for 9.2 billion.
    """
    return F.round(value * F.lit(float(_BILLION))).cast("bigint")


def exact_mean(value: Column) -> Column:
    """Return the mean of doubles, each rounded to a billionth; null without any."""
    count = F.count(value).cast("double") * F.lit(float(_BILLION))
    return F.sum(billionths(value)).cast("double") / F.nullif(count, F.lit(0.0))
