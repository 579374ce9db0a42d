"""Interactions of users and products."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.exact_sums import tenths


def interactions(reviews: DataFrame) -> DataFrame:
    """One row per user and product with a rated review, from gold/reviews: the latest rating.

    If several reviews have the same day, or none, the one with the most stars counts.
    """
    # One number, the day before the stars: the embedded engine holds structures of all groups in
    # memory. Engines sort a null day before or after all others; here it is before them.
    day = F.unix_date(F.coalesce("reviewed_on", F.to_date(F.lit("0001-01-01")))).cast("bigint")
    latest = F.max(day * 100 + tenths(F.col("overall")))
    rated = reviews.where(F.col("overall").isNotNull())
    return (
        rated.groupBy("reviewer_id", F.coalesce("product_asin", "asin").alias("asin"))
        .agg(
            latest.alias("latest"),
            F.max("reviewed_on").alias("reviewed_on"),
            F.count(F.lit(1)).alias("reviews"),
        )
        .select(
            "reviewer_id",
            "asin",
            (F.pmod("latest", F.lit(100)) / 10).cast("decimal(2,1)").alias("rating"),
            "reviewed_on",
            "reviews",
        )
    )
