"""Cubes of the reviews: counts by all dimensions of the dashboard's filters."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import UNKNOWN

DIMENSIONS = ("year", "month", "main_category", "stars", "verified", "source")
"""The columns of the dashboard's filters."""

LENGTHS = (0, 1, 6, 11, 21, 51, 101, 201, 501)
"""The lower end of each band, in words."""

PRICES = (0, 5, 10, 25, 50, 100, 250, 500)
"""The lower end of each band, in US dollars."""


def review_counts(cells: DataFrame) -> DataFrame:
    """Return one row per year, month, main category, stars, verified and source."""
    return cells.groupBy(*DIMENSIONS).agg(*sums("reviews"))


def length_counts(lengths: DataFrame) -> DataFrame:
    """Return one row per length band, year, month, main category, stars, verified and source."""
    measures = sums("reviews", "words", "characters", "letters")
    return lengths.groupBy("length_from", "length_to", *DIMENSIONS).agg(*measures)


def price_counts(prices: DataFrame) -> DataFrame:
    """Return one row per price band, year, month, main category, stars, verified and source.

    Imputed prices have rows of their own.
    """
    band = ("price_from", "price_to", "price_imputed")
    return prices.groupBy(*band, *DIMENSIONS).agg(*sums("reviews"))


def sums(*names: str) -> list[Column]:
    """Return the sums of columns, under their names."""
    return [F.sum(name).alias(name) for name in names]


def first_and_last() -> list[Column]:
    """Return the first and the last day of rows that have both."""
    return [F.min("first_on").alias("first_on"), F.max("last_on").alias("last_on")]


def price_band() -> list[Column]:
    """Return price_from, price_to and price_imputed of rows with price and price_imputed.

    All three are null without a price, which is neither listed nor imputed.
    """
    imputed = F.when(F.col("price").isNotNull(), F.col("price_imputed")).alias("price_imputed")
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
