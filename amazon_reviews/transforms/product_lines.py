"""Product lines: the rules that reject them, their unique key, and the products of reviews."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.profiles.profile import PRODUCT_FIELDS, Profile, identity_profile
from amazon_reviews.transforms.canonical import canonical_record
from amazon_reviews.transforms.lines import fingerprint, structured
from amazon_reviews.transforms.products import average_rating, clean_products, rating_number
from amazon_reviews.transforms.rejection import (
    REJECTION_COLUMNS,
    Rule,
    id_rule,
    judged,
)
from amazon_reviews.transforms.strict_json import trimmed

FIELDS = PRODUCT_FIELDS[: PRODUCT_FIELDS.index("average_rating")]
"""The fields of the metadata of 2018."""

NATIVE = identity_profile("amazon_2018_products", "products", FIELDS)
"""The profile of lines that were read before there were profiles."""

_TEXTS = ("asin", "title", "brand", "main_cat")
_LISTS = ("category", "also_buy", "also_view", "image", "imageURL", "imageURLHighRes")


def type_products(parsed: DataFrame, profile: Profile = NATIVE) -> DataFrame:
    """Add `line_id` and the `REJECTION_COLUMNS` to each parsed line.

    `parsed` is the result of `parse_lines` or `parse_records` for the profile's source fields.
    Lines of the same text, apart from white space around it, have the same `line_id`. Grain: one
    row per line.
    """
    text = trimmed(F.col("raw"))
    canonical = canonical_record(F.col("record"), profile.fields, PRODUCT_FIELDS)
    rows = parsed.select("*", fingerprint([text]).alias("line_id")).withColumn("record", canonical)
    rules = _product_rules(F.col("record"), F.col("raw"), profile)
    return judged(rows, rules).select(
        *REJECTION_COLUMNS,
        "line_id",
        "record",
        F.lit(profile.name).alias("profile"),
        "rescued",
        "missing",
        "file",
        "line",
        "partition",
    )


def silver_products(typed: DataFrame) -> DataFrame:
    """Return rows of `type_products` as silver/products with the `REJECTION_COLUMNS`."""
    return clean_products(typed, keep=("line_id", "profile", "missing", *REJECTION_COLUMNS))


def products_of_reviews(parsed: DataFrame, profile: Profile) -> DataFrame:
    """Return the products that reviews name, in the columns of silver/review_products.

    `parsed` has the records of reviews of a profile with product fields. Of the same facts the
    first line by file is kept. Some may have no asin. Grain: one row per partition and distinct
    facts of a product.
    """
    record = canonical_record(F.col("record"), profile.products, PRODUCT_FIELDS)
    origin = F.struct("file", "line")
    distinct = (
        parsed.select(record.alias("record"), "partition", "file", "line")
        .groupBy("partition", "record")
        .agg(F.min(origin).alias("origin"))
    )
    rows = distinct.select(
        "record",
        fingerprint([F.col("record")[name] for name in PRODUCT_FIELDS]).alias("line_id"),
        F.lit(profile.name).alias("profile"),
        F.lit(None).cast("map<string,string>").alias("rescued"),
        F.col("origin")["file"].alias("file"),
        F.col("origin")["line"].alias("line"),
        "partition",
    )
    return clean_products(rows, keep=("line_id", "profile"))


def _product_rules(record: Column, raw: Column, profile: Profile) -> list[Rule]:
    asin = record["asin"]
    texts = [record[field] for field in _TEXTS]
    names = [name for field in _TEXTS for name in profile.source_name(field).split(" or ")]
    rules = [
        Rule("missing_field", profile.source_name("asin"), ~_filled(asin), asin),
        Rule("wrong_type", ", ".join(names), _holds_structure(texts, raw, names), raw),
        id_rule(profile.source_name("asin"), asin),
    ]
    rules += [
        Rule(
            "wrong_type",
            profile.source_name(field),
            _filled(record[field]) & ~F.ltrim(record[field]).startswith("["),
            record[field],
        )
        for field in _LISTS
    ]
    numbers = {"average_rating": average_rating(record), "rating_number": rating_number(record)}
    return rules + [
        Rule(
            "wrong_type",
            profile.source_name(field),
            _filled(record[field]) & typed.isNull(),
            record[field],
        )
        for field, typed in numbers.items()
    ]


def _filled(text: Column) -> Column:
    return F.coalesce(F.trim(text), F.lit("")) != ""


def _holds_structure(texts: list[Column], raw: Column, names: list[str]) -> Column:
    suspected: Column = F.lit(False)
    for text in texts:
        starts = text.startswith("{") | text.startswith("[")
        suspected = suspected | F.coalesce(starts, F.lit(False))
    return F.when(suspected, structured(raw, names)).otherwise(False)
