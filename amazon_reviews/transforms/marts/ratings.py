"""Rating measures of the marts: counts, counts by sentiment, and means."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import NEUTRAL_STARS, PRIOR_REVIEWS
from amazon_reviews.transforms.exact_sums import tenths

MEASURES = ("reviews", "rated", "mean_stars", "positive", "neutral", "negative")
SHRUNK_MEASURES = ("reviews", "rated", "mean_stars", "shrunk_stars", *MEASURES[3:])
TALLIES = ("reviews", "rated", "star_tenths", "positive", "neutral", "negative")


def tallies(stars: Column, reviews: Column) -> list[Column]:
    """Return aggregates named `TALLIES` over rows that each stand for `reviews` of `stars`.

    `star_tenths` is ten times the sum of the stars. Stars are null for unrated reviews, which only
    `reviews` counts.
    """

    def number_of(condition: Column) -> Column:
        return F.coalesce(F.sum(F.when(condition, reviews)), F.lit(0))

    return [
        F.coalesce(F.sum(reviews), F.lit(0)).alias("reviews"),
        number_of(stars.isNotNull()).alias("rated"),
        F.coalesce(F.sum(tenths(stars) * reviews), F.lit(0)).alias("star_tenths"),
        number_of(stars > NEUTRAL_STARS).alias("positive"),
        number_of(stars == NEUTRAL_STARS).alias("neutral"),
        number_of(stars < NEUTRAL_STARS).alias("negative"),
    ]


def summed_tallies() -> list[Column]:
    """Return aggregates named `TALLIES` over rows that have them; null counts as 0."""
    return [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in TALLIES]


def ratio(part: Column, whole: Column) -> Column:
    """Return the quotient as a double; null for a whole of 0."""
    return part.cast("double") / F.nullif(whole.cast("double"), F.lit(0.0))


def star_tenths() -> Column:
    """Return ten times the sum of the stars of rows with rated and mean_stars."""
    # A mean has more digits than its sum, so that the sum is found again exactly.
    return F.round(F.col("mean_stars") * F.col("rated") * F.lit(10.0)).cast("bigint")


def with_means(tallied: DataFrame) -> DataFrame:
    """Add mean_stars to rows with `TALLIES`; null without rated reviews."""
    return tallied.withColumn("mean_stars", _mean_stars())


def with_shrunk_means(tallied: DataFrame, counts: DataFrame) -> DataFrame:
    """Add mean_stars and shrunk_stars to rows with `TALLIES`.

    shrunk_stars is the Bayesian average (C·m + Σ stars) / (C + n): C = `PRIOR_REVIEWS`, m is the
    mean of all rated reviews in `counts`, which is gold/review_counts. Null if none is rated.
    """
    everything = counts.agg(*tallies(F.col("stars"), F.col("reviews")))
    prior = everything.select(_mean_stars().alias("prior"))
    weighted = F.col("star_tenths") / F.lit(10.0) + F.lit(float(PRIOR_REVIEWS)) * F.col("prior")
    shrunk = weighted / (F.col("rated") + F.lit(float(PRIOR_REVIEWS)))
    joined = with_means(tallied).join(prior, how="cross")
    return joined.withColumn("shrunk_stars", shrunk).drop("prior")


def _mean_stars() -> Column:
    return ratio(F.col("star_tenths"), F.col("rated") * F.lit(10))


def with_share(rows: DataFrame) -> DataFrame:
    """Add share, the part of all `reviews` of the rows."""
    return rows.withColumn("share", ratio(F.col("reviews"), whole_of("reviews")))


def whole_of(column: str) -> Column:
    """Return the sum of a column of whole numbers over all rows, which must be few.

    It is a window and not a joined aggregate: the embedded engine fails to plan such a join if
    statistics say that a group's key is constant.
    """
    return F.sum(column).over(Window.partitionBy(F.lit(1)))
