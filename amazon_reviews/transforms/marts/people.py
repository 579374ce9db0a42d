"""Reviewers and their words: summaries, names, and totals over everything."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.transforms.marts.ratings import (
    MEASURES,
    ratio,
    tallies,
    with_means,
)

MOST_USED = 1_000
PHRASES = 20
# A name of fewer reviewers could reveal one of them.
FEWEST_REVIEWERS = 5
CUSTOMERS = 50


def summaries(reviews: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per summary: the `MOST_USED`, from gold/reviews and gold/review_counts."""
    written = reviews.where(F.col("summary") != "")
    rows = with_means(written.groupBy("summary").agg(*tallies(F.col("overall"), F.lit(1))))
    most_used = _with_share_of_all(_first(rows, MOST_USED, "reviews", "summary"), counts)
    return most_used.select("place", "summary", "reviews", "share", "mean_stars")


def customer_phrases(reviews: DataFrame, phrases: DataFrame) -> DataFrame:
    """Return one row per summary and customer: `CUSTOMERS` of each of the `PHRASES` most used.

    From gold/reviews and gold/summaries.
    """
    most_used = phrases.where(F.col("place") <= PHRASES).select("summary")
    uses = (
        most_used.join(reviews.select("summary", "reviewer_id"), on="summary")
        .groupBy("summary", "reviewer_id")
        .agg(F.count(F.lit(1)).alias("uses"))
    )
    order = Window.partitionBy("summary").orderBy(F.desc("uses"), "reviewer_id")
    places = uses.select("*", F.row_number().over(order).alias("place"))
    return places.where(F.col("place") <= CUSTOMERS).select(
        "summary", "place", "reviewer_id", "uses"
    )


def reviewer_names(reviews: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per name of at least `FEWEST_REVIEWERS` reviewers: the `MOST_USED`.

    From gold/reviews and gold/review_counts.
    """
    named = reviews.where(F.col("reviewer_name") != "")
    rows = named.groupBy("reviewer_name").agg(
        F.count(F.lit(1)).alias("reviews"), _distinct("reviewer_id").alias("reviewers")
    )
    rows = rows.where(F.col("reviewers") >= FEWEST_REVIEWERS)
    most_used = _with_share_of_all(_first(rows, MOST_USED, "reviews", "reviewer_name"), counts)
    return most_used.select("place", "reviewer_name", "reviews", "share")


def _first(rows: DataFrame, number: int, by: str, name: str) -> DataFrame:
    """Return the rows with most `by`, ties by `name`, with their place from 1."""
    most = rows.orderBy(F.desc(by), name).limit(number)
    order = Window.partitionBy(F.lit(1)).orderBy(F.desc(by), name)
    return most.select("*", F.row_number().over(order).alias("place"))


def _with_share_of_all(rows: DataFrame, counts: DataFrame) -> DataFrame:
    whole = counts.agg(F.sum("reviews").alias("all_reviews"))
    share = ratio(F.col("reviews"), F.col("all_reviews"))
    return rows.join(whole, how="cross").withColumn("share", share)


def totals(
    reviews: DataFrame, products: DataFrame, rated: DataFrame, counts: DataFrame
) -> DataFrame:
    """Return a single row with the totals over everything.

    From gold/reviews, gold/products, gold/product_ratings and gold/review_counts.
    """
    everything = counts.agg(
        *tallies(F.col("stars"), F.col("reviews")),
        F.coalesce(F.sum(F.when(F.col("verified"), F.col("reviews"))), F.lit(0)).alias("verified"),
    )
    days = rated.agg(
        F.count(F.lit(1)).alias("reviewed_products"),
        F.min("first_on").alias("first_on"),
        F.max("last_on").alias("last_on"),
    )
    known = F.when(F.col("brand") != UNKNOWN, F.col("brand"))
    offered = products.agg(
        F.count(F.lit(1)).alias("products"), F.count_distinct(known).alias("brands")
    )
    customers = reviews.agg(_distinct("reviewer_id").alias("customers"))
    joined = with_means(everything)
    for single_row in (customers, days, offered):
        joined = joined.join(single_row, how="cross")
    return joined.select(
        *MEASURES,
        "verified",
        "customers",
        "reviewed_products",
        "products",
        "brands",
        "first_on",
        "last_on",
    )


def _distinct(column: str) -> Column:
    """Count distinct values by their 64-bit hashes, which take a third of the memory.

    Among a hundred million values two share a hash with a probability of 3 in 10,000.
    """
    return F.count_distinct(F.xxhash64(column))
