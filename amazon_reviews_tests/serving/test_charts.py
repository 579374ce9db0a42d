"""Charts and tables of the apps: missing values, small samples, gaps, names, money."""

import json
import re
from datetime import date
from functools import partial

import duckdb
import pyarrow as pa
import pytest
import vl_convert

from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import MART_TABLES, TABLES
from amazon_reviews.schemas.table import MONEY
from amazon_reviews.serving.charts import catalogue, categories, over_time, sentiment, style, titles
from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.charts.timeline import every_month
from amazon_reviews.serving.dashboard.components import column_config, with_unknown
from amazon_reviews.serving.intervals import share_columns
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.reviews import by_category
from amazon_reviews_tests.serving.synthetic import write_warehouse


def values(chart):
    (rows,) = chart.to_dict()["datasets"].values()
    return rows


def test_reviews_without_a_price_are_neither_listed_nor_imputed():
    bands = [(10, 25, False), (10, 25, True), (None, None, None)]
    table = pa.Table.from_pylist(
        [
            {
                "price_from": low,
                "price_to": high,
                "price_imputed": imputed,
                "reviews": 3,
                "rated": 3,
                "mean_stars": 4.0,
            }
            for low, high, imputed in bands
        ]
    )

    for build in (charts.prices, charts.price_ratings):
        rows = values(build(table))
        assert [row["price"] for row in rows] == ["listed", "imputed", "Unknown"]
        assert rows[2]["label"] == "Unknown"


MONEY_COLUMNS = {
    column.name: column.type
    for mart in MART_TABLES
    for column in mart.columns
    if column.type == MONEY or column.name == "mean_price"
}


@pytest.mark.parametrize("name", MONEY_COLUMNS)
def test_prices_of_tables_are_money(name):
    config = column_config(pa.field(name, pa.float64()))

    assert config["type_config"]["format"] == "dollar"


def test_missing_texts_of_tables_are_unknown():
    rows = pa.table({"brand": ["Acme", None], "reviews": pa.array([None, 3], pa.int64())})

    named = with_unknown(rows)

    assert named.to_pylist() == [
        {"brand": "Acme", "reviews": None},
        {"brand": "Unknown", "reviews": 3},
    ]


def test_purchases_that_no_source_states_are_unknown():
    rows = [{"stars": 5, "verified": each, "reviews": 1} for each in (True, False, None)]

    bars = values(charts.stars_by_verified(pa.Table.from_pylist(rows)))

    assert [bar["purchase"] for bar in bars] == ["verified", "not verified", "Unknown"]


def measured(rated, mean=4.0, negative=0, **key):
    row = {"reviews": rated, "rated": rated, "mean_stars": mean, "shrunk_stars": mean}
    return {**key, **row, "positive": rated - negative, "neutral": 0, "negative": negative}


YEARS = pa.Table.from_pylist(
    [measured(2, 5.0, year=1998), measured(40, year=2001), measured(29, year=2002)]
)


def test_years_without_reviews_have_a_place_and_no_mean():
    rows = values(over_time.mean_per_year(YEARS))

    assert [row["label"] for row in rows] == ["1998", "1999", "2000", "2001", "2002"]
    assert [row.get("mean_stars") for row in rows] == [5.0, None, None, 4.0, 4.0]
    assert [row["reviews"] for row in values(over_time.reviews_per_year(YEARS))] == [
        2,
        0,
        0,
        40,
        29,
    ]
    scale = over_time.sentiment_per_year(YEARS).to_dict()["encoding"]["x"]["scale"]
    assert scale["domain"] == ["1998", "1999", "2000", "2001", "2002"]


def test_months_without_reviews_are_zero():
    rows = [measured(3, year=2013, month=12), measured(1, year=2014, month=3)]

    months = every_month(rows)

    assert [(row["label"], row["reviews"]) for row in months] == [
        ("2013-12", 3),
        ("2014-01", 0),
        ("2014-02", 0),
        ("2014-03", 1),
    ]
    assert every_month([]) == []


def test_titles_between_two_years_are_zero():
    rows = [{"platform": "hulu", "year": year, "titles": 4} for year in (2001, 2004)]
    scores = [{"platform": "hulu", "score": score, "titles": 4} for score in (3.1, 3.3)]

    lines = values(titles.years(pa.Table.from_pylist(rows)))
    points = values(titles.scores(pa.Table.from_pylist(scores)))

    assert [(row["year"], row["titles"]) for row in lines] == [
        (2001, 4),
        (2002, 0),
        (2003, 0),
        (2004, 4),
    ]
    assert [(row["score"], row["titles"]) for row in points] == [(3.1, 4), (3.2, 0), (3.3, 4)]


def drawn(chart):
    """Return the chart as SVG."""
    return vl_convert.vegalite_to_svg(json.dumps(chart.properties(width=600).to_dict()))


def marks(svg, kind):
    """Return the drawn marks of a kind, by the first year in their description."""
    found = re.findall(rf'<path aria-label="year: (\d+);[^>]*"{kind}"[^>]*>', svg)
    tags = re.findall(rf'<path aria-label="year: \d+;[^>]*"{kind}"[^>]*>', svg)
    return dict(zip(found, tags, strict=True))


