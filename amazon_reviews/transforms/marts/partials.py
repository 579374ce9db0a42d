"""One transform per partial aggregate: the rows of some partitions, added up for each of them.

The columns are those of `amazon_reviews.schemas.partials`. Sums are of whole numbers, so that they
do not depend on how the rows are divided into partitions.
"""

from collections.abc import Iterable, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import NEGATIVE, POSITIVE, SENTIMENTS
from amazon_reviews.transforms.exact_sums import parts, tenths
from amazon_reviews.transforms.marts.counts import (
    LENGTHS,
    band_columns,
    category,
    price_band,
    product,
)
from amazon_reviews.transforms.marts.ratings import tallies, with_means

_ORIGIN_YEAR = 2010
PHRASES = 20
"""The most used summaries whose customers are counted."""


def cells(reviews: DataFrame) -> DataFrame:
    """Return one row per partition and combination of the dimensions that have few values."""
    origin = ("profile", "marketplace", "language")
    return reviews.groupBy("partition", *_dimensions(), *origin).agg(
        _count("reviews"),
        F.count("reviewed_on").alias("dated"),
        *_first_and_last(),
        F.count(F.when(F.col("vote") > 0, 1)).alias("voted"),
        F.coalesce(F.sum("vote"), F.lit(0)).alias("votes"),
        F.count(F.when(F.col("vote").isNull(), 1)).alias("vote_missing"),
        F.count("vine").alias("vine_known"),
        F.count(F.when(F.col("vine"), 1)).alias("vine_true"),
    )


def lengths(reviews: DataFrame) -> DataFrame:
    """Return one row per partition, length band and dimensions of the filters."""
    words, characters = F.col("word_count"), F.col("char_count")
    blanks = F.when(words > 0, words - 1).otherwise(0)
    band = band_columns("length", LENGTHS, words, last=1)
    return reviews.groupBy("partition", *band, *_dimensions()).agg(
        _count("reviews"),
        F.sum(words).alias("words"),
        F.sum(characters).alias("characters"),
        F.sum(characters - blanks).alias("letters"),
    )


def prices(reviews: DataFrame) -> DataFrame:
    """Return one row per partition, price band and dimensions of the filters."""
    return reviews.groupBy("partition", *price_band(), *_dimensions()).agg(_count("reviews"))


def brands(reviews: DataFrame) -> DataFrame:
    """Return one row per partition, brand and year of dated reviews.

    Times are counted from a near year, because large squares would lose digits; each review counts
    as written in the middle of its month.
    """
    dated = reviews.where(F.col("brand").isNotNull() & F.col("year").isNotNull())
    time = (F.col("year") - F.lit(_ORIGIN_YEAR)) * F.lit(24) + F.col("month") * F.lit(2) - F.lit(1)
    x = F.when(F.col("overall").isNotNull(), time.cast("bigint"))
    y = tenths(F.col("overall"))
    return dated.groupBy("partition", "brand", "year").agg(
        *tallies(F.col("overall"), F.lit(1)),
        F.sum(x).alias("times"),
        F.sum(x * x).alias("time_squares"),
        F.sum(x * y).alias("star_times"),
        F.sum(y * y).alias("star_squares"),
        F.min(y).alias("fewest_tenths"),
        F.max(y).alias("most_tenths"),
    )


def products(reviews: DataFrame) -> DataFrame:
    """Return one row per partition, product and asin of the reviews."""
    stars = F.col("overall")
    full = [
        F.count(F.when((stars >= n - 0.5) & (stars < n + 0.5), 1)).alias(f"stars_{n}")
        for n in range(1, 6)
    ]
    return reviews.groupBy("partition", product(), F.col("asin").alias("variant")).agg(
        *tallies(stars, F.lit(1)), *full, *_first_and_last()
    )


def product_months(reviews: DataFrame) -> DataFrame:
    """Return one row per partition, product, year and month of dated reviews."""
    dated = reviews.where(F.col("year").isNotNull())
    by = ("partition", product(), "year", "month")
    return with_means(dated.groupBy(*by).agg(*tallies(F.col("overall"), F.lit(1))))


def summaries(reviews: DataFrame) -> DataFrame:
    """Return one row per partition and summary."""
    written = reviews.where(F.col("summary") != "")
    return written.groupBy("partition", "summary").agg(*tallies(F.col("overall"), F.lit(1)))


def phrases(reviews: DataFrame, most_used: Sequence[str]) -> DataFrame:
    """Return one row per partition, summary and customer, of these summaries."""
    uses = reviews.where(F.col("summary").isin(*most_used))
    return uses.groupBy("partition", "summary", "reviewer_id").agg(_count("uses"))


def reviewers(reviews: DataFrame) -> DataFrame:
    """Return one row per partition, reviewer and name.

    A 64-bit hash takes a third of the memory of an id. Among a hundred million reviewers two share
    a hash with a probability of 3 in 10,000.
    """
    reviewer = F.xxhash64("reviewer_id").alias("reviewer")
    return reviews.groupBy("partition", reviewer, "reviewer_name").agg(_count("reviews"))


def predicted_products(predictions: DataFrame) -> DataFrame:
    """Return one row per partition, product, brand and main category."""
    return _predicted(predictions, product(), "brand", "main_category")


def predicted_years(predictions: DataFrame) -> DataFrame:
    """Return one row per partition, year and source."""
    return _predicted(predictions, F.year("reviewed_on").alias("year"), "source")


def _predicted(predictions: DataFrame, *by: Column | str) -> DataFrame:
    predicted, by_stars = F.col("predicted"), F.col("sentiment")
    opposite = ((predicted == NEGATIVE) & (by_stars == POSITIVE)) | (
        (predicted == POSITIVE) & (by_stars == NEGATIVE)
    )
    stars = tenths(F.col("overall"))
    return predictions.groupBy("partition", *by).agg(
        _count("reviews"),
        *(F.count(F.when(predicted == label, 1)).alias(label) for label in SENTIMENTS),
        F.sum(parts(F.col("positive"))).alias("positive_parts"),
        F.sum(parts(F.col("expected_stars"))).alias("expected_parts"),
        F.count(stars).alias("rated"),
        F.coalesce(F.sum(stars), F.lit(0)).alias("star_tenths"),
        F.count(F.when(opposite, 1)).alias("contradictions"),
    )


def _count(name: str) -> Column:
    return F.count(F.lit(1)).alias(name)


def _first_and_last() -> Iterable[Column]:
    return F.min("reviewed_on").alias("first_on"), F.max("reviewed_on").alias("last_on")


def _dimensions() -> list[Column]:
    stars = F.col("overall").alias("stars")
    return [F.col("year"), F.col("month"), category(), stars, F.col("verified"), F.col("source")]
