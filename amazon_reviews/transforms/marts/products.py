"""Ratings by product, title, brand and second category, and alerts."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.marts.counts import category, first_and_last, sums
from amazon_reviews.transforms.marts.groups import sample_variance
from amazon_reviews.transforms.marts.partials import ALERT_DAYS
from amazon_reviews.transforms.marts.ratings import (
    MEASURES,
    SHRUNK_MEASURES,
    TALLIES,
    ratio,
    summed_tallies,
    with_means,
    with_shrunk_means,
)

RECENT_DAYS = 90
EARLIER_DAYS = ALERT_DAYS - RECENT_DAYS
_PRODUCT = ("title", "brand", "main_category")
_SURGE_REVIEWS, _SURGE_VELOCITY, _SURGE_ERRORS = 10, 2.0, 3.0
_DROP_REVIEWS, _DROP_STARS, _DROP_ERRORS = 5, 0.5, 1.96


def product_ratings(reviewed: DataFrame, products: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per reviewed product.

    Described by gold/products, with the mean of gold/review_counts.
    """
    full = [f"stars_{n}" for n in range(1, 6)]
    grouped = reviewed.groupBy("asin").agg(*summed_tallies(), *sums(*full), *first_and_last())
    listed = F.when(~F.col("price_imputed"), F.col("price")).alias("price")
    described = products.select("asin", *_PRODUCT, listed, "price_imputed")
    return (
        with_shrunk_means(grouped, counts)
        .join(described, on="asin", how="left")
        .select(
            "asin",
            *_PRODUCT,
            "price",
            "price_imputed",
            *SHRUNK_MEASURES,
            *full,
            "first_on",
            "last_on",
        )
    )


def product_variants(reviewed: DataFrame) -> DataFrame:
    """Return one row per asin that is not the one of its product."""
    variants = reviewed.where(F.col("variant") != F.col("asin")).select(
        F.col("variant").alias("asin"), F.col("asin").alias("product_asin"), *TALLIES
    )
    grouped = variants.groupBy("asin", "product_asin").agg(*summed_tallies())
    return with_means(grouped).select("asin", "product_asin", *MEASURES)


def product_coverage(products: DataFrame, rated: DataFrame) -> DataFrame:
    """Return one row per product with a rating_number.

    From gold/products and gold/product_ratings.
    """
    counted = products.where(F.col("rating_number").isNotNull())
    held = rated.select("asin", "reviews", "mean_stars")
    reviews = F.coalesce("reviews", F.lit(0))
    return counted.join(held, on="asin", how="left").select(
        "asin",
        *_PRODUCT,
        "rating_number",
        reviews.alias("reviews"),
        ratio(reviews, F.col("rating_number")).alias("share_held"),
        "average_rating",
        "mean_stars",
        (F.col("mean_stars") - F.col("average_rating")).alias("difference"),
    )