def test_means_and_shares_of_few_reviews_are_marked():
    means, shares = (
        drawn(build(YEARS)) for build in (over_time.mean_per_year, over_time.sentiment_per_year)
    )

    assert "hollow: fewer than 30 rated reviews" in means
    filled = {year: "fill=" in mark for year, mark in marks(means, "point").items()}
    assert filled == {"1998": False, "2001": True, "2002": False}
    assert "pale: fewer than 30 rated reviews" in shares
    pale = {year: 'opacity="0.45"' in mark for year, mark in marks(shares, "bar").items()}
    assert pale == {"1998": True, "2001": False, "2002": True}
    for build in (over_time.mean_per_year, over_time.sentiment_per_year):
        assert "fewer than 30" not in drawn(build(YEARS.slice(1, 1)))


def test_few_negative_reviews_put_no_category_first(tmp_path):
    counts = {"Two reviews": (2, 0), "Worst": (400, 600), "Usual": (500, 4_500)}
    cells = [
        {"main_category": name, "stars": stars, "reviews": number}
        for name, (negative, positive) in counts.items()
        for stars, number in ((1, negative), (5, positive))
    ]
    table = pa.Table.from_pylist(cells, TABLES["gold/review_counts"].arrow_schema)
    warehouse = open_warehouse(write_warehouse(tmp_path, {"gold/review_counts": table}))

    chart = categories.categories_by_negative(by_category(warehouse, Filters()))

    rows = values(chart)
    assert [row["main_category"] for row in rows] == ["Worst", "Two reviews", "Usual"]
    for row in rows:
        assert row["share_low"] <= row["negative_share"] <= row["share_high"]


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # By hand: 0 of n gives z² / (n + z²) as the upper end, and n of n one less that as the lower.
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (0, 0, None, None),
    ],
)
def test_wilson_intervals(part, whole, low, high):
    columns = share_columns("part", "whole")

    rows = duckdb.sql(f"SELECT {columns} FROM (SELECT {part} AS part, {whole} AS whole)")

    assert rows.fetchall()[0] == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_no_chart_of_categories_leaves_its_worst_rows_out_silently():
    rows = [
        measured(100 - k, 5 - k / 20, k, main_category=f"Category {k}", share_low=k / 100)
        for k in range(22)
    ]
    table = pa.Table.from_pylist(rows)

    stars = values(categories.categories_by_stars(table))

    assert {row["main_category"] for row in stars} == {row["main_category"] for row in rows}
    assert categories.categories_by_stars(table).description == "Mean stars per category"
    for build in (categories.categories_by_reviews, categories.categories_by_negative):
        assert "the 15 largest of 22" in drawn(build(table, most=15))
        assert "largest of" not in drawn(build(table.slice(0, 15), most=15))


def test_long_names_are_in_two_lines():
    name = "Amazon.com Gift Card in a Greeting Card (Various Designs)"
    row = measured(9, main_category=name)

    svg = drawn(categories.categories_by_reviews(pa.Table.from_pylist([row])))

    assert "Amazon.com Gift Card in a Greeting Card<" in svg
    assert "(Various Designs)<" in svg


CATEGORY_ROW = measured(
    9,
    negative=3,
    main_category="Books",
    secondary_category="Poems",
    products=4,
    share_low=0.1,
    share_high=0.6,
    negative_share=1 / 3,
    excess_negative=1.0,
    excess_low=-1.0,
    excess_high=3.0,
    difference=0.5,
    low=0.1,
    high=0.9,
    q_value=0.01,
    significant=True,
)
DROP = {
    "asin": "B0012Y0ZG2",
    "title": "Shampoo",
    "begins_on": date(2018, 3, 1),
    "going_on": True,
    "rating_drop": 1.2,
    "low": 0.9,
    "high": 1.5,
    "q_value": 0.001,
    **{f"{side}_{name}": 9 for side in ("before", "period") for name in ("mean", "rated")},
}
COVERED = {"asin": "B0012Y0ZG2", "title": None, "brand": None, "share_held": 0.5}
CLICKABLE = {
    categories.categories_by_reviews: CATEGORY_ROW,
    categories.categories_by_stars: CATEGORY_ROW,
    categories.categories_by_negative: CATEGORY_ROW,
    categories.categories_by_priority: CATEGORY_ROW,
    categories.products_per_category: CATEGORY_ROW,
    categories.secondary_categories: CATEGORY_ROW,
    charts.credibility: CATEGORY_ROW,
    partial(sentiment.shares, name="main_category", title="Texts"): CATEGORY_ROW,
    catalogue.drops: DROP,
    catalogue.product_coverage: COVERED,
}


@pytest.mark.parametrize("build", CLICKABLE)
def test_a_click_selects_the_category_or_the_product_of_a_row(build):
    row = CLICKABLE[build]
    field = "asin" if "asin" in row else "main_category"

    spec = build(pa.Table.from_pylist([row])).to_dict()

    (clicked,) = spec["params"]
    assert clicked["name"] == style.CLICKED
    assert clicked["select"] == {"type": "point", "fields": [field]}
    area = spec["layer"][-1] if "views" in clicked else spec
    assert clicked.get("views", [spec.get("name")]) == [area.get("name")]
    rows = spec["datasets"][area.get("data", spec.get("data"))["name"]]
    assert {each[field] for each in rows} == {row[field]}
