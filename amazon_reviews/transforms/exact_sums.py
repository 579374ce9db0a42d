"""Sums and means that do not depend on the order of the rows.

A sum of doubles is rounded at each step, so its last digits depend on how the engine's threads
share the rows. Sums of whole numbers are exact.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

_TRILLION = 1e12


def tenths(stars: Column) -> Column:
    """Return stars, a decimal with one digit, as a whole number of tenths."""
    return (stars * F.lit(10)).cast("bigint")


def trillionths(value: Column) -> Column:
    """Return a double rounded to a whole number of trillionths, as a decimal."""
    return F.round(value * F.lit(_TRILLION)).cast("decimal(38,0)")


def exact_mean(value: Column) -> Column:
    """Return the mean of doubles, each rounded to a trillionth; null without any."""
    whole = F.count(value).cast("double") * F.lit(_TRILLION)
    return F.sum(trillionths(value)).cast("double") / F.nullif(whole, F.lit(0.0))
