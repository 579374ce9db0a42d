"""Product lines: the rules that reject them, and their unique key."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.lines import fingerprint, structured
from amazon_reviews.transforms.products import clean_products
from amazon_reviews.transforms.rejection import REJECTION_COLUMNS, Rule, any_broken, rejection
from amazon_reviews.transforms.strict_json import trimmed

_TEXTS = ("asin", "title", "brand", "main_cat")
_LISTS = ("category", "also_buy", "also_view", "image", "imageURL", "imageURLHighRes")


def type_products(parsed: DataFrame) -> DataFrame:
    """Add `line_id` and the `REJECTION_COLUMNS` to each parsed line.

    `parsed` is the result of `parse_lines` for `products.FIELDS`. Lines of the same text, apart
    from white space around it, have the same `line_id`. Grain: one row per line.
    """
    text = trimmed(F.col("raw"))
    rules = _product_rules(F.col("record"), F.col("raw"))
    checked = parsed.select("*", any_broken(rules).alias("is_rejected"))
    return checked.select(
        *rejection(rules, F.col("is_rejected")),
        fingerprint([text]).alias("line_id"),
        "record",
        "rescued",
        "file",
        "line",
        "partition",
    )


def silver_products(typed: DataFrame) -> DataFrame:
    """Return rows of `type_products` as silver/products with the `REJECTION_COLUMNS`."""
    return clean_products(typed, keep=("line_id", *REJECTION_COLUMNS))


def _product_rules(record: Column, raw: Column) -> list[Rule]:
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
