"""Sums and means that do not depend on the order of the rows.

A sum of doubles is rounded at each step, so its last digits depend on how the engine's threads
share the rows. Sums of whole numbers are exact.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

# A double of half or more is a whole number of these parts, and one up to 1,023 fits a long.
_PARTS = 2.0**53


def tenths(stars: Column) -> Column:
    """Return stars, a decimal with one digit, as a whole number of tenths."""
    return (stars * F.lit(10)).cast("bigint")


def exact_mean(value: Column) -> Column:
    """Return the mean of doubles between -1,023 and 1,023; null without any.

    Doubles below a half are rounded to 2 to the power of -53, the others are taken as they are.
    """
    return mean_of_parts(F.sum(parts(value)), F.count(value))


def parts(value: Column) -> Column:
    """Return doubles as whole numbers whose sum is exact: see `exact_mean`."""
    # Long first: from a double to a decimal, JVM Spark takes the digits that it prints.
    return F.round(value * F.lit(_PARTS)).cast("bigint").cast("decimal(38,0)")


def mean_of_parts(total: Column, count: Column) -> Column:
    """Return the mean of `count` doubles from the sum of their `parts`; null without any."""
    whole = count.cast("double") * F.lit(_PARTS)
    return total.cast("double") / F.nullif(whole, F.lit(0.0))
