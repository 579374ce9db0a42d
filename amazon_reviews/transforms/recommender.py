"""Who rated what: one row per user and product."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def interactions(reviews: DataFrame) -> DataFrame:
    """One row per user and product with a rated review, from gold/reviews: the latest rating.

    Of several reviews of a day, or without one, the one with the most stars counts.
    """
    latest = F.max(F.struct("reviewed_on", "overall"))
    rated = reviews.where(F.col("overall").isNotNull())
    return (
        rated.groupBy("reviewer_id", "asin")
        .agg(latest.alias("latest"), F.count(F.lit(1)).alias("reviews"))
        .select(
            "reviewer_id",
            "asin",
            F.col("latest.overall").alias("rating"),
            F.col("latest.reviewed_on").alias("reviewed_on"),
            "reviews",
        )
    )
