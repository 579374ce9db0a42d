"""Cubes of gold/reviews: counts by all dimensions of the dashboard's filters."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import UNKNOWN

LENGTHS = (0, 1, 6, 11, 21, 51, 101, 201, 501)
"""The lower end of each band, in words."""

PRICES = (0, 5, 10, 25, 50, 100, 250, 500)
"""The lower end of each band, in US dollars."""


def review_counts(reviews: DataFrame) -> DataFrame:
    """Return one row per year, month, main category, stars, verified and source."""
    year, *others = _filters()
    return reviews.groupBy(year, "month", *others).agg(_review_count())


def length_counts(reviews: DataFrame) -> DataFrame:
    """Return one row per length band, year, main category, stars, verified and source."""
    words, characters = F.col("word_count"), F.col("char_count")
    blanks = F.when(words > 0, words - 1).otherwise(0)
    band = band_columns("length", LENGTHS, words, last=1)
    return reviews.groupBy(*band, *_filters()).agg(
        _review_count(),
        F.sum(words).alias("words"),
        F.sum(characters).alias("characters"),
        F.sum(characters - blanks).alias("letters"),
    )


def price_counts(reviews: DataFrame) -> DataFrame:
    """Return one row per price band, year, main category, stars, verified and source.

    Imputed prices have rows of their own.
    """
    return reviews.groupBy(*price_band(), *_filters()).agg(_review_count())


def price_band() -> list[Column]:
    """Return price_from, price_to and price_imputed of rows with price and price_imputed."""
    imputed = F.coalesce("price_imputed", F.lit(False)).alias("price_imputed")
    return [*band_columns("price", PRICES, F.col("price"), last=0), imputed]


def band_columns(name: str, starts: Sequence[int], value: Column, last: int) -> list[Column]:
    """Return `name`_from and `name`_to of a value's band, which ends `last` before the next."""
    start, end = F.lit(None).cast("int"), F.lit(None).cast("int")
    for low, high in zip(starts, [*starts[1:], None], strict=True):
        start = F.when(value >= low, low).otherwise(start)
        end = F.when(value >= low, None if high is None else high - last).otherwise(end)
    return [start.alias(f"{name}_from"), end.alias(f"{name}_to")]


def category(column: str = "main_category") -> Column:
    """Return the main category, or Unknown."""
    return F.coalesce(column, F.lit(UNKNOWN)).alias("main_category")


def product() -> Column:
    """Return the asin of the product of a row of gold/reviews: of its family, or its own."""
    return F.coalesce("product_asin", "asin").alias("asin")


def _review_count() -> Column:
    return F.count(F.lit(1)).alias("reviews")


def _filters() -> list[Column]:
    stars = F.col("overall").alias("stars")
    return [F.col("year"), category(), stars, F.col("verified"), F.col("source")]
