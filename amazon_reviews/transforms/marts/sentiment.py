"""What the texts say by category, brand, product and year, beside what the stars say."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

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


def sentiment_categories(predictions: DataFrame) -> DataFrame:
    """One row per main category, from gold/sentiment_predictions."""
    return _judged(predictions, "main_category")


def sentiment_brands(predictions: DataFrame) -> DataFrame:
    """One row per brand, from gold/sentiment_predictions."""
    return _judged(predictions, "brand")


def sentiment_products(predictions: DataFrame) -> DataFrame:
    """One row per product with reviews, from gold/sentiment_predictions."""
    return _judged(predictions, "asin")


def sentiment_years(predictions: DataFrame) -> DataFrame:
    """One row per year and source, from gold/sentiment_predictions."""
    dated = predictions.select("*", F.year("reviewed_on").alias("year"))
    return _judged(dated, "year", "source")


def _judged(rows: DataFrame, *by: str) -> DataFrame:
    said = F.col("predicted")
    opposite = ((said == "negative") & (F.col("sentiment") == "positive")) | (
        (said == "positive") & (F.col("sentiment") == "negative")
    )
    sums = rows.groupBy(*by).agg(
        F.count(F.lit(1)).alias("reviews"),
        *(_number_of(said == label).alias(label) for label in ("negative", "neutral", "positive")),
        F.avg("positive").alias("mean_positive"),
        F.avg("expected_stars").alias("expected_stars"),
        F.avg(F.col("overall").cast("double")).alias("mean_stars"),
        _number_of(opposite).alias("contradictions"),
    )
    share = ratio(F.col("negative"), F.col("reviews")).alias("negative_share")
    return sums.select("*", share).select(*by, *_MEASURES)


def _number_of(condition: Column) -> Column:
    return F.coalesce(F.sum(F.when(condition, 1)), F.lit(0))
