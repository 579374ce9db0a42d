"""The marts: the inputs and the transform of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse, row_count
from amazon_reviews.schemas import Table, layers, marts
from amazon_reviews.schemas import sentiment as tables
from amazon_reviews.transforms.marts import (
    counts,
    groups,
    over_time,
    people,
    products,
    sentiment,
    source,
)

_REVIEWS = layers.GOLD_REVIEWS.key
_PRODUCTS = layers.GOLD_PRODUCTS.key
_COUNTS = marts.REVIEW_COUNTS.key
_LENGTHS = marts.LENGTH_COUNTS.key
_PRICES = marts.PRICE_COUNTS.key
_RATED = marts.PRODUCT_RATINGS.key
_PREDICTIONS = tables.SENTIMENT_PREDICTIONS.key


@dataclass(frozen=True)
class Mart:
    """A mart with the keys of its input tables and its transform, which takes their rows.

    The `reviews` of a `complete` mart add up to those of its first input.
    """

    table: Table
    inputs: tuple[str, ...]
    transform: Callable[..., DataFrame]
    complete: bool = False


MARTS = (
    Mart(marts.REVIEW_COUNTS, (_REVIEWS,), counts.review_counts, complete=True),
    Mart(marts.LENGTH_COUNTS, (_REVIEWS,), counts.length_counts, complete=True),
    Mart(marts.PRICE_COUNTS, (_REVIEWS,), counts.price_counts, complete=True),
    Mart(
        marts.PRODUCT_RATINGS,
        (_REVIEWS, _PRODUCTS, _COUNTS),
        products.product_ratings,
        complete=True,
    ),
    Mart(marts.RATINGS, (_COUNTS,), groups.ratings, complete=True),
    Mart(marts.SENTIMENTS, (_COUNTS,), groups.sentiments, complete=True),
    Mart(marts.YEARS, (_COUNTS,), over_time.years),
    Mart(marts.YEAR_MONTHS, (_COUNTS,), over_time.year_months),
    Mart(marts.SEASONS, (_COUNTS,), over_time.seasons),
    Mart(marts.REVIEW_LENGTHS, (_LENGTHS,), groups.review_lengths, complete=True),
    Mart(marts.PRICE_RATINGS, (_PRICES, _PRODUCTS), groups.price_ratings, complete=True),
    Mart(marts.CATEGORY_RATINGS, (_COUNTS,), groups.category_ratings, complete=True),
    Mart(marts.CREDIBILITY, (_COUNTS,), groups.credibility),
    Mart(marts.CATEGORY_PRODUCTS, (_PRODUCTS,), groups.category_products),
    Mart(marts.SECONDARY_CATEGORIES, (_PRODUCTS, _RATED, _COUNTS), products.secondary_categories),
    Mart(marts.PRODUCT_TITLES, (_PRODUCTS, _RATED, _COUNTS), products.product_titles),
    Mart(marts.PRODUCT_MONTHS, (_REVIEWS,), over_time.product_months),
    Mart(marts.BRANDS, (_PRODUCTS, _RATED, _COUNTS), products.brands),
    Mart(marts.BRAND_YEARS, (_REVIEWS, _COUNTS), over_time.brand_years),
    Mart(marts.BRAND_TRENDS, (_REVIEWS,), over_time.brand_trends),
    Mart(marts.PRODUCT_ALERTS, (_REVIEWS, _PRODUCTS), products.product_alerts),
    Mart(marts.HELPFUL_VOTES, (_REVIEWS,), groups.helpful_votes, complete=True),
    Mart(
        marts.FRESHNESS,
        (_REVIEWS, layers.BRONZE_REVIEW_EVENTS.key),
        groups.freshness,
        complete=True,
    ),
    Mart(marts.SUMMARIES, (_REVIEWS, _COUNTS), people.summaries),
    Mart(marts.CUSTOMER_PHRASES, (_REVIEWS, marts.SUMMARIES.key), people.customer_phrases),
    Mart(marts.REVIEWER_NAMES, (_REVIEWS, _COUNTS), people.reviewer_names),
    Mart(marts.TOTALS, (_REVIEWS, _PRODUCTS, _RATED, _COUNTS), people.totals),
    Mart(
        marts.SOURCE_COLUMNS,
        (layers.SILVER_REVIEWS_COLUMNS.key, layers.SILVER_PRODUCTS_COLUMNS.key),
        source.source_columns,
    ),
)
"""The marts in build order: each follows the marts among its inputs."""

SENTIMENT_MARTS = (
    Mart(tables.SENTIMENT_CATEGORIES, (_PREDICTIONS,), sentiment.sentiment_categories),
    Mart(tables.SENTIMENT_BRANDS, (_PREDICTIONS,), sentiment.sentiment_brands),
    Mart(tables.SENTIMENT_PRODUCTS, (_PREDICTIONS,), sentiment.sentiment_products),
    Mart(tables.SENTIMENT_YEARS, (_PREDICTIONS,), sentiment.sentiment_years),
)
"""Marts of the predicted sentiment, by category, brand, product and year."""


def pinned_versions(lakehouse: Lakehouse) -> dict[str, int]:
    """Return the current versions of the marts' inputs, so that all marts read the same."""
    built = {mart.table.key for mart in MARTS}
    keys = {key for mart in MARTS for key in mart.inputs if key not in built}
    for key in keys:
        lakehouse.ensure(key)
    return {key: lakehouse.delta(key).version() for key in keys}


def build_mart(
    spark: SparkSession, lakehouse: Lakehouse, mart: Mart, versions: Mapping[str, int]
) -> None:
    """Rebuild the mart in one commit from its inputs, at their newest or these `versions`."""
    frames = [lakehouse.read(spark, key, version=versions.get(key)) for key in mart.inputs]
    lakehouse.write(_typed(mart.transform(*frames), mart.table), mart.table.key, replacing=ALL_ROWS)


def output_and_input_reviews(
    lakehouse: Lakehouse, mart: Mart, versions: Mapping[str, int]
) -> tuple[int, int]:
    """Return the number of reviews in a complete mart, and in its first input."""
    source = mart.inputs[0]
    input_reviews = (
        row_count(lakehouse.delta(_REVIEWS, versions.get(_REVIEWS)))
        if source == _REVIEWS
        else _reviews(lakehouse, source)
    )
    return _reviews(lakehouse, mart.table.key), input_reviews


def _reviews(lakehouse: Lakehouse, key: str) -> int:
    rows = lakehouse.delta(key).to_pyarrow_table(columns=["reviews"])
    return pc.sum(rows["reviews"]).as_py() or 0


def _typed(frame: DataFrame, table: Table) -> DataFrame:
    return frame.select(
        *(
            F.col(column.name).cast(from_arrow_type(column.type)).alias(column.name)
            for column in table.columns
        )
    )
