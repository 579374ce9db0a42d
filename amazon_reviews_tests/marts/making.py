"""Gold by hand, and a mart by itself, for tests that look at one."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
from deltalake import write_deltalake

from amazon_reviews.pipeline.marts import MARTS, make_mart, pinned
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.marts.answers import answer, reading
from amazon_reviews_tests.marts.compare import assert_same_rows

BY_NAME = {mart.table.key.removeprefix("gold/"): mart for mart in MARTS}
_JOINED = ("title", "brand", "main_category", "categories", "price", "price_min", "price_max")


def review(stars=5.0, on=date(2018, 6, 30), **columns):
    """A row of gold/reviews; unrated without stars."""
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


def product(**columns):
    """A row of gold/products with a listed price, or an imputed one."""
    usual = {
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


def put_gold(lakehouse, reviews, products=()):
    """Put rows into gold/reviews, joined with their products, and into gold/products."""
    by_asin = {row["asin"]: row for row in products}
    joined = []
    for number, row in enumerate(reviews):
        of = by_asin.get(row["asin"], {})
        facts = {name: of.get(name) for name in (*_JOINED, "price_imputed")}
        joined.append({"review_id": f"{number:032x}"} | row | facts)
    _put(lakehouse, "gold/products", list(products))
    _put(lakehouse, "gold/reviews", joined)


def made(spark, lakehouse, name):
    """Make the mart, after those it is made from that are not there; returns it as Arrow table."""
    mart = BY_NAME[name]
    for noun in (key.removeprefix("gold/") for key in mart.inputs):
        if noun in BY_NAME and not lakehouse.exists(f"gold/{noun}"):
            made(spark, lakehouse, noun)
    make_mart(spark, lakehouse, mart, pinned(lakehouse))
    return lakehouse.delta(mart.table.key).to_pyarrow_table()


def answered(spark, lakehouse, name):
    """The mart's rows, which are those that the hand-written SQL gives."""
    with reading(lakehouse) as db:
        expected = answer(db, name)
    found = made(spark, lakehouse, name)
    assert_same_rows(found, expected)
    return found.to_pylist()


def _put(lakehouse, key, records):
    lakehouse.ensure(key)
    arrow = pa.Table.from_pylist(records, schema=TABLES[key].arrow_schema)
    write_deltalake(lakehouse.delta(key), arrow, mode="append")


def _sentiment(stars):
    if stars is None:
        return None
    return "negative" if stars < 3 else "positive" if stars > 3 else "neutral"
