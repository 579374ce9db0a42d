"""The exploration of the source: which of its columns are filled."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.marts.ratings import ratio
from amazon_reviews.transforms.products import FIELDS as PRODUCT_FIELDS
from amazon_reviews.transforms.reviews import FIELDS as REVIEW_FIELDS
from amazon_reviews.transforms.strict_json import value_of

MOSTLY = 0.7
_EMPTY = ("", "[]", "{}")


def source_columns(review_lines: DataFrame, product_lines: DataFrame) -> DataFrame:
    """One row per column of the source, from bronze/reviews and bronze/products."""
    rows = _columns(review_lines, REVIEW_FIELDS, "reviews").unionByName(
        _columns(product_lines, PRODUCT_FIELDS, "products")
    )
    share = ratio(F.col("missing"), F.col("lines"))
    return rows.select(
        "table",
        "column",
        "lines",
        "missing",
        share.alias("missing_share"),
        F.coalesce(share > MOSTLY, F.lit(False)).alias("mostly_missing"),
    )


def _columns(lines: DataFrame, fields: Sequence[str], noun: str) -> DataFrame:
    schema = ", ".join(f"`{field}`: string" for field in fields)
    text = F.when(F.col("encoding") == "utf-8", F.col("raw"))
    parsed = lines.select(value_of(text, f"struct<{schema}>").alias("record"))
    objects = parsed.where(F.col("record").isNotNull())
    found = objects.agg(
        F.count(F.lit(1)).alias("lines"),
        *(F.count(F.when(_empty(F.col("record")[field]), 1)).alias(field) for field in fields),
    )
    entries = [
        F.struct(F.lit(field).alias("column"), F.col(field).alias("missing")) for field in fields
    ]
    return found.select("lines", F.explode(F.array(*entries)).alias("entry")).select(
        F.lit(noun).alias("table"), "entry.column", "lines", "entry.missing"
    )


def _empty(text: Column) -> Column:
    return F.btrim(F.coalesce(text, F.lit("")), F.lit(" \t\r\n")).isin(*_EMPTY)
