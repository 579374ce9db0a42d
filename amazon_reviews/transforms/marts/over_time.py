"""Ratings over time: years, months, seasons, and trends of products and brands."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import FALSE_DISCOVERIES, UNKNOWN
from amazon_reviews.transforms.exact_sums import exact_mean
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


def years(counts: DataFrame) -> DataFrame:
    """Return one row per year, from gold/review_counts."""
    return _by(counts, "year").select("year", *MEASURES)


def year_months(counts: DataFrame) -> DataFrame:
    """Return one row per year and month, from gold/review_counts."""
    return _by(counts, "year", "month").select("year", "month", *MEASURES)


def seasons(counts: DataFrame) -> DataFrame:
    """Return one row per month of the year, from gold/review_counts."""
    monthly = _by(counts, "year", "month").select("year", "month", "reviews")
    whole = monthly.groupBy("year").agg(
        F.count(F.lit(1)).alias("months"), (F.sum("reviews") / 12).alias("mean_month")
    )
    full = whole.where(F.col("months") == 12)
    index = monthly.join(full, on="year").groupBy("month")
    indexes = index.agg(exact_mean(F.col("reviews") / F.col("mean_month")).alias("seasonal_index"))
    months = _by(counts, "month")
    return months.join(indexes, on="month", how="left").select("month", *MEASURES, "seasonal_index")


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
