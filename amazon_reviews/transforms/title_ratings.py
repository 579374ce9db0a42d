"""Ratings of streaming titles: from CSV records to typed rows, and to their mean by title."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.csv_records import record_size, why_no_record
from amazon_reviews.transforms.lines import REFUSAL, Rule, any_broken, fingerprint, refusal
from amazon_reviews.transforms.strict_json import number

FIELDS = ("userId", "rating", "timestamp", "movieId")
REQUIRED = ("userId", "rating", "movieId")
LOWEST, HIGHEST = 0.5, 5.0
"""The ends of the scale; the source gives halves, and any number between is taken."""

_LAST_SECOND = 4_102_444_800  # 2100-01-01
_FLOAT_ID = r"^[0-9]+\.0\z"


def type_ratings(parsed: DataFrame) -> DataFrame:
    """Give each record its types, its `rating_id`, and `REFUSAL` if it is refused.

    `parsed` is what `parse_records` gives for `FIELDS`. Two records are the same rating when user,
    title, rating and time are the same. Grain: one row per record.
    """
    record = F.col("record")
    typed = _with_users(parsed).select(
        "*",
        number(record["rating"]).alias("stars"),
        number(record["timestamp"]).alias("seconds"),
        F.lower(record["movieId"]).alias("title_id"),
    )
    unreadable = why_no_record(F.col("raw"), F.col("encoding"), F.col("sizes"))
    rules = _rules(record)
    judged = typed.select("*", any_broken(rules).alias("refused"))
    return judged.select(
        *refusal(rules, F.col("refused"), unreadable, record_size(F.col("sizes"))),
        _identity().alias("rating_id"),
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
    """Rows of `type_ratings` in the columns of silver/title_ratings and `REFUSAL`, row by row."""
    return typed.select(
        "rating_id",
        "user_id",
        "title_id",
        F.col("stars").alias("rating"),
        F.timestamp_seconds(F.col("seconds").try_cast("bigint")).alias("rated_at"),
        "rescued",
        "file",
        "line",
        "partition",
        *REFUSAL,
    )


def _with_users(parsed: DataFrame) -> DataFrame:
    """`parsed` with user_id: userId, without `.0` where its file writes all of them so.

    pandas writes whole numbers as `1.0` when one of their column is missing.
    """
    user = F.col("record")["userId"]
    files = parsed.groupBy("partition", "file").agg(F.min(user.rlike(_FLOAT_ID)).alias("floats"))
    whole = F.regexp_replace(user, r"\.0\z", "")
    # The small side first: the embedded engine builds its hash table from the left one.
    return files.join(parsed, on=["partition", "file"], how="inner").select(
        *parsed.columns, F.when(F.col("floats"), whole).otherwise(user).alias("user_id")
    )


def _identity() -> Column:
    stars = F.col("stars").cast("string")
    seconds = F.col("seconds").try_cast("bigint").cast("string")
    return fingerprint([F.col("user_id"), F.col("title_id"), stars, seconds])


def _rules(record: Column) -> list[Rule]:
    stars, seconds = F.col("stars"), F.col("seconds")
    return [
        *(Rule("missing_field", name, record[name].isNull(), record[name]) for name in REQUIRED),
        _unreadable(record, "rating", stars),
        _unreadable(record, "timestamp", seconds),
        Rule("out_of_range", "rating", ~stars.between(LOWEST, HIGHEST), record["rating"]),
        Rule(
            "out_of_range",
            "timestamp",
            ~seconds.between(0, _LAST_SECOND - 1) | F.isnan(seconds),
            record["timestamp"],
        ),
    ]


def _unreadable(record: Column, name: str, typed: Column) -> Rule:
    broken = record[name].isNotNull() & (typed.isNull() | F.isnan(typed))
    return Rule("wrong_type", name, broken, record[name])


def rated_titles(ratings: DataFrame) -> DataFrame:
    """One row per title_id: the mean and the number of its ratings, each rating once.

    `ratings` are rows of silver/title_ratings; one that came in several files counts once.
    """
    once = ratings.select("title_id", "rating_id", "rating").distinct()
    return once.groupBy("title_id").agg(
        F.avg("rating").alias("mean_rating"), F.count(F.lit(1)).alias("ratings")
    )
