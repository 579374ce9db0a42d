"""Product lines: which are refused and why, and what tells two of them apart."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.lines import Rule, broken_rule, fingerprint, structured
from amazon_reviews.transforms.products import clean_products

_TEXTS = ("asin", "title", "brand", "main_cat")
_LISTS = ("category", "also_buy", "also_view", "image", "imageURL", "imageURLHighRes")


def type_products(parsed: DataFrame) -> DataFrame:
    """Add `line_id` to each parsed line, and `reason` and `detail` if it is refused.

    `parsed` is what `parse_lines` gives for `products.FIELDS`. Two lines are the same product
    line when they are the same text but for white space around it. Grain: one row per line.
    """
    reason, detail = broken_rule(_rules(F.col("record"), F.col("raw")))
    text = F.regexp_replace("raw", r"^\s+|\s+$", "")
    return parsed.select(
        "*",
        fingerprint([text]).alias("line_id"),
        reason.alias("reason"),
        detail.alias("detail"),
    )


def silver_products(typed: DataFrame) -> DataFrame:
    """Accepted rows of `type_products` in the columns of silver/products, row by row."""
    ids = typed.select("line_id", "partition", "file", "line")
    return clean_products(typed).join(ids, on=["partition", "file", "line"], how="inner")


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
