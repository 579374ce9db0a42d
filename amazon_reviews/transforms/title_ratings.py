"""Ratings of streaming titles: from CSV records to typed rows, and to the mean of each title."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.control_characters import map_without_control
from amazon_reviews.transforms.exact_sums import exact_mean
from amazon_reviews.transforms.lines import fingerprint
from amazon_reviews.transforms.rejection import (
    REJECTION_COLUMNS,
    Rule,
    id_rule,
    judged,
)
from amazon_reviews.transforms.strict_json import number

FIELDS = ("userId", "rating", "timestamp", "movieId")
REQUIRED = ("userId", "rating", "movieId")
LOWEST, HIGHEST = 0.5, 5.0
"""The ends of the scale; the source has half stars, and any number between is accepted."""

_END_SECOND = 4_102_444_800  # 2100-01-01
_FLOAT_ID = r"^[0-9]+\.0\z"


def type_ratings(parsed: DataFrame) -> DataFrame:
    """Add types, `rating_id` and the `REJECTION_COLUMNS` to each record.

    `parsed` is the result of `parse_records` for `FIELDS`. Records of the same user, title,
    rating and time are the same rating. Grain: one row per record.
    """
    record = F.col("record")
    typed = _with_users(parsed).select(
        "*",
        number(record["rating"]).alias("stars"),
        number(record["timestamp"]).alias("seconds"),
        F.lower(record["movieId"]).alias("title_id"),
    )
    return judged(typed, _rating_rules(record)).select(
        *REJECTION_COLUMNS,
        _rating_id().alias("rating_id"),
        "user_id",
        "title_id",
        "stars",
        "seconds",
        "rescued",
        "file",
        "line",
        "partition",
    )


def silver_ratings(typed: DataFrame) -> DataFrame:
    """Return rows of `type_ratings` as silver/title_ratings with the `REJECTION_COLUMNS`."""
    return typed.select(
        "rating_id",
        "user_id",
        "title_id",
        F.col("stars").alias("rating"),
        F.timestamp_seconds(F.col("seconds").try_cast("bigint")).alias("rated_at"),
        map_without_control(F.col("rescued")).alias("rescued"),
        "file",
        "line",
        "partition",
        *REJECTION_COLUMNS,
    )


def _with_users(parsed: DataFrame) -> DataFrame:
    """Add user_id: userId, without `.0` if all user ids of its file end in it.

    pandas writes whole numbers as `1.0` if one value of their column is missing.
    """
    user = F.col("record")["userId"]
    files = parsed.groupBy("partition", "file").agg(F.min(user.rlike(_FLOAT_ID)).alias("floats"))
    whole = F.regexp_replace(user, r"\.0\z", "")
    # The small side first: the embedded engine builds its hash table from the left one.
    return files.join(parsed, on=["partition", "file"], how="inner").select(
        *parsed.columns, F.when(F.col("floats"), whole).otherwise(user).alias("user_id")
    )


def _rating_id() -> Column:
    stars = F.col("stars").cast("string")
    seconds = F.col("seconds").try_cast("bigint").cast("string")
    return fingerprint([F.col("user_id"), F.col("title_id"), stars, seconds])


def _rating_rules(record: Column) -> list[Rule]:
    stars, seconds = F.col("stars"), F.col("seconds")
    return [
        *(id_rule(name, record[name]) for name in ("userId", "movieId")),
        *(Rule("missing_field", name, record[name].isNull(), record[name]) for name in REQUIRED),
        _unreadable(record, "rating", stars),
        _unreadable(record, "timestamp", seconds),
        Rule("out_of_range", "rating", ~stars.between(LOWEST, HIGHEST), record["rating"]),
        Rule(
            "out_of_range",
            "timestamp",
            ~seconds.between(0, _END_SECOND - 1) | F.isnan(seconds),
            record["timestamp"],
        ),
    ]


def _unreadable(record: Column, name: str, typed: Column) -> Rule:
    broken = record[name].isNotNull() & (typed.isNull() | F.isnan(typed))
    return Rule("wrong_type", name, broken, record[name])


def rated_titles(ratings: DataFrame) -> DataFrame:
    """Return one row per title_id: the mean and the number of its ratings, each rating once.

    `ratings` are rows of silver/title_ratings. A rating that is in several files counts once.
    """
    distinct = ratings.select("title_id", "rating_id", "rating").distinct()
    return distinct.groupBy("title_id").agg(
        exact_mean(F.col("rating")).alias("mean_rating"), F.count(F.lit(1)).alias("ratings")
    )
