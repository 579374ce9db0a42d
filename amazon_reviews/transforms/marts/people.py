"""Reviewers and their words: summaries, names, and totals over everything."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.transforms.marts.counts import sums
from amazon_reviews.transforms.marts.partials import PHRASES
from amazon_reviews.transforms.marts.ratings import (
    MEASURES,
    ratio,
    summed_tallies,
    tallies,
    with_means,
)

MOST_USED = 1_000
# A name of fewer reviewers could reveal one of them.
FEWEST_REVIEWERS = 5
CUSTOMERS = 50


def summaries(written: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per summary: the `MOST_USED`, with their share of gold/review_counts."""
    rows = with_means(written.groupBy("summary").agg(*summed_tallies()))
    most_used = _with_share_of_all(_first(rows, MOST_USED, "reviews", "summary"), counts)
    return most_used.select("place", "summary", "reviews", "share", "mean_stars")


def customer_phrases(phrases: DataFrame, summaries: DataFrame) -> DataFrame:
    """Return one row per summary and customer: `CUSTOMERS` of each of the `PHRASES` most used.

    Those are the first of gold/summaries.
    """
    most_used = summaries.where(F.col("place") <= PHRASES).select("summary")
    fewest = _fewest_within_reach(phrases).join(most_used, on="summary")
    is_within = F.col("fewest").isNull() | (F.col("uses") >= F.col("fewest"))
    used = phrases.join(fewest, on=["partition", "summary"]).where(is_within)
    uses = used.groupBy("summary", "reviewer_id").agg(*sums("uses"))
    order = Window.partitionBy("summary").orderBy(F.desc("uses"), "reviewer_id")
    places = uses.select("*", F.row_number().over(order).alias("place"))
    return places.where(F.col("place") <= CUSTOMERS).select(
        "summary", "place", "reviewer_id", "uses"
    )


def _fewest_within_reach(phrases: DataFrame) -> DataFrame:
    """Return the fewest uses of a row by partition and summary that can lead into the mart.

    `CUSTOMERS` customers reach `least` uses of a summary within one partition. Another customer
    has at most the uses of a row and, in each other partition, the `most` of anyone there. So
    nearly all rows of the sum of many partitions need not be added up and sorted. Null means all.
    """
    by = ("partition", "summary")
    sizes = phrases.groupBy(*by, "uses").agg(F.count(F.lit(1)).alias("customers"))
    from_most = Window.partitionBy(*by).orderBy(F.desc("uses"))
    reaching = sizes.select("*", F.sum("customers").over(from_most).alias("reaching"))
    enough = F.when(F.col("reaching") >= CUSTOMERS, F.col("uses"))
    bounds = reaching.groupBy(*by).agg(F.max(enough).alias("least"), F.max("uses").alias("most"))
    whole = Window.partitionBy("summary")
    elsewhere = F.sum("most").over(whole) - F.col("most")
    return bounds.select(*by, (F.max("least").over(whole) - elsewhere).alias("fewest"))


def reviewer_names(reviewers: DataFrame, counts: DataFrame) -> DataFrame:
    """Return one row per name of at least `FEWEST_REVIEWERS` reviewers: the `MOST_USED`.

    Their share is that of gold/review_counts.
    """
    named = reviewers.where(F.col("reviewer_name") != "")
    rows = named.groupBy("reviewer_name").agg(
        *sums("reviews"), F.count_distinct("reviewer").alias("reviewers")
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
    reviewers: DataFrame, products: DataFrame, rated: DataFrame, counts: DataFrame
) -> DataFrame:
    """Return a single row with the totals over everything.

    Beside the reviewers, from gold/products, gold/product_ratings and gold/review_counts.
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
    customers = reviewers.agg(F.count_distinct("reviewer").alias("customers"))
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
