"""Typed and cleaned products, and the best row of each asin."""

import datetime
import random

import pytest
from pyspark.sql import functions as F

from amazon_reviews.profiles.profile import PRODUCT_FIELDS as FIELDS
from amazon_reviews.transforms.lines import parse_lines
from amazon_reviews.transforms.products import best_products, clean_products
from amazon_reviews_tests.transforms.frames import frame_of_lines


def parsed(spark, lines):
    return parse_lines(frame_of_lines(spark, lines), FIELDS)


def cleaned(spark, lines):
    rows = clean_products(parsed(spark, lines)).collect()
    return sorted(rows, key=lambda row: row["line"])


def label(name, value):
    return (
        f'<span class="a-text-bold">{name}:\n                    </span>\n'
        f"                    <span>{value}</span>"
    )


RATES = "(<a href='/rates?_encoding=UTF8&amp;asin=X'>View shipping rates and policies</a>)"
MORE = "<a href='/help?nodeId=1' target='Details'>Learn More</a>"
IMAGE = '<img src="https://shop.example/x.png" class="nav-categ-image" alt="{}"/>'
TABLE = (
    ' class="a-keyvalue prodDetTable"> <tr> <th class="a-color-secondary"> Item Weight </th>'
    ' <td class="a-size-base"> 1.05 pounds </td> </tr> <tr> <th class="x"> Batteries Required?'
    ' </th> <td class="y"> No </td> </tr> <tr> <th> Product Dimensions </th>'
    " <td> 5 x 5 inches </td> </tr>"
)
DAY = datetime.date

