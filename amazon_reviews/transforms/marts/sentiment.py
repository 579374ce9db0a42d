"""Predicted sentiment by category, brand, product and year, beside that of the stars."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.exact_sums import mean_of_parts
from amazon_reviews.transforms.marts.counts import sums
from amazon_reviews.transforms.marts.ratings import ratio

_MEASURES = (
    "reviews",
    "negative",
    "neutral",
    "positive",
    "negative_share",
    "mean_positive",
    "expected_stars",
    "mean_stars",
    "contradictions",
)


def sentiment_categories(predicted: DataFrame) -> DataFrame:
    """Return one row per main category."""
    return _measures(predicted, "main_category")


def sentiment_brands(predicted: DataFrame) -> DataFrame:
    """Return one row per brand."""
    return _measures(predicted, "brand")


def sentiment_products(predicted: DataFrame) -> DataFrame:
    """Return one row per product with reviews."""
    return _measures(predicted, "asin")


def sentiment_years(predicted: DataFrame) -> DataFrame:
    """Return one row per year and source."""
    return _measures(predicted, "year", "source")


def _measures(rows: DataFrame, *by: str) -> DataFrame:
    added = ("reviews", "negative", "neutral", "positive", "rated", "star_tenths", "contradictions")
    totals = rows.groupBy(*by).agg(*sums(*added, "positive_parts", "expected_parts"))
    return totals.select(
        "*",
        ratio(F.col("negative"), F.col("reviews")).alias("negative_share"),
        mean_of_parts(F.col("positive_parts"), F.col("reviews")).alias("mean_positive"),
        mean_of_parts(F.col("expected_parts"), F.col("reviews")).alias("expected_stars"),
        ratio(F.col("star_tenths"), F.col("rated") * F.lit(10)).alias("mean_stars"),
    ).select(*by, *_MEASURES)
