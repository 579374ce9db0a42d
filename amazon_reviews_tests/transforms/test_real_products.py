"""Real products, compared with results of the Inteligencia Colectiva warehouse."""

import gzip
import json
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from amazon_reviews.profiles.profile import PRODUCT_FIELDS as FIELDS
from amazon_reviews.transforms.lines import parse_lines
from amazon_reviews.transforms.products import best_products, clean_products
from amazon_reviews_tests.transforms.frames import LINES

VARIABLE = "AMAZON_REVIEWS_REAL_DATA"
pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} is not set")
MAGAZINES = "meta_Magazine_Subscriptions.v1.json.gz"
GIFT_CARDS = "meta_Gift_Cards.v1.json.gz"
GIFT_CARDS_2 = "meta_Gift_Cards.v2.json.gz"
APPLIANCES = "meta_Appliances.subset.json.gz"
FASHION = "datathon_fashion.json.gz"
FILES = (MAGAZINES, GIFT_CARDS, GIFT_CARDS_2, APPLIANCES, FASHION)


def folder():
    return Path(os.environ[VARIABLE])


def clean(spark, lines):
    return clean_products(parse_lines(spark.createDataFrame(lines, LINES), FIELDS))


def lines_of(file):
    with gzip.open(folder() / "metadata" / file, "rt") as stream:
        return [(t, "utf-8", file, i, file) for i, t in enumerate(stream, 1) if t.strip()]


@pytest.fixture(scope="module")
def products(spark):
    """Cleaned rows by file."""
    return {file: clean(spark, lines_of(file)).collect() for file in FILES}


def test_every_line_becomes_a_row(products):
    counts = {file: (len(rows), len({r["asin"] for r in rows})) for file, rows in products.items()}
    assert counts == {
        MAGAZINES: (3385, 2320),
        GIFT_CARDS: (1547, 1547),
        GIFT_CARDS_2: (1547, 1547),
        APPLIANCES: (100, 100),
        FASHION: (9, 9),
    }


DIRT = re.compile(r"</?[A-Za-z]|&#?\w{1,8};|\s\s|[\n\t\xa0]|^\s|\s$|^$")


def test_cleaned_texts_have_no_markup_entities_or_extra_white_space(products):
    kept = ("rescued", "file", "partition")
    dirty = [
        (file, name, text)
        for file, rows in products.items()
        for row in rows
        for name, value in row.asDict().items()
        for text in (value if isinstance(value, list) else [value])
        if name not in kept and isinstance(text, str) and DIRT.search(text)
    ]
    assert dirty == []


def test_both_versions_of_the_schema_give_the_same_rows(products):
    origin = ("file", "partition")

    def facts(rows):
        return [{k: v for k, v in row.asDict().items() if k not in origin} for row in rows]

    def by_line(rows):
        return sorted(facts(rows), key=lambda row: row["line"])

    assert by_line(products[GIFT_CARDS]) == by_line(products[GIFT_CARDS_2])


def known(rows, name):
    return sum(row[name] not in (None, "Unknown", []) for row in rows)


def test_titles_of_an_open_span_are_unknown(products):
    assert len(products[MAGAZINES]) - known(products[MAGAZINES], "title") == 3153 + 10


def test_prices_with_commas_are_read(products):
    prices = [row["price"] for row in products[GIFT_CARDS]]
    assert prices.count(Decimal("1250.00")) == 2
    assert sum(price is not None for price in prices) == 358


def test_fashion_products_have_the_facts_of_their_feature_entries(products):
    rows = {row["asin"]: row for row in products[FASHION]}
    shirt = rows["B0007RAE7A"]
    assert shirt["main_category"] == "Amazon Fashion"
    assert (shirt["price_min"], shirt["price"], shirt["price_max"]) == (
        Decimal("15.99"),
        Decimal("16.93"),
        Decimal("17.87"),
    )
    assert str(shirt["date_first_listed"]) == "2015-06-26"
    assert shirt["package_dimensions"] == "1 x 1 x 1 inches"
    assert shirt["shipping_weight"] == "1 pounds"
    assert shirt["item_model_number"] == "ZHCSB"
    assert shirt["sales_rank"] == 9309
    assert shirt["image_count"] == 9
    assert len(shirt["features"]) == 4
    assert known(products[FASHION], "date_first_listed") == 8


def test_best_products_of_all_files_do_not_depend_on_line_order(spark, tmp_path):
    lines = [line for file in FILES for line in lines_of(file)]
    ranks = spark.createDataFrame(
        list(zip(FILES, range(9), strict=False)), "partition string, rank int"
    )

    def places(rows, partitions):
        path = str(tmp_path / str(partitions))
        clean(spark, rows).repartition(partitions).write.parquet(path)
        best = best_products(spark.read.parquet(path), ranks)
        best = best.select("asin", "file", "line").collect()
        return sorted(tuple(row) for row in best)

    best = places(lines, 1)
    assert len(best) == len({asin for asin, _, _ in best}) == 3976
    assert places(lines[::-1], 3) == best


def warehouse_cases():
    with open(folder() / "reference" / "source2_metadata_before_after.json") as stream:
        return json.load(stream)


def whole(fields):
    """Return the fields that were printed in full; long ones end in three points."""
    return {name: text for name, text in fields.items() if not text.endswith("...")}


def test_products_agree_with_the_warehouse_for_input_printed_in_full(spark):
    cases = warehouse_cases()
    lines = [
        (json.dumps(whole(case["in"]) | {"asin": case["asin"]}), "utf-8", "f", i, "p")
        for i, case in enumerate(cases)
    ]
    rows = sorted(clean(spark, lines).collect(), key=lambda row: row["line"])
    for case, row in zip(cases, rows, strict=True):
        printed = case["out"]
        for ours, theirs in (("price_min", "min_price"), ("price_max", "max_price")):
            assert str(row[ours] and float(row[ours])).lower() == printed[theirs].replace(
                "null", "none"
            )
        if "main_cat" in whole(case["in"]):
            assert row["main_category"] == printed["new_main_cat"]
        # The warehouse never reads a date in the field `date`.
        if case["in"]["date"] == "March 27, 2008":
            assert str(row["date_first_listed"]) == "2008-03-27"
        assert row["asin"] == case["asin"]


def test_facts_of_feature_entries_agree_with_the_warehouse(spark):
    cases = [case for case in warehouse_cases() if case["out"]["new_date"] != "null"]
    assert len(cases) > 40
    label = '<span class="a-text-bold">{}:\n  </span>\n  <span>{}</span>'
    lines = []
    for i, case in enumerate(cases):
        entries = [label.format("Date first listed on Amazon", case["out"]["new_date"])]
        size = case["out"]["product_dimensions"]
        if size != "null":
            entries.append(label.format("Package Dimensions", size))
        record = {"asin": case["asin"], "date": case["in"]["date"], "feature": entries}
        lines.append((json.dumps(record), "utf-8", "f", i, "p"))
    rows = sorted(clean(spark, lines).collect(), key=lambda row: row["line"])
    for case, row in zip(cases, rows, strict=True):
        listed = row["date_first_listed"]
        assert f"{listed:%B} {listed.day}, {listed.year}" == case["out"]["new_date"]
        assert (
            str(row["package_dimensions"]).replace("None", "null")
            == case["out"]["product_dimensions"]
        )
