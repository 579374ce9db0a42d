"""Product lines: which are refused and why, and what tells two of them apart."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.lines import (
    REFUSAL,
    Rule,
    any_broken,
    fingerprint,
    refusal,
    structured,
)
from amazon_reviews.transforms.products import clean_products
from amazon_reviews.transforms.strict_json import trimmed

_TEXTS = ("asin", "title", "brand", "main_cat")
_LISTS = ("category", "also_buy", "also_view", "image", "imageURL", "imageURLHighRes")


def type_products(parsed: DataFrame) -> DataFrame:
    """Add `line_id` to each parsed line, and `REFUSAL` if it is refused.

    `parsed` is what `parse_lines` gives for `products.FIELDS`. Two lines are the same product
    line when they are the same text but for white space around it. Grain: one row per line.
    """
    text = trimmed(F.col("raw"))
    rules = _rules(F.col("record"), F.col("raw"))
    judged = parsed.select("*", any_broken(rules).alias("refused"))
    return judged.select(
        *refusal(rules, F.col("refused")),
        fingerprint([text]).alias("line_id"),
        "record",
        "rescued",
        "file",
        "line",
        "partition",
    )


def silver_products(typed: DataFrame) -> DataFrame:
    """Rows of `type_products` in the columns of silver/products and `REFUSAL`, row by row."""
    return clean_products(typed, keep=("line_id", *REFUSAL))


def _rules(record: Column, raw: Column) -> list[Rule]:
    asin = record["asin"]
    blank = F.coalesce(F.trim(asin), F.lit("")) == ""
    texts = [record[field] for field in _TEXTS]
    rules = [
        Rule("missing_field", "asin", blank, asin),
        Rule("wrong_type", ", ".join(_TEXTS), _holds_structure(texts, raw), raw),
    ]
    return rules + [_list_rule(field, record[field]) for field in _LISTS]


def _list_rule(field: str, text: Column) -> Rule:
    filled = F.coalesce(F.trim(text), F.lit("")) != ""
    return Rule("wrong_type", field, filled & ~F.ltrim(text).startswith("["), text)


def _holds_structure(texts: list[Column], raw: Column) -> Column:
    suspected: Column = F.lit(False)
    for text in texts:
        starts = text.startswith("{") | text.startswith("[")
        suspected = suspected | F.coalesce(starts, F.lit(False))
    return F.when(suspected, structured(raw, _TEXTS)).otherwise(False)