CASES = [
    # source fields, and expected columns
    ({"asin": " B1 "}, {"asin": "B1"}),
    # title
    ({"title": "Cars &amp; Trucks  <b>2</b>"}, {"title": "Cars & Trucks 2"}),
    ({"title": '<span class="a-size-medium a-color-secondary"'}, {"title": "Unknown"}),
    ({"title": ' Magazines" />'}, {"title": "Unknown"}),
    ({"title": "var aPageStart = (new Date()).getTime();"}, {"title": "Unknown"}),
    ({"title": 'Round Pan (6.875")'}, {"title": 'Round Pan (6.875")'}),
    ({"title": "var t = +new Date().getTime()"}, {"title": "Unknown"}),
    ({"title": '<img alt="x" class="nav" />'}, {"title": "Unknown"}),
    ({"title": ' Books" class="nav"/> '}, {"title": "Unknown"}),
    *(
        ({"title": kept}, {"title": kept})
        for kept in (
            "JavaScript Date getTime explained",
            "Date.getTime() in JavaScript",
            'Cable 1/2" />',
            'Pipe 3½" />',
            'The "end" />',
        )
    ),
    ({"title": "  "}, {"title": "Unknown"}),
    ({"title": None}, {"title": "Unknown"}),
    ({}, {"title": "Unknown", "brand": "Unknown", "main_category": None}),
    # brand
    ({"brand": "by\n    \n    Apple"}, {"brand": "Apple"}),
    ({"brand": "\n  by\r\n  Apple"}, {"brand": "Apple"}),
    ({"brand": "by Boutique"}, {"brand": "Boutique"}),
    ({"brand": "<span>by</span>&nbsp;Apple"}, {"brand": "Apple"}),
    *(
        ({"brand": kept}, {"brand": kept})
        for kept in ("By Terry", "BY MALENE BIRGER", "bydesign", "Stand by me", "by-the-sea")
    ),
    ({"brand": "F&amp;W <i>Publications</i>"}, {"brand": "F&W Publications"}),
    ({"brand": ""}, {"brand": "Unknown"}),
    ({"brand": "by\n\n"}, {"brand": "Unknown"}),
    # main category
    ({"main_cat": "Tools &amp; Home"}, {"main_category": "Tools & Home"}),
    ({"main_cat": IMAGE.format("AMAZON FASHION")}, {"main_category": "Amazon Fashion"}),
    ({"main_cat": IMAGE.format("MEN'S &amp; WOMEN'S")}, {"main_category": "Men's & Women's"}),
    ({"main_cat": IMAGE.format(""), "category": ["Toys"]}, {"main_category": "Toys"}),
    ({"main_cat": "", "category": ["", "A &amp; B", "C"]}, {"main_category": "A & B"}),
    ({"main_cat": None, "category": []}, {"main_category": None}),
    # categories
    (
        {"category": ["A &amp; B", "</span></span>", "C", "A & B", "", " C ", '4.5" arch']},
        {"categories": ["A & B", "C", '4.5" arch']},
    ),
    ({"category": []}, {"categories": []}),
    # price
    (
        {"price": "$1,000.00 - $2,500.50"},
        {"price": 1750.25, "price_min": 1000.0, "price_max": 2500.5},
    ),
    ({"price": 12.5}, {"price": 12.5}),
    ({"price": "1e1"}, {"price": 10.0}),
    ({"price": ".a{margin:5px}"}, {"price": None, "price_min": None, "price_max": None}),
    # description
    (
        {"description": ["One<br>two", "", "&nbsp;", "<img src='x'>", "three &amp; four"]},
        {"description": "One two, three & four"},
    ),
    ({"description": "a text, no list"}, {"description": "a text, no list"}),
    ({"description": "[broken"}, {"description": "[broken"}),
    ({"description": ["", " "]}, {"description": None}),
    # features
    (
        {
            "feature": [
                "100% Cotton",
                "",
                '<span class="a-size-base"> No fees &amp; no expiration. </span>',
                label("Item model number", "ZHCSB"),
                '<a class="a-link-normal" href="/b/ref=x"> Read the full returns policy </a>',
                "<span>Save<script>alert(1)</script></span>",
                "Width: 5 < 6",
            ]
        },
        {
            "features": ["100% Cotton", "No fees & no expiration.", "Width: 5 < 6"],
            "item_model_number": "ZHCSB",
        },
    ),
    # images, in both versions of the schema
    ({"image": ["a", "b"]}, {"image_count": 2}),
    ({"imageURL": ["a"], "imageURLHighRes": ["a"]}, {"image_count": 1}),
    ({"imageURLHighRes": ["a", "b", "c"]}, {"image_count": 3}),
    ({"image": []}, {"image_count": 0}),
    # sales rank
    (
        {"rank": "24,469,411 in Clothing, Shoes & Jewelry ("},
        {"sales_rank": 24_469_411, "sales_rank_category": "Clothing, Shoes & Jewelry"},
    ),
    (
        {"rank": [">#720,785 in Toys &amp; Games (See Top 100 in Toys & Games)", ">#1 in Kids"]},
        {"sales_rank": 720_785, "sales_rank_category": "Toys & Games"},
    ),
    (
        {"rank": '[">#7 in Gift Cards > Kids"]'},
        {"sales_rank": 7, "sales_rank_category": "Gift Cards > Kids"},
    ),
    ({"rank": "[]"}, {"sales_rank": None, "sales_rank_category": None}),
    ({"rank": "99999999999999999999 in X"}, {"sales_rank": None}),
    # date first listed
    ({"date": "May 26, 2011"}, {"date_first_listed": DAY(2011, 5, 26)}),
    ({"date": "May 6, 2011"}, {"date_first_listed": DAY(2011, 5, 6)}),
    ({"date": "Sept. 6, 2011"}, {"date_first_listed": DAY(2011, 9, 6)}),
    ({"date": "Mai 6, 2011"}, {"date_first_listed": None}),
    ({"date": "May 6, 1811"}, {"date_first_listed": None}),
    ({"date": "February 30, 2011"}, {"date_first_listed": None}),
    (
        {"date": "DKNY", "feature": [label("Date first listed on Amazon", "June 10, 2008")]},
        {"date_first_listed": DAY(2008, 6, 10), "features": []},
    ),
    (
        {"date": "<div class='x'>", "details": {" Date first listed on Amazon:": "July 1, 2008"}},
        {"date_first_listed": DAY(2008, 7, 1)},
    ),
    # details
    (
        {
            "details": {
                "\n    Item Weight: \n    ": "1.44 ounces",
                "\n    Product Dimensions: \n    ": "10 x 6 x 1 inches ; 0.96 ounces",
                "Shipping Weight:": "0.6 ounces (",
                "Item model number:": "^",
                "Batteries": "1 AA batteries required. (included)",
                "Domestic Shipping: ": "Item can be shipped within U.S.",
                "International Shipping: ": "Not eligible. Learn More",
                "Publisher:": "F&W",
            }
        },
        {
            "item_weight": "1.44 ounces",
            "product_dimensions": "10 x 6 x 1 inches ; 0.96 ounces",
            "shipping_weight": "0.6 ounces",
            "item_model_number": None,
            "batteries": "1 AA batteries required. (included)",
            "domestic_shipping": "Item can be shipped within U.S.",
            "international_shipping": "Not eligible.",
        },
    ),
    # three that are always null in the Inteligencia Colectiva warehouse, and the package
    (
        {
            "feature": [
                label("Package Dimensions", "1 x 1 x 1 inches"),
                label("Shipping Weight", f"1 pounds {RATES}"),
                label("Domestic Shipping", "Item can be shipped within U.S."),
                label("International Shipping", f"This item is not eligible. {MORE}"),
                label("Shipping Information", RATES),
            ]
        },
        {
            "package_dimensions": "1 x 1 x 1 inches",
            "shipping_weight": "1 pounds",
            "domestic_shipping": "Item can be shipped within U.S.",
            "international_shipping": "This item is not eligible.",
            "features": [],
        },
    ),
    (
        {"details": {"Item Weight:": "1 ounce"}, "tech1": TABLE},
        {"item_weight": "1 ounce", "product_dimensions": "5 x 5 inches", "batteries": None},
    ),
    ({"tech2": TABLE}, {"item_weight": "1.05 pounds"}),
    # neighbours
    (
        {"also_buy": ["B2", "", "B1"], "also_view": []},
        {"also_buy": ["B2", "B1"], "also_view": []},
    ),
    # control characters
    (
        {
            "title": "\x1b[31mLamp\u202e\x00red",
            "brand": "\x07Acme",
            "category": ["a\x9bb", "\x00"],
        },
        {"title": "[31mLamp red", "brand": "Acme", "categories": ["a b"]},
    ),
    (
        {"also_buy": ["B\x001", "B2"], "new\x1b": "x\u2069", "rank": "5 in A\x1bB ("},
        {"also_buy": ["B 1", "B2"], "rescued": {"new": "x"}, "sales_rank_category": "A B"},
    ),
    # completeness
    ({"title": "", "price": "", "date": "Nike", "image": []}, {"completeness": 0}),
    (
        {"title": "T", "brand": "B", "price": "$1", "image": ["a"], "date": "May 1, 2010"},
        {"completeness": 5},
    ),
]


