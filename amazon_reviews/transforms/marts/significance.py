"""Statistical tests and confidence intervals, also of many rows at once.

Engines have no functions of the t distribution. Wallace's formula (D. L. Wallace, 1959, Bounds on
normal approximations to Student's and the chi-square distributions) turns a t statistic into a
standard normal one. Quantiles are within 0.01 % from 30 degrees of freedom on, and too wide by
1 % at 3 and by 4 % at 2, so intervals from few values are on the safe side.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

NORMAL_95 = 1.959963984540054
"""95 % of a standard normal distribution lie between this and its negative."""
# Of Stirling's series of the logarithm of a factorial, by odd powers of the reciprocal.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)
_SHIFT = 7
_LOG_2_PI = 1.8378770664093453


def two_sided(z: Column) -> Column:
    """Return the probability that a standard normal value is at least as far from 0 as `z`.

    The error is at most 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17.
    """
    distance = F.abs(z)
    t = F.lit(1.0) / (F.lit(1.0) + F.lit(0.2316419) * distance)
    series: Column = F.lit(0.0)
    for factor in (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530):
        series = t * (F.lit(factor) + series)
    density = F.exp(-distance * distance / F.lit(2.0)) * F.lit(0.3989422804014327)
    return F.lit(2.0) * density * series


def two_sided_t(t: Column, freedom: Column) -> Column:
    """Return the probability of a t statistic at least as far from 0 as `t`, by its freedom."""
    return two_sided(F.sqrt(freedom * F.log1p(t * t / freedom)) / _wallace(freedom))


def t_95(freedom: Column) -> Column:
    """Return the half width of a 95 % interval in standard errors, by the degrees of freedom."""
    normal = F.lit(NORMAL_95) * _wallace(freedom)
    return F.sqrt(freedom * F.expm1(normal * normal / freedom))


def _wallace(freedom: Column) -> Column:
    eighths = F.lit(8.0) * freedom
    return (eighths + F.lit(3.0)) / (eighths + F.lit(1.0))


def difference_95(part: Column, whole: Column, others: Column, other_whole: Column) -> list[Column]:
    """Return both ends of the 95 % interval of part / whole - others / other_whole, of doubles.

    Method 10 of R. G. Newcombe, 1998, Interval estimation for the difference between independent
    proportions. It stays wide where a share of few values is 0 or 1.
    """
    share, other_share = part / whole, others / other_whole
    low, high = _wilson_95(part, whole)
    other_low, other_high = _wilson_95(others, other_whole)
    below = F.sqrt(_square(share - low) + _square(other_high - other_share))
    above = F.sqrt(_square(high - share) + _square(other_share - other_low))
    return [share - other_share - below, share - other_share + above]


def _wilson_95(part: Column, whole: Column) -> tuple[Column, Column]:
    square = NORMAL_95**2
    centre = part + F.lit(square / 2)
    half = F.lit(NORMAL_95) * F.sqrt(part * (whole - part) / whole + F.lit(square / 4))
    return (centre - half) / (whole + F.lit(square)), (centre + half) / (whole + F.lit(square))


def _square(value: Column) -> Column:
    return value * value


def two_sided_shares(part: Column, whole: Column, others: Column, other_whole: Column) -> Column:
    """Return the probability of shares of doubles at least as different by chance.

    The likelihood-ratio test, with each count half a value nearer to its expectation, so that it
    is not too small for few values.
    """
    expected = whole * (part + others) / (whole + other_whole)
    other_expected = part + others - expected
    nearer = F.greatest(F.lit(-0.5), F.least(F.lit(0.5), part - expected))
    cells = (
        (part - nearer, expected),
        (whole - part + nearer, whole - expected),
        (others + nearer, other_expected),
        (other_whole - others - nearer, other_whole - other_expected),
    )
    deviance: Column = F.lit(0.0)
    for count, mean in cells:
        term = count * F.ln(count / F.nullif(mean, F.lit(0.0)))
        deviance = deviance + F.when((count > 0) & (mean > 0), term).otherwise(F.lit(0.0))
    return two_sided(F.sqrt(F.lit(2.0) * F.greatest(deviance, F.lit(0.0))))


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
    bound = F.exp(log_p) / F.nullif(F.lit(1.0) - following, F.lit(0.0))
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


def with_q_values(tested: DataFrame, largest: float = 1.0) -> DataFrame:
    """Add q_value to rows with p_value: the p-value adjusted for the number of rows tested.

    Of the rows with a q-value up to some rate, at most that part is expected to be chance (Y.
    Benjamini and Y. Hochberg, 1995, Controlling the false discovery rate). A row without a p-value
    was not tested. Rows with a p-value above `largest` are left out: they cannot have a q-value up
    to it, and do not change those of the others.
    """
    every = Window.partitionBy(F.lit(1))
    counted = tested.withColumn("tests", F.count("p_value").over(every))
    if largest < 1:
        counted = counted.where(F.col("p_value") <= largest)
    # A row with the same p-value counts in both windows, so ties get the same q-value.
    at_most = F.count("p_value").over(every.orderBy("p_value"))
    scaled = F.when(F.col("p_value").isNotNull(), F.col("p_value") * F.col("tests") / at_most)
    from_here = F.min("scaled").over(every.orderBy(F.desc("p_value")))
    q_value = F.when(F.col("p_value").isNotNull(), F.least(from_here, F.lit(1.0)))
    ranked = counted.withColumn("scaled", scaled)
    return ranked.withColumn("q_value", q_value).drop("tests", "scaled")
