"""Ratings by product, title, brand and second category."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.marts.counts import category, first_and_last, sums
from amazon_reviews.transforms.marts.ratings import (
    MEASURES,
    SHRUNK_MEASURES,
    TALLIES,
    ratio,
    star_tenths,
    summed_tallies,
    with_means,
    with_shrunk_means,
)

_PRODUCT = ("title", "brand", "main_category")


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
    sums = rated.withColumn("star_tenths", star_tenths())
    return products.join(sums.select("asin", *TALLIES), on="asin", how="left")