def test_source_fields_become_typed_columns(spark):
    rows = cleaned(spark, [record for record, _ in CASES])
    columns_of_rows = [
        {name: as_number(row[name]) for name in columns}
        for row, (_, columns) in zip(rows, CASES, strict=True)
    ]
    assert columns_of_rows == [columns for _, columns in CASES]


def test_price_may_be_any_json_number(spark):
    numbers = ["1e1", "1.25E+1", "10", "1E-1", "12345678.5", "0.005e0", "1e12", "-1e1", "1e-9"]
    rows = cleaned(spark, [f'{{"asin": "B1", "price": {number}}}' for number in numbers])
    prices = [as_number(row["price"]) for row in rows]
    assert prices == [10.0, 12.5, 10.0, 0.1, 12345678.5, 0.01, None, None, 0.0]


def as_number(value):
    return float(value) if hasattr(value, "as_tuple") else value


def test_cleaning_keeps_origin_and_unknown_fields(spark):
    (row,) = cleaned(spark, [{"asin": "B1", "new": "x"}])
    assert (row["rescued"], row["file"], row["line"], row["partition"]) == (
        {"new": "x"},
        "f",
        1,
        "p",
    )


def test_columns_to_keep_follow_those_of_silver(spark):
    frame = parsed(spark, [{"asin": "B1"}]).withColumn("line_id", F.lit("id"))
    assert clean_products(frame, keep=["line_id"]).columns[-2:] == ["partition", "line_id"]


CANDIDATES = [
    # asin, completeness, partition, file, line, is best
    ("more complete", 3, "p2", "f1", 1, False),
    ("more complete", 5, "p10", "f9", 9, True),
    ("earlier partition", 5, "p10", "f1", 1, False),
    ("earlier partition", 5, "p2", "f2", 2, True),
    ("earlier file", 5, "p2", "f2", 1, False),
    ("earlier file", 5, "p2", "f1", 2, True),
    ("earlier line", 5, "p2", "f1", 10, False),
    ("earlier line", 5, "p2", "f1", 9, True),
    ("ranked partition", 5, "a", "f1", 1, False),
    ("ranked partition", 5, "p10", "f1", 1, True),
    ("partition by name", 5, "b", "f1", 1, False),
    ("partition by name", 5, "a", "f1", 1, True),
    ("written twice", 5, "p2", "f1", 7, True),
    ("written twice", 5, "p2", "f1", 7, True),
    ("alone", 0, "p2", "f1", 8, True),
]
PLACE = "asin string, completeness int, partition string, file string, line long"


@pytest.mark.parametrize("seed", range(4))
def test_best_row_of_every_asin_does_not_depend_on_row_order(spark, seed):
    candidates = random.Random(seed).sample(CANDIDATES, len(CANDIDATES))
    frame = spark.createDataFrame([row[:5] for row in candidates], PLACE).repartition(1 + seed)
    wide = frame.withColumn("rescued", F.create_map(F.lit("at"), F.col("file")))
    ranks = spark.createDataFrame([("p2", 1), ("p10", 2)], "partition string, rank int")
    best = best_products(wide, ranks)
    assert best.columns == wide.columns
    rows = sorted(tuple(row) for row in best.collect())
    expected = {row[:5] for row in CANDIDATES if row[5]}
    assert rows == sorted((*row, {"at": row[3]}) for row in expected)


def test_rank_of_partition_decides_before_its_name(spark):
    rows = [("A", 1, "a", "f", 1), ("A", 1, "b", "f", 1)]
    ranks = spark.createDataFrame([("b", 1), ("a", 2)], "partition string, rank int")
    (best,) = best_products(spark.createDataFrame(rows, PLACE), ranks).collect()
    assert best["partition"] == "b"
