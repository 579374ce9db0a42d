"""Prices from texts of pages, and imputed prices."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from amazon_reviews.transforms.prices import impute_prices, midpoint, price_max, price_min

NOTHING = (None, None, None)
CASES = {
    # By text of the page: the lowest price, the midpoint and the highest price.
    None: NOTHING,
    "": NOTHING,
    "$12.99": ("12.99", "12.99", "12.99"),
    "12.99": ("12.99", "12.99", "12.99"),
    "$.99": ("0.99", "0.99", "0.99"),
    "$0.00": ("0.00", "0.00", "0.00"),
    "\n  $5\u00a0": ("5.00", "5.00", "5.00"),
    "$1,234.00": ("1234.00", "1234.00", "1234.00"),
    "$1,234,567.89": ("1234567.89", "1234567.89", "1234567.89"),
    "$11.44 - $14.77": ("11.44", "13.11", "14.77"),
    "15.99 - 17.87": ("15.99", "16.93", "17.87"),
    "$1,000.00 - $2,500.50": ("1000.00", "1750.25", "2500.50"),
    "$10.00 - $10.01": ("10.00", "10.01", "10.01"),
    "$20.00 - $10.00": ("10.00", "15.00", "20.00"),
    "$9999999999.99": ("9999999999.99", "9999999999.99", "9999999999.99"),
    "$10000000000.00": NOTHING,
    "9" * 50: NOTHING,
    "9" * 5000: NOTHING,
    "$5.00 - $10000000000.00": NOTHING,
    "$12,99": NOTHING,
    "$5 -": NOTHING,
    "-5": NOTHING,
    "1e5": ("100000.00", "100000.00", "100000.00"),
    "1.005E1 - 3e+1": ("10.05", "20.03", "30.00"),
    "1e10": NOTHING,
    "1e100": NOTHING,
    "e1": NOTHING,
    "NaN": NOTHING,
    "١٢": NOTHING,
    ".a-box-inner{background-color:#fff}#aloha .selected{margin:5px}": NOTHING,
    "\n\n\n<script": NOTHING,
}


def bounds_and_midpoint(spark, texts):
    text = F.col("text")
    rows = spark.createDataFrame(list(enumerate(texts)), "place int, text string")
    low, high = price_min(text), price_max(text)
    amounts = rows.select("place", low, midpoint(low, high), high).collect()
    return [tuple(row)[1:] for row in sorted(amounts, key=lambda row: row["place"])]


def test_texts_become_lowest_mean_and_highest_price(spark):
    expected = {
        text: tuple(amount and Decimal(amount) for amount in amounts)
        for text, amounts in CASES.items()
    }
    assert dict(zip(CASES, bounds_and_midpoint(spark, CASES), strict=True)) == expected


def test_prices_are_decimals_with_cents(spark):
    text = F.lit("$1.00")
    low, high = price_min(text), price_max(text)
    types = spark.range(1).select(low, midpoint(low, high), high).dtypes
    assert [name for _, name in types] == ["decimal(12,2)"] * 3


AMOUNTS = st.from_regex(r"\A\$?[0-9]{1,14}(,[0-9]{3}){0,4}(\.[0-9]{0,40})?\Z")
RANGES = st.tuples(AMOUNTS, AMOUNTS).map(" - ".join)


@pytest.mark.long
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        AMOUNTS | RANGES | st.text(st.sampled_from("$0123456789,.- e\n")) | st.text(), min_size=20
    )
)
def test_midpoint_of_any_text_is_between_its_bounds(spark, texts):
    for low, middle, high in bounds_and_midpoint(spark, texts):
        assert (low is None) == (middle is None) == (high is None)
        assert low is None or 0 <= low <= middle <= high


PRODUCTS = [
    # asin, main_category, price, expected price, expected price_imputed
    ("a", "Toys", "10.00", "10.00", False),
    ("b", "Toys", "10.01", "10.01", False),
    ("c", "Toys", None, "10.01", True),  # 10.005, half up
    ("d", "Books", "1.00", "1.00", False),
    ("e", "Music", None, "5.50", True),  # a category without prices: all have 22.01 / 4
    ("f", None, None, "5.50", True),
    ("g", None, "1.00", "1.00", False),
]


def products(spark, rows):
    frame = spark.createDataFrame(
        [row[:3] for row in rows], "asin string, main_category string, price string"
    )
    return frame.withColumn("price", F.col("price").cast("decimal(12,2)"))


def imputed(frame):
    return {row["asin"]: (row["price"], row["price_imputed"]) for row in frame.collect()}


def test_missing_price_becomes_mean_of_category_else_of_all(spark):
    filled = impute_prices(products(spark, PRODUCTS))
    assert filled.columns == ["asin", "main_category", "price", "price_imputed"]
    assert dict(filled.dtypes)["price"] == "decimal(12,2)"
    assert imputed(filled) == {row[0]: (Decimal(row[3]), row[4]) for row in PRODUCTS}


def test_second_imputation_changes_nothing(spark):
    once = impute_prices(products(spark, PRODUCTS))
    assert imputed(impute_prices(once)) == imputed(once)


def test_prices_stay_missing_if_no_product_has_one(spark):
    unpriced = [row for row in PRODUCTS if row[2] is None]
    assert imputed(impute_prices(products(spark, unpriced))) == {
        row[0]: (None, False) for row in unpriced
    }


def test_imputed_prices_do_not_depend_on_row_order(spark):
    rows = [
        (str(i), f"c{i % 3}", None if i % 4 == 0 else f"{i % 97}.{i % 89:02}") for i in range(400)
    ]
    forwards, backwards = products(spark, rows), products(spark, rows[::-1]).repartition(3)
    assert imputed(impute_prices(forwards)) == imputed(impute_prices(backwards))
