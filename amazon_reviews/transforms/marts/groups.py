"""Ratings by properties of a review: stars, sentiment, length, price, category, source."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import ALL_CATEGORIES, FALSE_DISCOVERIES, UNKNOWN
from amazon_reviews.transforms.exact_sums import tenths
from amazon_reviews.transforms.marts.counts import category, first_and_last, price_band, sums
from amazon_reviews.transforms.marts.ratings import (
    MEASURES,
    SHRUNK_MEASURES,
    TALLIES,
    ratio,
    tallies,
    whole_of,
    with_means,
    with_share,
    with_shrunk_means,
)
from amazon_reviews.transforms.marts.significance import (
    difference_95,
    t_95,
    two_sided,
    two_sided_shares,
    with_q_values,
)
from amazon_reviews.transforms.sentiment_rule import sentiment_of

COMPARED_REVIEWS = 10
"""The fewest rated reviews on each side of a comparison."""

_LENGTH = ("length_from", "length_to")
_ORIGIN = ("profile", "marketplace", "language")
_PRICE = ("price_from", "price_to", "price_imputed")


def ratings(counts: DataFrame) -> DataFrame:
    """Return one row per stars and verified, from gold/review_counts."""
    rows = with_share(counts.groupBy("stars", "verified").agg(F.sum("reviews").alias("reviews")))
    groups = rows.groupBy(F.col("verified").alias("group_verified"))
    wholes = groups.agg(F.sum("reviews").alias("whole"))
    same = F.col("verified").eqNullSafe(F.col("group_verified"))
    of_verified = ratio(F.col("reviews"), F.col("whole")).alias("share_of_verified")
    return rows.join(wholes, on=same).select("stars", "verified", "reviews", "share", of_verified)


def sentiments(counts: DataFrame) -> DataFrame:
    """Return one row per sentiment, from gold/review_counts."""
    sentiment = sentiment_of(F.col("stars")).alias("sentiment")
    rows = with_share(counts.groupBy(sentiment).agg(F.sum("reviews").alias("reviews")))
    return rows.select("sentiment", "reviews", "share")


def review_lengths(lengths: DataFrame) -> DataFrame:
    """Return one row per length band and sentiment, from gold/length_counts."""
    measures = sums("reviews", "words", "characters", "letters")
    sentiment = sentiment_of(F.col("stars")).alias("sentiment")
    rows = with_share(lengths.groupBy(*_LENGTH, sentiment).agg(*measures))
    return rows.select(
        *_LENGTH,
        "sentiment",
        "reviews",
        "share",
        ratio(F.col("words"), F.col("reviews")).alias("mean_words"),
        ratio(F.col("characters"), F.col("reviews")).alias("mean_characters"),
        ratio(F.col("letters"), F.col("words")).alias("mean_word_length"),
    )


def price_ratings(prices: DataFrame, products: DataFrame) -> DataFrame:
    """Return one row per price band, from gold/price_counts and gold/products."""
    rated = prices.groupBy(*_PRICE).agg(*tallies(F.col("stars"), F.col("reviews")))
    reviews = rated.select("*", F.lit(0).cast("bigint").alias("products"))
    amounts = products.groupBy(*price_band()).agg(F.count(F.lit(1)).alias("products"))
    both = reviews.unionByName(amounts, allowMissingColumns=True)
    names = ("products", *TALLIES)
    added = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in names]
    return with_means(both.groupBy(*_PRICE).agg(*added)).select(*_PRICE, "products", *MEASURES)


def category_ratings(counts: DataFrame) -> DataFrame:
    """Return one row per main category, from gold/review_counts."""
    grouped = counts.groupBy("main_category").agg(*tallies(F.col("stars"), F.col("reviews")))
    rows = with_share(with_shrunk_means(grouped, counts))
    return with_q_values(_with_excess(rows)).select(
        "main_category",
        *SHRUNK_MEASURES,
        "share",
        ratio(F.col("negative"), F.col("rated")).alias("negative_share"),
        "excess_negative",
        "excess_low",
        "excess_high",
        "q_value",
    )


def _with_excess(rows: DataFrame) -> DataFrame:
    """Add excess_negative, its interval, and p_value: known categories against all other reviews.

    negative - rated * (all negative / all rated) is the difference between both shares of negative
    reviews, times a weight. So the interval of the difference gives that of the excess.
    """
    known = F.when(F.col("main_category") != UNKNOWN, F.col("rated"))
    columns = {
        "part": F.col("negative"),
        "whole": F.nullif(known, F.lit(0)),
        "others": whole_of("negative") - F.col("negative"),
        "other_whole": F.nullif(whole_of("rated") - F.col("rated"), F.lit(0)),
    }
    compared = rows.select("*", *(c.cast("double").alias(name) for name, c in columns.items()))
    sides = part, whole, others, other_whole = [F.col(name) for name in columns]
    low, high = difference_95(*sides)
    weight = whole * other_whole / (whole + other_whole)
    return compared.select(
        "*",
        (weight * (part / whole - others / other_whole)).alias("excess_negative"),
        (weight * low).alias("excess_low"),
        (weight * high).alias("excess_high"),
        F.when(weight.isNotNull(), two_sided_shares(*sides)).alias("p_value"),
    )


def credibility(counts: DataFrame) -> DataFrame:
    """Return one row per main category and one for all of them, from gold/review_counts.

    Sides of fewer than 10 reviews are not compared. The interval is Welch's. The test is
    that of equal distributions, with the variance of both sides together: few reviews may have
    equal stars by chance, and a variance of their own of 0.
    """
    rated = counts.where(F.col("stars").isNotNull() & F.col("verified").isNotNull())
    whole = rated.withColumn("main_category", F.lit(ALL_CATEGORIES))
    sides = rated.unionByName(whole).groupBy("main_category").agg(*_sums(True), *_sums(False))
    verified, unverified = _mean_and_error("verified"), _mean_and_error("unverified")
    enough = F.least("verified_rated", "unverified_rated") >= COMPARED_REVIEWS
    means = sides.select(
        "*",
        verified[0].alias("verified_mean"),
        unverified[0].alias("unverified_mean"),
        (verified[0] - unverified[0]).alias("difference"),
        F.when(enough, verified[1]).alias("verified_error"),
        F.when(enough, unverified[1]).alias("unverified_error"),
        F.when(enough, _p_value_of_difference(verified[0] - unverified[0])).alias("own_p_value"),
    )
    # All categories are a single test.
    category = F.col("main_category") != ALL_CATEGORIES
    p_value = F.when(category, F.col("own_p_value"))
    q_value = F.coalesce("q_value", "own_p_value")
    low, high = (F.col("difference") + sign * _half_of_welch() for sign in (F.lit(-1), F.lit(1)))
    beyond_chance = (q_value < FALSE_DISCOVERIES) & ((low > 0) | (high < 0))
    return with_q_values(means.withColumn("p_value", p_value)).select(
        "main_category",
        "verified_rated",
        "unverified_rated",
        "verified_mean",
        "unverified_mean",
        "difference",
        low.alias("low"),
        high.alias("high"),
        q_value.alias("q_value"),
        beyond_chance.alias("significant"),
    )


def _half_of_welch() -> Column:
    """Return the half width of the 95 % interval, with the freedom of Welch and Satterthwaite."""
    u, v = F.col("verified_error"), F.col("unverified_error")
    n, m = F.col("verified_rated"), F.col("unverified_rated")
    freedom = ratio((u + v) * (u + v), ratio(u * u, n - 1) + ratio(v * v, m - 1))
    return F.when(u + v > 0, t_95(freedom) * F.sqrt(u + v)).when(u + v == 0, 0.0)


def _p_value_of_difference(difference: Column) -> Column:
    sums = (
        F.col(f"verified_{name}") + F.col(f"unverified_{name}")
        for name in ("rated", "sum", "squares")
    )
    one = F.lit(1)
    steps = ratio(one, F.col("verified_rated")) + ratio(one, F.col("unverified_rated"))
    # A half star less, as a sum of stars has steps of whole ones.
    distance = F.greatest(F.abs(difference) - steps / F.lit(2.0), F.lit(0.0))
    error = F.sqrt(sample_variance(*sums) * steps)
    return F.when(error > 0, two_sided(distance / F.nullif(error, F.lit(0.0)))).otherwise(1.0)


def _sums(verified: bool) -> list[Column]:
    side = "verified" if verified else "unverified"
    stars, count = tenths(F.col("stars")), F.col("reviews")

    def sum_of(value: Column) -> Column:
        return F.coalesce(F.sum(F.when(F.col("verified") == verified, value)), F.lit(0))

    return [
        sum_of(count).alias(f"{side}_rated"),
        (sum_of(stars * count) / F.lit(10.0)).alias(f"{side}_sum"),
        (sum_of(stars * stars * count) / F.lit(100.0)).alias(f"{side}_squares"),
    ]


def _mean_and_error(side: str) -> tuple[Column, Column]:
    """Return the mean of a side and the variance of that mean; null for too few reviews."""
    n, total, squares = (F.col(f"{side}_{name}") for name in ("rated", "sum", "squares"))
    return ratio(total, n), ratio(sample_variance(n, total, squares), n)


def sample_variance(n: Column, total: Column, squares: Column) -> Column:
    """Return the sample variance of `n` values from their sum and that of their squares.

    It is null for fewer than two values.
    """
    freedom = F.when(n > 1, n - 1)
    return F.greatest(squares - total * ratio(total, n), F.lit(0.0)) / freedom


def helpful_votes(cells: DataFrame) -> DataFrame:
    """Return one row per stars.

    `mean_votes_missing_as_one` counts a missing vote as one, as the Inteligencia Colectiva
    warehouse does.
    """
    rows = cells.groupBy("stars").agg(*sums("reviews", "voted", "votes", "vote_missing"))
    with_missing = F.col("votes") + F.col("vote_missing")
    return rows.select(
        "stars",
        "reviews",
        "voted",
        "votes",
        ratio(F.col("votes"), F.col("voted")).alias("mean_votes"),
        ratio(with_missing, F.col("reviews")).alias("mean_votes_missing_as_one"),
    )


def review_origins(cells: DataFrame) -> DataFrame:
    """Return one row per source profile, marketplace and language."""
    known = F.when(F.col("verified").isNotNull(), F.col("reviews")).otherwise(0)
    flags = [
        F.sum(known).alias("verified_known"),
        F.sum(F.when(F.col("verified"), F.col("reviews")).otherwise(0)).alias("verified_true"),
        *sums("vine_known", "vine_true"),
    ]
    counted = tallies(F.col("stars"), F.col("reviews"))
    grouped = cells.groupBy(*_ORIGIN).agg(*counted, *flags, *first_and_last())
    return with_share(with_means(grouped)).select(
        *_ORIGIN,
        *MEASURES,
        "share",
        ratio(F.col("negative"), F.col("rated")).alias("negative_share"),
        ratio(F.col("verified_true"), F.col("verified_known")).alias("verified_share"),
        ratio(F.col("vine_true"), F.col("vine_known")).alias("vine_share"),
        "first_on",
        "last_on",
    )


def freshness(cells: DataFrame, events: DataFrame) -> DataFrame:
    """Return one row per source, with the newest of bronze/review_events."""
    rows = cells.groupBy("source").agg(*sums("reviews", "dated"), *first_and_last())
    newest = events.agg(F.max("enqueued_at").alias("newest"))
    event = F.when(F.col("source") == "stream", F.col("newest")).alias("newest_event_at")
    joined = with_share(rows).join(newest, how="cross")
    return joined.select("source", "reviews", "share", "dated", "first_on", "last_on", event)


def category_products(products: DataFrame) -> DataFrame:
    """Return one row per main category, from gold/products."""
    listed = F.col("price").isNotNull() & ~F.col("price_imputed")
    cents = (F.sum(F.when(listed, F.col("price"))) * F.lit(100)).cast("bigint")
    rows = products.groupBy(category()).agg(
        F.count(F.lit(1)).alias("products"),
        F.count(F.when(listed, 1)).alias("priced"),
        F.min(F.when(listed, F.col("price_min"))).alias("price_min"),
        F.max(F.when(listed, F.col("price_max"))).alias("price_max"),
        ratio(cents, F.count(F.when(listed, 1)) * F.lit(100)).alias("mean_price"),
        F.avg("image_count").alias("mean_images"),
    )
    return rows.select("*", ratio(F.col("products"), whole_of("products")).alias("share"))