def product_titles(products: DataFrame, rated: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per title, from gold/products, gold/product_ratings and gold/review_counts."""
    grouped = (
        _join_tallies(products, rated)
        .groupBy("title")
        .agg(
            F.count(F.lit(1)).alias("products"),
            F.avg("image_count").alias("mean_images"),
            *summed_tallies(),
        )
    )
    rows = with_shrunk_means(grouped, counts)
    return rows.select("title", "products", "mean_images", *SHRUNK_MEASURES)


def brands(products: DataFrame, rated: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per brand, from gold/products, gold/product_ratings and gold/review_counts."""
    listed = ~F.col("price_imputed")
    grouped = (
        _join_tallies(products, rated)
        .groupBy("brand")
        .agg(
            F.count(F.lit(1)).alias("products"),
            F.min(F.when(listed, F.col("price_min"))).alias("price_min"),
            F.max(F.when(listed, F.col("price_max"))).alias("price_max"),
            *summed_tallies(),
        )
    )
    rows = with_shrunk_means(grouped, counts)
    return rows.select("brand", "products", "price_min", "price_max", *SHRUNK_MEASURES)


def secondary_categories(products: DataFrame, rated: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per main and second category.

    From gold/products, gold/product_ratings and gold/review_counts.
    """
    second = F.get("categories", F.lit(1)).alias("secondary_category")
    placed = _join_tallies(products, rated).select("*", second)
    grouped = (
        placed.where(F.col("secondary_category").isNotNull())
        .groupBy(category(), "secondary_category")
        .agg(F.count(F.lit(1)).alias("products"), *summed_tallies())
    )
    rows = with_shrunk_means(grouped, counts)
    return rows.select("main_category", "secondary_category", "products", *SHRUNK_MEASURES)


def _join_tallies(products: DataFrame, rated: DataFrame) -> DataFrame:
    """Return products with the `TALLIES` of their reviews, null without any."""
    # A mean has more digits than its sum, so that the sum is found again exactly.
    star_tenths = F.round(F.col("mean_stars") * F.col("rated") * F.lit(10.0)).cast("bigint")
    sums = rated.withColumn("star_tenths", star_tenths)
    return products.join(sums.select("asin", *TALLIES), on="asin", how="left")


def product_alerts(days: DataFrame, products: DataFrame) -> DataFrame:
    """Return one row per product with an alert, described by gold/products.

    The reviews of the last 90 days are compared with those of the 365 days before: their pace
    as two Poisson counts, their mean stars by Welch's statistic.
    """
    newest = days.agg(F.max("reviewed_on").alias("as_of"))
    age = F.date_diff(F.col("as_of"), F.col("reviewed_on")).alias("days")
    aged = days.join(newest, how="cross").select("*", age)
    recent = F.col("days") < RECENT_DAYS
    earlier = (F.col("days") >= RECENT_DAYS) & (F.col("days") < RECENT_DAYS + EARLIER_DAYS)
    windows = aged.groupBy("asin", "as_of").agg(
        *_window("recent", recent), *_window("earlier", earlier)
    )
    alerts = _compared(windows).where(F.col("surge") | F.col("dropped"))
    return alerts.join(products.select("asin", *_PRODUCT), on="asin", how="left").select(
        "asin",
        *_PRODUCT,
        "as_of",
        "recent_reviews",
        "earlier_reviews",
        "velocity",
        "velocity_z",
        "recent_mean",
        "earlier_mean",
        "rating_drop",
        "rating_drop_z",
        "surge",
        "dropped",
    )


def _window(name: str, within: Column) -> list[Column]:
    def sum_of(column: str) -> Column:
        return F.coalesce(F.sum(F.when(within, F.col(column))), F.lit(0))

    return [
        sum_of("reviews").alias(f"{name}_reviews"),
        sum_of("rated").alias(f"{name}_rated"),
        (sum_of("star_tenths") / F.lit(10.0)).alias(f"{name}_sum"),
        (sum_of("star_squares") / F.lit(100.0)).alias(f"{name}_squares"),
    ]


def _compared(windows: DataFrame) -> DataFrame:
    expected = F.col("earlier_reviews") * F.lit(RECENT_DAYS / EARLIER_DAYS)
    error = F.sqrt(expected * F.lit(1 + RECENT_DAYS / EARLIER_DAYS))
    paced = windows.select(
        "*",
        ratio(F.col("recent_reviews"), expected).alias("velocity"),
        ratio(F.col("recent_reviews") - expected, error).alias("velocity_z"),
        ratio(F.col("recent_sum"), F.col("recent_rated")).alias("recent_mean"),
        ratio(F.col("earlier_sum"), F.col("earlier_rated")).alias("earlier_mean"),
    )
    drop = F.col("earlier_mean") - F.col("recent_mean")
    spread = F.sqrt(_variance_of_mean("recent") + _variance_of_mean("earlier"))
    compared = paced.select(
        "*", drop.alias("rating_drop"), ratio(drop, spread).alias("rating_drop_z")
    )
    surge = (
        (F.col("recent_reviews") >= _SURGE_REVIEWS)
        & (F.col("velocity") >= _SURGE_VELOCITY)
        & (F.col("velocity_z") >= _SURGE_ERRORS)
    )
    dropped = (
        (F.least("recent_rated", "earlier_rated") >= _DROP_REVIEWS)
        & (F.col("rating_drop") >= _DROP_STARS)
        & (F.col("rating_drop_z") >= _DROP_ERRORS)
    )
    return compared.select(
        "*",
        F.coalesce(surge, F.lit(False)).alias("surge"),
        F.coalesce(dropped, F.lit(False)).alias("dropped"),
    )


def _variance_of_mean(window: str) -> Column:
    n, total, squares = (F.col(f"{window}_{name}") for name in ("rated", "sum", "squares"))
    return ratio(sample_variance(n, total, squares), n)
