"""Ratings over time: years, months, seasons, and trends of products and brands."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import FALSE_DISCOVERIES, UNKNOWN
from amazon_reviews.transforms.marts.ratings import (
    MEASURES,
    SHRUNK_MEASURES,
    ratio,
    summed_tallies,
    tallies,
    with_means,
    with_shrunk_means,
)
from amazon_reviews.transforms.marts.significance import t_95, two_sided_t, with_q_values

TREND_REVIEWS = 30
"""The fewest rated reviews from which a trend is computed."""


def years(counts: DataFrame, freshness: DataFrame) -> DataFrame:
    """Return one row per year, from gold/review_counts and gold/freshness."""
    rows = _with_partial(_by(counts, "year"), freshness, F.lit(1), F.lit(12))
    return rows.select("year", *MEASURES, "partial")


def year_months(counts: DataFrame, freshness: DataFrame) -> DataFrame:
    """Return one row per year and month, from gold/review_counts and gold/freshness."""
    month = F.col("month")
    rows = _with_partial(_by(counts, "year", "month"), freshness, month, month)
    return rows.select("year", "month", *MEASURES, "partial")


def _with_partial(rows: DataFrame, freshness: DataFrame, first: Column, last: Column) -> DataFrame:
    """Add partial: the reviews begin or end within the months `first` to `last` of the year."""
    period = freshness.agg(F.min("first_on").alias("begin"), F.max("last_on").alias("end"))
    start = F.make_date(F.col("year"), first, F.lit(1))
    end = F.last_day(F.make_date(F.col("year"), last, F.lit(1)))
    partial = (start < F.col("begin")) | (end > F.col("end"))
    return rows.join(period, how="cross").select("*", partial.alias("partial"))


def seasons(counts: DataFrame, months: DataFrame) -> DataFrame:
    """Return one row per month of the year, from gold/review_counts and gold/year_months.

    The seasonal index is a ratio of sums over whole years. Its variance is that of a ratio, with
    each year as a cluster (W. G. Cochran, 1977, Sampling Techniques, section 6.4).
    """
    rows = _by(counts, "month").join(_seasonal(months), on="month", how="left")
    whole_years = F.coalesce("whole_years", F.lit(0)).alias("whole_years")
    return rows.select("month", *MEASURES, "seasonal_index", "low", "high", whole_years)


def _seasonal(months: DataFrame) -> DataFrame:
    year = Window.partitionBy("year")
    yearly = months.select(
        "month",
        F.col("reviews").alias("r"),
        F.sum("reviews").over(year).alias("y"),
        F.count(F.when(~F.col("partial"), 1)).over(year).alias("whole_months"),
    )
    squares = {"rr": ("r", "r"), "ry": ("r", "y"), "yy": ("y", "y")}
    sums = (
        yearly.where(F.col("whole_months") == 12)
        .groupBy("month")
        .agg(
            F.count(F.lit(1)).alias("whole_years"),
            *(F.sum(name).cast("double").alias(name) for name in ("r", "y")),
            *(
                # Sums of squares are exact as decimals, and may be too large for a long.
                F.sum((F.col(a) * F.col(b)).cast("decimal(38,0)")).cast("double").alias(name)
                for name, (a, b) in squares.items()
            ),
        )
    )
    index = F.lit(12.0) * F.col("r") / F.col("y")
    part = index / F.lit(12.0)
    residuals = F.col("rr") - F.lit(2.0) * part * F.col("ry") + part * part * F.col("yy")
    # Years of unequal size count as fewer: the effective number of clusters by L. Kish.
    effective = F.col("y") * F.col("y") / F.col("yy")
    freedom = F.when(effective >= 2, effective - F.lit(1.0))
    spread = F.greatest(residuals, F.lit(0.0)) * effective / freedom
    half = t_95(freedom) * F.lit(12.0) * F.sqrt(spread) / F.col("y")
    return sums.select(
        "month",
        "whole_years",
        index.alias("seasonal_index"),
        F.when(half.isNotNull(), F.greatest(index - half, F.lit(0.0))).alias("low"),
        (index + half).alias("high"),
    )


def _by(counts: DataFrame, *keys: str) -> DataFrame:
    dated = counts.where(F.col("year").isNotNull())
    return with_means(dated.groupBy(*keys).agg(*tallies(F.col("stars"), F.col("reviews"))))


def brand_years(brands: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per brand and year, with the mean of gold/review_counts."""
    grouped = brands.groupBy("brand", "year").agg(*summed_tallies())
    return with_shrunk_means(grouped, counts).select("brand", "year", *SHRUNK_MEASURES)


