"""A test for few values, and the control of false discoveries among many tests."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

# Of Stirling's series of the logarithm of a factorial, by odd powers of the reciprocal.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)
_SHIFT = 7
_LOG_2_PI = 1.8378770664093453


def fisher_p_value(hits: Column, size: Column, other_hits: Column, other_size: Column) -> Column:
    """Return an upper bound of Fisher's exact p-value, one-sided, that is close if it is small.

    It is the probability of at least `hits` in a random choice of `size` from both groups together:
    P(hits) + P(hits + 1) + …. Each term is at most the one before times the ratio of the first
    two, so the sum is at most that of a geometric series.
    """
    all_hits, misses = hits + other_hits, size - hits
    other_misses = other_size - other_hits
    log_p = (
        _log_choose(all_hits, hits)
        + _log_choose(misses + other_misses, misses)
        - _log_choose(size + other_size, size)
    )
    following = (other_hits * misses).cast("double") / ((hits + 1) * (other_misses + 1))
    bound = F.exp(log_p) / (F.lit(1.0) - following)
    return F.when(following < 1, F.least(bound, F.lit(1.0))).otherwise(F.lit(1.0))


def _log_choose(n: Column, k: Column) -> Column:
    return _log_factorial(n) - _log_factorial(k) - _log_factorial(n - k)


def _log_factorial(n: Column) -> Column:
    """Return the logarithm of n!, with an error below 1e-11: Stirling's series of (n + 7)!."""
    x = n.cast("double") + F.lit(float(_SHIFT))
    product = F.lit(1.0)
    for step in range(1, _SHIFT + 1):
        product = product * (n.cast("double") + F.lit(float(step)))
    series = F.lit(0.0)
    for factor in reversed(_STIRLING):
        series = F.lit(factor) + series / (x * x)
    stirling = x * F.log(x) - x + (F.log(x) + F.lit(_LOG_2_PI)) / F.lit(2.0) + series / x
    return stirling - F.log(product)


def significant(tests: DataFrame, keys: Sequence[str], rate: float) -> DataFrame:
    """Return the tests whose p_value is significant among all of them, with their q_value.

    By Benjamini and Hochberg (1995), of the tests with a q-value up to `rate` at most that share is
    a false discovery, on average. `keys` identify a test.
    """
    everything = Window.partitionBy(F.lit(1))
    numbered = tests.withColumn("tests", F.count(F.lit(1)).over(everything))
    # The others cannot be significant, and do not change the q-values of those that are.
    few = numbered.where(F.col("p_value") <= rate)
    ordered = everything.orderBy("p_value", *keys)
    ranked = few.withColumn("rank", F.row_number().over(ordered))
    scaled = F.col("p_value") * F.col("tests") / F.col("rank")
    following = ordered.rowsBetween(Window.currentRow, Window.unboundedFollowing)
    q_values = ranked.withColumn("scaled", scaled).withColumn(
        "q_value", F.min("scaled").over(following)
    )
    return q_values.where(F.col("q_value") <= rate).drop("tests", "rank", "scaled")
