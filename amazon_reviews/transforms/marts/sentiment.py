"""Predicted sentiment by category, brand, product and year, beside that of the stars."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import NEGATIVE, POSITIVE, SENTIMENTS
from amazon_reviews.transforms.exact_sums import exact_mean, tenths
from amazon_reviews.transforms.marts.counts import product
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
    """Return one row per main category, from gold/sentiment_predictions."""
    return _measures(predictions, "main_category")


def sentiment_brands(predictions: DataFrame) -> DataFrame:
    """Return one row per brand, from gold/sentiment_predictions."""
    return _measures(predictions, "brand")


def sentiment_products(predictions: DataFrame) -> DataFrame:
    """Return one row per product with reviews, from gold/sentiment_predictions."""
    by_product = predictions.withColumn("asin", product())
    return _measures(by_product, "asin")


def sentiment_years(predictions: DataFrame) -> DataFrame:
    """Return one row per year and source, from gold/sentiment_predictions."""
    dated = predictions.select("*", F.year("reviewed_on").alias("year"))
    return _measures(dated, "year", "source")


def _measures(rows: DataFrame, *by: str) -> DataFrame:
    predicted, by_stars = F.col("predicted"), F.col("sentiment")
    opposite = ((predicted == NEGATIVE) & (by_stars == POSITIVE)) | (
        (predicted == POSITIVE) & (by_stars == NEGATIVE)
    )
    sums = rows.groupBy(*by).agg(
        F.count(F.lit(1)).alias("reviews"),
        *(_number_of(predicted == label).alias(label) for label in SENTIMENTS),
        exact_mean(F.col("positive")).alias("mean_positive"),
        exact_mean(F.col("expected_stars")).alias("expected_stars"),
        ratio(F.sum(tenths(F.col("overall"))), F.count("overall") * F.lit(10)).alias("mean_stars"),
        _number_of(opposite).alias("contradictions"),
    )
    share = ratio(F.col("negative"), F.col("reviews")).alias("negative_share")
    return sums.select("*", share).select(*by, *_MEASURES)


def _number_of(condition: Column) -> Column:
    return F.coalesce(F.sum(F.when(condition, 1)), F.lit(0))