def brand_trends(brands: DataFrame) -> DataFrame:
    """Return one row per brand with `TREND_REVIEWS` rated reviews in two years.

    The trend is an ordinary least squares line through stars over time, with each review at the
    middle of its month. Its slope is tested against zero, together with those of all other brands.
    """
    rated = brands.where((F.col("brand") != UNKNOWN) & (F.col("rated") > 0))
    # Times are whole numbers of 24ths of a year, and stars of tenths, so that their sums are exact.
    sums = rated.groupBy("brand").agg(
        F.min("year").alias("first_year"),
        F.max("year").alias("last_year"),
        F.sum("rated").alias("rated"),
        (F.sum("times") / F.lit(24.0)).alias("x"),
        (F.sum("star_tenths") / F.lit(10.0)).alias("y"),
        (F.sum("time_squares") / F.lit(576.0)).alias("xx"),
        (F.sum("star_times") / F.lit(240.0)).alias("xy"),
        (F.sum("star_squares") / F.lit(100.0)).alias("yy"),
        (F.min("fewest_tenths") < F.max("most_tenths")).alias("differ"),
    )
    spread = F.col("first_year") < F.col("last_year")
    enough = sums.where((F.col("rated") >= TREND_REVIEWS) & spread)
    return _tested(_fitted(enough))


def _fitted(sums: DataFrame) -> DataFrame:
    """Add slope and standard_error; https://en.wikipedia.org/wiki/Simple_linear_regression."""
    n = F.col("rated")
    centred = sums.select(
        "*",
        (F.col("xx") - F.col("x") * F.col("x") / n).alias("sxx"),
        (F.col("xy") - F.col("x") * F.col("y") / n).alias("sxy"),
        (F.col("yy") - F.col("y") * F.col("y") / n).alias("syy"),
    )
    left = F.col("syy") - F.col("sxy") * F.col("sxy") / F.col("sxx")
    variance = F.greatest(left, F.lit(0.0)) / (n - 2) / F.col("sxx")
    # For equal stars the sums would give a slope of rounding errors.
    differ = F.col("differ")
    return centred.select(
        "*",
        F.when(differ, F.col("sxy") / F.col("sxx")).otherwise(0.0).alias("slope"),
        F.when(differ, F.sqrt(variance)).otherwise(0.0).alias("standard_error"),
    )


def _tested(fitted: DataFrame) -> DataFrame:
    slope, error, freedom = F.col("slope"), F.col("standard_error"), F.col("rated") - 2
    exact = F.when(slope == 0, 1.0).otherwise(0.0)
    t = slope / F.nullif(error, F.lit(0.0))
    p_value = F.when(error > 0, two_sided_t(t, freedom)).otherwise(exact)
    half = t_95(freedom) * error
    direction = F.when(slope > 0, "rising").otherwise("falling")
    trend = F.when(F.col("q_value") < FALSE_DISCOVERIES, direction).otherwise("flat")
    return with_q_values(fitted.withColumn("p_value", p_value)).select(
        "brand",
        "first_year",
        "last_year",
        "rated",
        ratio(F.col("y"), F.col("rated")).alias("mean_stars"),
        "slope",
        (slope - half).alias("low"),
        (slope + half).alias("high"),
        "standard_error",
        "p_value",
        "q_value",
        trend.alias("trend"),
    )
