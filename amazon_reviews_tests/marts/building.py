"""Gold by hand, and the build of a single mart."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from amazon_reviews.pipeline.marts import MARTS, MartBuilder
from amazon_reviews.pipeline.monitoring import source_columns_rows
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.marts import SOURCE_COLUMNS
from amazon_reviews_tests.helpers import BATCH_ROWS
from amazon_reviews_tests.marts.compare import assert_same_rows
from amazon_reviews_tests.marts.reference_sql import expected_rows, reading

Row = dict[str, Any]

BY_NAME = {mart.name: mart for mart in MARTS}
_JOINED = ("title", "brand", "main_category", "categories", "price", "price_min", "price_max")


def review(stars: float | None = 5.0, on: date | None = date(2018, 6, 30), **columns: Any) -> Row:
    """Return a row of gold/reviews; unrated without stars."""
    words = columns.get("review_text", "It works well.").split()
    usual = {
        "reviewer_id": "A2OCDK0BOW6UCY",
        "asin": "B0007RAE7A",
        "overall": None if stars is None else Decimal(str(stars)),
        "unrated": stars is None,
        "sentiment": _sentiment(stars),
        "verified": True,
        "reviewed_on": on,
        "year": on and on.year,
        "month": on and on.month,
        "word_count": len(words),
        "char_count": len(" ".join(words)),
        "source": "batch",
        "partition": "partition_1",
    }
    return usual | columns


def product(**columns: Any) -> Row:
    """Return a row of gold/products with a listed price, or an imputed one."""
    usual: Row = {
        "asin": "B0007RAE7A",
        "title": "Watering can",
        "brand": "Oakwood",
        "main_category": "Patio",
        "categories": ["Patio", "Watering"],
        "price": Decimal("12.99"),
        "price_imputed": False,
        "image_count": 0,
    }
    row = usual | columns
    listed = None if row["price_imputed"] else row["price"]
    return {"price_min": listed, "price_max": listed} | row


def put_gold(lakehouse: Lakehouse, reviews: Sequence[Row], products: Sequence[Row] = ()) -> None:
    """Write rows to gold/reviews, joined with their products, and to gold/products."""
    _put(lakehouse, "gold/products", list(products))
    _put(lakehouse, "gold/reviews", joined(reviews, products))


def joined(reviews: Sequence[Row], products: Sequence[Row]) -> list[Row]:
    """Return rows of gold/reviews with the columns of their products."""
    by_asin = {row["asin"]: row for row in products}
    rows = []
    for number, row in enumerate(reviews):
        family = row.get("parent_asin")
        product_asin = family if family in by_asin else row["asin"]
        described = by_asin.get(product_asin, {})
        facts = {name: described.get(name) for name in (*_JOINED, "price_imputed")}
        named = {"review_id": f"{number:032x}", "product_asin": product_asin}
        rows.append(named | row | facts)
    return rows


def built_mart(spark: SparkSession, lakehouse: Lakehouse, name: str) -> pa.Table:
    """Build the mart and its missing inputs; return its rows."""
    if name == SOURCE_COLUMNS.name:
        return source_columns_rows(lakehouse)
    mart = BY_NAME[name]
    for key in mart.inputs:
        input_name = key.removeprefix("gold/")
        if input_name in BY_NAME and not lakehouse.exists(key):
            built_mart(spark, lakehouse, input_name)
    MartBuilder(spark, lakehouse, BATCH_ROWS).build(mart)
    return lakehouse.delta(mart.key).to_pyarrow_table()


def checked_mart(spark: SparkSession, lakehouse: Lakehouse, name: str) -> list[Row]:
    """Build the mart, compare it with the hand-written SQL, and return its rows."""
    with reading(lakehouse) as db:
        expected = expected_rows(db, name)
    rows = built_mart(spark, lakehouse, name)
    assert_same_rows(rows, expected)
    return rows.to_pylist()


def _put(lakehouse: Lakehouse, key: str, records: list[Row]) -> None:
    lakehouse.ensure(key)
    arrow = pa.Table.from_pylist(records, schema=TABLES[key].arrow_schema)
    write_deltalake(lakehouse.delta(key), arrow, mode="append")


def _sentiment(stars: float | None) -> str | None:
    if stars is None:
        return None
    return "negative" if stars < 3 else "positive" if stars > 3 else "neutral"
