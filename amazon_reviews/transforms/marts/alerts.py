"""Drops of the stars of products, over all months.

The reviews of a product in a month are compared with all of its earlier ones, by Fisher's exact
test on the critical reviews: those of at most 3 stars. It holds for few reviews, and assumes
nothing about the distribution of the stars.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import EARLIER_REVIEWS, FALSE_DISCOVERIES, MONTH_REVIEWS
from amazon_reviews.transforms.marts.ratings import ratio, star_tenths
from amazon_reviews.transforms.marts.significance import NORMAL_95, fisher_p_value, with_q_values

DROP_STARS = 0.5
"""The smallest drop that counts; its confidence interval must leave 0 out too."""

SILENT_DAYS = 90
"""Days without reviews after which a drop is no longer going on."""

_SUMS = ("rated", "tenths", "critical")


def product_alerts(months: DataFrame, products: DataFrame) -> DataFrame:
    """Return one row per drop, from gold/product_months and gold/product_ratings.

    A drop lasts from its first significant month until the reviews recover.
    """
    sums = _sums_of_months(months)
    tests = _tested(sums)
    tested = with_q_values(tests, FALSE_DISCOVERIES)
    drops = _drops(_spells(sums, tested.where(F.col("q_value") <= FALSE_DISCOVERIES)))
    newest = products.agg(F.max("last_on").alias("as_of"))
    described = products.select("asin", "title", "brand", "main_category", "last_on")
    rows = drops.join(described, on="asin", how="left").join(newest, how="cross")
    silent = F.date_diff(F.col("as_of"), F.col("last_on")) > SILENT_DAYS
    ended = F.col("recovered") | silent
    return _compared(rows).select(
        "asin",
        "title",
        "brand",
        "main_category",
        "as_of",
        F.col("first_month").alias("begins_on"),
        F.when(ended, F.last_day("last_month")).alias("ends_on"),
        "recovered",
        "before_rated",
        "before_critical",
        "period_rated",
        "period_critical",
        "before_mean",
        "period_mean",
        "rating_drop",
        "low",
        "high",
        "q_value",
    )


def _sums_of_months(months: DataFrame) -> DataFrame:
    """Return one row per product and month with rated reviews."""
    month = F.make_date("year", "month", F.lit(1)).alias("month")
    return (
        months.where(F.col("rated") > 0)
        .groupBy("asin", month)
        .agg(
            F.sum("rated").alias("rated"),
            F.sum(star_tenths()).alias("tenths"),
            F.sum(F.col("neutral") + F.col("negative")).alias("critical"),
        )
    )


def _tested(sums: DataFrame) -> DataFrame:
    """Return the months with enough reviews, with the sums before them and p_value.

    It is 1 without a drop that counts.
    """
    earlier = Window.partitionBy("asin").orderBy("month").rowsBetween(Window.unboundedPreceding, -1)
    before = sums.select("*", *(F.sum(n).over(earlier).alias(f"before_{n}") for n in _SUMS))
    enough = (F.col("rated") >= MONTH_REVIEWS) & (F.col("before_rated") >= EARLIER_REVIEWS)
    month_mean, before_mean = _mean("rated", "tenths"), _mean("before_rated", "before_tenths")
    p_value = fisher_p_value(
        F.col("critical"), F.col("rated"), F.col("before_critical"), F.col("before_rated")
    )
    low, _ = _interval("before_", "")
    dropped = (before_mean - month_mean >= DROP_STARS) & (low > 0)
    return before.where(enough).select(
        "asin",
        "month",
        *(f"before_{n}" for n in _SUMS),
        ((month_mean + before_mean) / F.lit(2.0)).alias("middle"),
        F.when(dropped, p_value).otherwise(F.lit(1.0)).alias("p_value"),
    )


def _spells(sums: DataFrame, months: DataFrame) -> DataFrame:
    """Return one row per significant month, with the sums from it until the next one.

    The product recovers in between if the reviews from the first month on with a mean in the upper
    half of the drop have such a mean together. Without that, all of them belong to the drop.
    """
    following = F.lead("begin").over(Window.partitionBy("asin").orderBy("begin"))
    begins = months.withColumnRenamed("month", "begin").withColumn("following", following)
    spell = begins.join(sums, on="asin").where(
        (F.col("month") >= F.col("begin"))
        & (F.col("following").isNull() | (F.col("month") < F.col("following")))
    )
    until = Window.partitionBy("asin", "begin").orderBy("month")
    is_high = (_mean("rated", "tenths") >= F.col("middle")).cast("int")
    parts = spell.withColumn("rest", F.max(is_high).over(until) > 0)
    measures = [
        F.coalesce(F.sum(F.when(F.col("rest") == rest, F.col(n))), F.lit(0)).alias(f"{part}_{n}")
        for part, rest in (("low", False), ("rest", True))
        for n in _SUMS
    ]
    of_spell = ("asin", "begin", "middle", "q_value", *(f"before_{n}" for n in _SUMS))
    spells = parts.groupBy(*of_spell).agg(
        *measures,
        F.max(F.when(~F.col("rest"), F.col("month"))).alias("low_month"),
        F.max("month").alias("newest_month"),
    )
    enough = F.col("rest_rated") >= EARLIER_REVIEWS
    recovered = enough & (_mean("rest_rated", "rest_tenths") >= F.col("middle"))
    return spells.withColumn("recovered", F.coalesce(recovered, F.lit(False)))


def _drops(spells: DataFrame) -> DataFrame:
    """Return one row per drop: the significant months of a product that no recovery divides."""
    ordered = Window.partitionBy("asin").orderBy("begin")
    first = F.coalesce(F.lag("recovered").over(ordered), F.lit(True)).cast("int")
    numbered = spells.withColumn("first", first).withColumn("number", F.sum("first").over(ordered))
    recovered = F.col("recovered")
    last_month = F.when(recovered, F.col("low_month")).otherwise(F.col("newest_month"))
    rest = {n: F.when(recovered, 0).otherwise(F.col(f"rest_{n}")) for n in _SUMS}
    return numbered.groupBy("asin", "number").agg(
        F.min("begin").alias("first_month"),
        F.max(last_month).alias("last_month"),
        F.max("recovered").alias("recovered"),
        F.min("q_value").alias("q_value"),
        # They increase from month to month, so that the smallest are those before the drop.
        *(F.min(f"before_{n}").alias(f"before_{n}") for n in _SUMS),
        *(F.sum(F.col(f"low_{n}") + rest[n]).alias(f"period_{n}") for n in _SUMS),
    )


def _compared(drops: DataFrame) -> DataFrame:
    """Add the means, their difference and its confidence interval."""
    before = _mean("before_rated", "before_tenths")
    period = _mean("period_rated", "period_tenths")
    low, high = _interval("before_", "period_")
    return drops.select(
        "*",
        before.alias("before_mean"),
        period.alias("period_mean"),
        (before - period).alias("rating_drop"),
        low.alias("low"),
        high.alias("high"),
    )


def _interval(before: str, period: str) -> tuple[Column, Column]:
    """Return the ends of the 95 % confidence interval of the drop between sums of two prefixes.

    It adds a review of 1 and one of 5 stars to each side (Agresti and Caffo, 2000). The variance of
    stars with a mean m is at most (5 - m)(m - 1), so the interval is rather too wide.
    """
    sizes = [(F.col(f"{side}rated") + F.lit(2)).cast("double") for side in (before, period)]
    sums = [F.col(f"{side}tenths") / F.lit(10.0) + F.lit(6.0) for side in (before, period)]
    means = [total / size for total, size in zip(sums, sizes, strict=True)]
    variances = [
        (F.lit(5.0) - mean) * (mean - F.lit(1.0)) / size
        for mean, size in zip(means, sizes, strict=True)
    ]
    error = F.lit(NORMAL_95) * F.sqrt(variances[0] + variances[1])
    drop = means[0] - means[1]
    return drop - error, drop + error


def _mean(rated: str, tenths: str) -> Column:
    return ratio(F.col(tenths), F.col(rated) * F.lit(10))
