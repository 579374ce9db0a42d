"""Streaming titles: from CSV records of a platform's catalogue to typed rows in lower case."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.control_characters import map_without_control, without_control
from amazon_reviews.transforms.dates import written_day
from amazon_reviews.transforms.rejection import (
    REJECTION_COLUMNS,
    Rule,
    id_rule,
    judged,
)
from amazon_reviews.transforms.strict_json import number

FIELDS = (
    "show_id",
    "type",
    "title",
    "director",
    "cast",
    "country",
    "date_added",
    "release_year",
    "rating",
    "duration",
    "listed_in",
    "description",
)
TYPES = ("movie", "tv show")
UNRATED = "g"
"""The maturity rating that the source gives to a title without one."""

_DURATION = r"^([0-9]{1,9}) *(min|season)s?\z"
_FIRST_YEAR, _LAST_YEAR = 1870, 2100


def type_titles(parsed: DataFrame) -> DataFrame:
    """Add types, `id` and the `REJECTION_COLUMNS` to each record.

    `parsed` is the result of `parse_records` for `FIELDS`. All text becomes lower case. A
    duration in the column rating is read as the duration. Grain: one row per record.
    """
    record = F.col("record")
    lower = parsed.select("*", *(_lower(record[name]).alias(f"_{name}") for name in FIELDS))
    typed = lower.select("*", *_typed(record))
    return judged(typed, _title_rules(record)).select(
        *REJECTION_COLUMNS,
        F.concat(F.substring("partition", 1, 1), F.col("_show_id")).alias("id"),
        *(F.col(f"_{name}").alias(name) for name in FIELDS),
        "added",
        "year",
        "span",
        "maturity",
        "rescued",
        "file",
        "line",
        "partition",
    )


def silver_titles(typed: DataFrame) -> DataFrame:
    """Return rows of `type_titles` as silver/titles with the `REJECTION_COLUMNS`."""
    names = F.transform(F.split("cast", ","), lambda name: F.trim(name))
    actors = F.array_distinct(F.filter(names, lambda name: name != ""))
    return typed.select(
        "id",
        F.col("partition").alias("platform"),
        "type",
        "title",
        "director",
        F.when(F.size(actors) > 0, actors).alias("actors"),
        "country",
        F.col("added").alias("date_added"),
        F.col("year").try_cast("int").alias("release_year"),
        F.coalesce("maturity", F.lit(UNRATED)).alias("rating"),
        F.col("maturity").isNull().alias("rating_imputed"),
        F.regexp_extract("span", _DURATION, 1).try_cast("int").alias("duration_int"),
        F.when(F.col("span").rlike(_DURATION), F.regexp_extract("span", _DURATION, 2)).alias(
            "duration_type"
        ),
        "listed_in",
        "description",
        map_without_control(F.col("rescued")).alias("rescued"),
        "file",
        "line",
        "partition",
        *REJECTION_COLUMNS,
    )


def _lower(text: Column) -> Column:
    lower = F.lower(without_control(text))
    return F.when(lower != "", lower)


def _typed(record: Column) -> list[Column]:
    misplaced = F.col("_rating").rlike(_DURATION)
    year = number(F.col("_release_year"))
    return [
        written_day(record["date_added"]).alias("added"),
        F.when(~F.isnan(year), year).alias("year"),
        F.coalesce("_duration", F.when(misplaced, F.col("_rating"))).alias("span"),
        F.when(~misplaced, F.col("_rating")).alias("maturity"),
    ]


def _title_rules(record: Column) -> list[Rule]:
    year, span = F.col("year"), F.col("span")
    return [
        id_rule("show_id", record["show_id"]),
        *(
            Rule("missing_field", name, F.col(f"_{name}").isNull(), record[name])
            for name in ("show_id", "type", "title")
        ),
        _unreadable(record, "release_year", year),
        _unreadable(record, "date_added", F.col("added")),
        Rule("wrong_type", "duration", ~span.rlike(_DURATION), span),
        Rule("out_of_range", "type", ~F.col("_type").isin(*TYPES), record["type"]),
        Rule(
            "out_of_range",
            "release_year",
            ~year.between(_FIRST_YEAR, _LAST_YEAR) | (year != F.floor(year)),
            record["release_year"],
        ),
    ]


def _unreadable(record: Column, name: str, typed: Column) -> Rule:
    return Rule("wrong_type", name, record[name].isNotNull() & typed.isNull(), record[name])


def gold_titles(titles: DataFrame, ratings: DataFrame) -> DataFrame:
    """Add the mean and the number of their ratings to titles, in the columns of gold/titles.

    `titles` has one row per id, `ratings` one per title_id (see `rated_titles`). Grain: one row
    per id.
    """
    means = ratings.withColumnRenamed("title_id", "id")
    return (
        titles.drop("file", "line", "partition")
        .join(means, on="id", how="left")
        .select(
            *(
                name
                for name in titles.columns
                if name not in ("file", "line", "partition", "rescued")
            ),
            "mean_rating",
            F.round("mean_rating", 1).alias("mean_rating_rounded"),
            F.coalesce("ratings", F.lit(0)).alias("ratings"),
            "rescued",
        )
    )


def title_actors(titles: DataFrame) -> DataFrame:
    """Return one row per title and actor, as gold/title_actors, from silver/titles."""
    return titles.select(
        F.col("id").alias("title_id"),
        "platform",
        "type",
        "release_year",
        F.explode("actors").alias("actor"),
    )
