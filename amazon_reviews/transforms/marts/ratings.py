"""What every mart says about ratings: how many, of which sentiment, and their mean."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

PRIOR_REVIEWS = 10
"""How many reviews with the mean of all stars are added to a group in its shrunk mean."""

MEASURES = ("reviews", "rated", "mean_stars", "positive", "neutral", "negative")
SHRUNK_MEASURES = ("reviews", "rated", "mean_stars", "shrunk_stars", *MEASURES[3:])
TALLIES = ("reviews", "rated", "star_sum", "positive", "neutral", "negative")


def tallies(stars: Column, reviews: Column) -> list[Column]:
    """Aggregates named `TALLIES` over rows that each stand for `reviews` reviews of `stars`.

    `star_sum` is a double; stars are null for unrated reviews, which only `reviews` counts.
    """

    def number_of(condition: Column) -> Column:
        return F.coalesce(F.sum(F.when(condition, reviews)), F.lit(0))

    return [
        F.coalesce(F.sum(reviews), F.lit(0)).alias("reviews"),
        number_of(stars.isNotNull()).alias("rated"),
        F.coalesce(F.sum(stars.cast("double") * reviews), F.lit(0.0)).alias("star_sum"),
        number_of(stars > 3).alias("positive"),
        number_of(stars == 3).alias("neutral"),
        number_of(stars < 3).alias("negative"),
    ]


def added() -> list[Column]:
    """Aggregates named `TALLIES` over rows that have them, or nulls where there are no reviews."""
    return [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in TALLIES]


def ratio(part: Column, whole: Column) -> Column:
    """A double; null where the whole is 0."""
    return part.cast("double") / F.nullif(whole.cast("double"), F.lit(0.0))


def with_means(tallied: DataFrame) -> DataFrame:
    """Add mean_stars to rows with `TALLIES`; null where nothing is rated."""
    return tallied.withColumn("mean_stars", ratio(F.col("star_sum"), F.col("rated")))


def with_shrunk_means(tallied: DataFrame, counts: DataFrame) -> DataFrame:
    """Add mean_stars and shrunk_stars to rows with `TALLIES`.

    The Bayesian average (C·m + Σ stars) / (C + n) with C = `PRIOR_REVIEWS` and m the mean of all
    rated reviews in `counts`, which is gold/review_counts; null where nothing at all is rated.
    """
    everything = counts.agg(*tallies(F.col("stars"), F.col("reviews")))
    prior = everything.select(ratio(F.col("star_sum"), F.col("rated")).alias("prior"))
    weighted = F.col("star_sum") + F.lit(float(PRIOR_REVIEWS)) * F.col("prior")
    shrunk = weighted / (F.col("rated") + F.lit(float(PRIOR_REVIEWS)))
    joined = with_means(tallied).join(prior, how="cross")
    return joined.withColumn("shrunk_stars", shrunk).drop("prior")


def with_share(rows: DataFrame) -> DataFrame:
    """Add share, the part of all `reviews` of the rows."""
    return rows.withColumn("share", ratio(F.col("reviews"), whole_of("reviews")))


def whole_of(column: str) -> Column:
    """The sum of a column over all rows, which must be few, beside each of them.

    Not an aggregate that is joined: where statistics say that a group's key is constant, the
    embedded engine fails to plan that.
    """
    return F.sum(column).over(Window.partitionBy(F.lit(1)))


def sentiment_of(stars: Column) -> Column:
    """The sentiment of stars: negative below 3, neutral at 3, positive above; null of null."""
    return F.when(stars < 3, "negative").when(stars == 3, "neutral").when(stars > 3, "positive")
