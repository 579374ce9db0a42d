"""Queries against numbers that are counted from the reviews one by one."""

import statistics
from collections import Counter, defaultdict
from datetime import date

import pyarrow as pa
import pytest

from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts import pipeline as charts
from amazon_reviews.serving.dashboard.views.quality import most_duplicates
from amazon_reviews.serving.queries import catalogue, pipeline
from amazon_reviews.serving.queries import reviews as queries
from amazon_reviews.serving.queries.filters import Filters, Month
from amazon_reviews.serving.queries.query import MOST_ROWS, rows
from amazon_reviews_tests.serving.synthetic import HOSTILE_TITLE, write_warehouse

CHOICES = {
    "nothing": Filters(),
    "months": Filters(months=(Month(2013, 5), Month(2015, 2))),
    "one month": Filters(months=(Month(2016, 3), Month(2016, 3))),
    "categories": Filters(main_categories=("Books", "Toys & Games")),
    "stars": Filters(stars=(1, 5)),
    "verified": Filters(verified=False),
    "source": Filters(source="stream"),
    "all": Filters(
        (Month(2012, 7), Month(2017, 10)), ("Books", "Electronics"), (4, 5), True, "batch"
    ),
}


@pytest.fixture(params=CHOICES)
def filters(request):
    return CHOICES[request.param]


@pytest.fixture
def filtered(reviews, filters):
    """The reviews that match the filters."""
    matching = [
        review
        for review in reviews
        if (not filters.months or is_between(review["reviewed_on"], *filters.months))
        and (not filters.main_categories or review["main_category"] in filters.main_categories)
        and (not filters.stars or review["overall"] in filters.stars)
        and filters.verified in (None, review["verified"])
        and filters.source in (None, review["source"])
    ]
    assert matching
    return matching


def is_between(day, first, last):
    return day is not None and first <= (day.year, day.month) <= last


def mean(reviews):
    stars = [float(r["overall"]) for r in reviews if r["overall"] is not None]
    return sum(stars) / len(stars)


def test_sums_are_those_of_the_filtered_reviews(warehouse, filtered, filters):
    sentiments = Counter(review["sentiment"] for review in filtered)

    (row,) = queries.summed(warehouse, filters).to_pylist()

    assert row.pop("mean_stars") == pytest.approx(mean(filtered))
    assert row == {
        "reviews": len(filtered),
        "rated": len(filtered) - sentiments[None],
        **{name: sentiments[name] for name in ("positive", "neutral", "negative")},
    }


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        (queries.by_year, {"year": "year"}),
        (queries.by_month, {"month": "month"}),
        (queries.by_year_month, {"year": "year", "month": "month"}),
        (queries.by_category, {"main_category": "main_category"}),
        (queries.by_stars, {"stars": "overall", "verified": "verified"}),
    ],
    ids=lambda value: value.name.rpartition(".")[2] if hasattr(value, "name") else "",
)
def test_groups_are_those_of_the_filtered_reviews(warehouse, filtered, filters, query, columns):
    timed = "month" in columns or "year" in columns
    counts = Counter(
        tuple(review[name] for name in columns.values())
        for review in filtered
        if review["year"] or not timed
    )

    rows = query(warehouse, filters).to_pylist()

    assert {tuple(row[name] for name in columns): row["reviews"] for row in rows} == counts


def test_lengths_are_banded_with_their_mean_words(warehouse, filtered, filters):
    words = defaultdict(list)
    for review in filtered:
        sentiment = review["sentiment"] or "unrated"
        words[min(review["word_count"] // 50 * 50, 200), sentiment].append(review["word_count"])

    result = queries.by_length(warehouse, filters).to_pylist()

    assert {(r["length_from"], r["sentiment"]): r["reviews"] for r in result} == {
        band: len(counts) for band, counts in words.items()
    }
    means = {(r["length_from"], r["sentiment"]): r["mean_words"] for r in result}
    assert means == pytest.approx({band: sum(n) / len(n) for band, n in words.items()})


def test_listed_and_imputed_prices_are_separate(warehouse, filtered, filters):
    counts = Counter((min(int(r["price"]) // 25 * 25, 100), r["price_imputed"]) for r in filtered)

    result = queries.by_price(warehouse, filters).to_pylist()

    assert {(r["price_from"], r["price_imputed"]): r["reviews"] for r in result} == counts


def test_categories_are_shrunk_to_the_mean_of_the_filtered_reviews(warehouse, filtered, filters):
    by_category = defaultdict(list)
    for review in filtered:
        by_category[review["main_category"]].append(review)
    rated = {c: [float(r["overall"]) for r in rs if r["overall"]] for c, rs in by_category.items()}
    shrunk = {c: (sum(s) + 10 * mean(filtered)) / (len(s) + 10) for c, s in rated.items()}
    negative = {c: sum(stars < 3 for stars in s) for c, s in rated.items()}
    overall = sum(negative.values()) / sum(map(len, rated.values()))

    result = queries.by_category(warehouse, filters).to_pylist()

    assert {r["main_category"]: r["shrunk_stars"] for r in result} == pytest.approx(shrunk)
    compared = queries.compared_categories(warehouse, filters).to_pylist()
    known = {c: negative[c] - len(s) * overall for c, s in rated.items() if len(rated) > 1}
    excess = {r["main_category"]: r["excess_negative"] for r in compared}
    assert excess == pytest.approx(known, abs=1e-9)


def test_categories_without_filters_equal_the_mart(warehouse):
    columns = ["main_category", "reviews", "shrunk_stars", "negative_share", "excess_negative"]
    mart = rows(
        warehouse,
        f"SELECT {', '.join(columns)} FROM {warehouse.relation('gold/category_ratings')} "
        "ORDER BY reviews DESC, main_category",
    )

    result = queries.by_category(warehouse, Filters()).select(columns).to_pylist()

    for row, expected in zip(result, mart.to_pylist(), strict=True):
        assert row == pytest.approx(expected)


def test_a_single_category_is_compared_with_no_other(warehouse):
    books = Filters(main_categories=("Books",))

    assert queries.by_category(warehouse, books).num_rows == 1
    assert queries.compared_categories(warehouse, books).num_rows == 0


def test_filters_without_a_matching_review_give_no_rows(warehouse):
    nothing = Filters(main_categories=("No such category",))

    results = [
        query(warehouse, nothing)
        for query in (queries.summed, queries.by_stars, queries.by_category, queries.by_length)
    ]

    assert [result.num_rows for result in results] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("100% [", [HOSTILE_TITLE]),
        ("100_ [", []),
        ("%", [HOSTILE_TITLE]),
        ("PRODUCT 12", ["Product 12"]),
        ("p012", ["Product 12"]),
        ("' OR '1'='1", []),
        ("\\", []),
    ],
)
def test_a_search_has_no_wildcards(warehouse, search, expected):
    products = catalogue.products(warehouse, search, Filters())
    count = catalogue.product_count(warehouse, search, Filters())

    assert products["title"].to_pylist() == expected
    assert count["products"].to_pylist() == [len(expected)]


def test_the_product_count_is_not_limited_to_the_listed_products(warehouse, reviews):
    books = Filters(main_categories=("Books",))
    for filters in (Filters(), books):
        chosen = filters.main_categories or {review["main_category"] for review in reviews}
        products = {r["product_asin"] for r in reviews if r["main_category"] in chosen}
        (count,) = catalogue.product_count(warehouse, "", filters)["products"].to_pylist()
        assert count == len(products) > 2
        assert catalogue.products(warehouse, "", filters, 2).num_rows == 2


def test_reviews_of_a_product_come_newest_first_in_pages(warehouse, reviews):
    of_product = [review for review in reviews if review["product_asin"] == "P000"]
    assert {review["asin"] for review in of_product} == {"P000", "P000V"}
    expected = [review["review_id"] for review in of_product if review["overall"] in (4, 5)]

    pages = [catalogue.product_reviews(warehouse, "P000", (4, 5), page=page) for page in range(3)]

    assert [page.num_rows for page in pages] == [50, len(expected) - 50, 0]
    both = pa.concat_tables(pages).to_pylist()
    assert sorted(row["review_id"] for row in both) == sorted(expected)
    days = [row["reviewed_on"] for row in both if row["reviewed_on"]]
    assert days == sorted(days, reverse=True)
    assert all(row["reviewed_on"] is None for row in both[len(days) :])


@pytest.mark.parametrize(("stars", "text"), [((), "not GOOD"), ((5,), "great"), ((1, 2), "%")])
def test_reviews_of_a_product_are_found_by_stars_and_text(warehouse, reviews, stars, text):
    expected = {
        review["review_id"]
        for review in reviews
        if review["product_asin"] == "P000"
        and (not stars or review["overall"] in stars)
        and any(text.lower() in review[name].lower() for name in ("summary", "review_text"))
    }

    rows = catalogue.product_reviews(warehouse, "P000", stars, text)
    (count,) = catalogue.product_review_count(warehouse, "P000", stars, text).to_pylist()

    assert {*rows["review_id"].to_pylist()} == expected
    assert count["reviews"] == len(expected)


def test_variants_of_a_product_have_its_other_reviews(warehouse, reviews):
    number = sum(review["asin"] == "P001V" for review in reviews)

    (row,) = catalogue.variants(warehouse, "P001").to_pylist()

    assert (row["asin"], row["reviews"]) == ("P001V", number)


@pytest.mark.parametrize(
    ("query", "column"),
    [(queries.by_language, "language"), (queries.by_marketplace, "marketplace")],
)
def test_origins_are_those_of_the_reviews(warehouse, reviews, query, column):
    of_origin = defaultdict(list)
    for review in reviews:
        of_origin[review[column] or UNKNOWN].append(review)

    rows = query(warehouse).to_pylist()

    assert {r[column]: r["reviews"] for r in rows} == {o: len(rs) for o, rs in of_origin.items()}
    means = {origin: mean(of_one) for origin, of_one in of_origin.items()}
    assert {r[column]: r["mean_stars"] for r in rows} == pytest.approx(means)
    negative = {o: sum(r["sentiment"] == "negative" for r in rs) for o, rs in of_origin.items()}
    counted = {r[column]: r["negative_share"] * r["rated"] for r in rows}
    assert counted == pytest.approx(negative)


def test_reviews_without_language_and_marketplace_have_no_origins(tmp_path):
    schema = TABLES["gold/review_origins"].arrow_schema
    row = {"profile": "amazon_2018", "reviews": 3, "rated": 3, "mean_stars": 4.0, "negative": 0}
    tables = {"gold/review_origins": pa.Table.from_pylist([row], schema)}
    warehouse = open_warehouse(write_warehouse(tmp_path, tables))

    assert queries.by_language(warehouse).num_rows == 0
    assert queries.by_marketplace(warehouse).num_rows == 0
    (row,) = queries.origins(warehouse).to_pylist()
    origin = tuple(row[name] for name in ("profile", "marketplace", "language", "reviews"))
    assert origin == ("amazon_2018", UNKNOWN, UNKNOWN, 3)


def test_shrunk_means_of_brands_have_intervals(warehouse, reviews):
    stars = [float(r["overall"]) for r in reviews if r["overall"] is not None]
    deviation = statistics.pstdev(stars)
    expected = Counter(r["brand"] for r in reviews if r["overall"] is not None)

    rows = catalogue.brands(warehouse).to_pylist()
    years = catalogue.brand_years(warehouse, ("Acme",)).to_pylist()

    assert {row["brand"]: row["rated"] for row in rows} == expected
    for row in rows + years:
        margin = 1.959963984540054 * deviation / (row["rated"] + 10) ** 0.5
        bounds = max(1, row["shrunk_stars"] - margin), min(5, row["shrunk_stars"] + margin)
        assert (row["low"], row["high"]) == pytest.approx(bounds)


def test_a_brand_without_reviews_has_no_mean(tmp_path):
    rows = [
        {"brand": "Acme", "products": 1, "reviews": 0, "rated": 0, "shrunk_stars": 4.5},
        {"brand": "Bolt", "products": 1, "reviews": 3, "rated": 3, "shrunk_stars": 4.5},
    ]
    counts = [{"stars": 5, "reviews": 2}, {"stars": 3, "reviews": 1}, {"reviews": 9}]
    tables = {
        name: pa.Table.from_pylist(values, TABLES[name].arrow_schema)
        for name, values in (("gold/brands", rows), ("gold/review_counts", counts))
    }

    acme, bolt = sorted(
        catalogue.brands(open_warehouse(write_warehouse(tmp_path, tables))).to_pylist(),
        key=lambda row: row["brand"],
    )

    assert [acme[name] for name in ("shrunk_stars", "low", "high")] == [None] * 3
    margin = 1.959963984540054 * statistics.pstdev([5, 5, 3]) / 13**0.5
    assert (bolt["low"], bolt["high"]) == pytest.approx((4.5 - margin, min(5, 4.5 + margin)))


def test_coverage_compares_reviews_with_the_ratings_of_the_source(warehouse, reviews):
    numbers = {f"P{n:03}": n * 100 for n in range(45) if n % 3}
    held = Counter(review["product_asin"] for review in reviews)

    rows = catalogue.coverage(warehouse, Filters()).to_pylist()
    (totals,) = catalogue.coverage_totals(warehouse, Filters()).to_pylist()

    assert {row["asin"]: row["rating_number"] for row in rows} == numbers
    assert {row["asin"]: row["reviews"] for row in rows} == {asin: held[asin] for asin in numbers}
    assert totals == {
        "products": len(numbers),
        "rating_number": sum(numbers.values()),
        "reviews": sum(held[asin] for asin in numbers),
    }
    books = Filters(main_categories=("Books",))
    (of_books,) = catalogue.coverage_totals(warehouse, books).to_pylist()
    assert 0 < of_books["products"] == catalogue.coverage(warehouse, books).num_rows < len(numbers)


def test_a_query_returns_at_most_50_000_rows(warehouse):
    many = f"SELECT a.asin FROM {warehouse.relation('gold/reviews')} AS a, " + (
        f"{warehouse.relation('gold/reviews')} AS b"
    )

    assert rows(warehouse, many, limit=10**9).num_rows == MOST_ROWS == 50_000


def test_columns_with_reserved_names_can_be_read(warehouse):
    assert pipeline.reconciliation(warehouse)["partition"].to_pylist()[0] == "partition_2"
    assert pipeline.source_columns(warehouse)["column"].to_pylist()[0] == "fit"


def test_brands_with_a_trend_come_first_then_the_largest(warehouse):
    brands = catalogue.brand_trends(warehouse)["brand"].to_pylist()

    assert brands == ["Acme", "Bolt", "Crane", "Dove"]


def test_months_are_those_of_dated_reviews_in_order(warehouse, reviews):
    dated = {(day.year, day.month) for review in reviews if (day := review["reviewed_on"])}

    months = queries.months(warehouse).to_pylist()

    assert [(row["year"], row["month"]) for row in months] == sorted(dated)


def test_periods_that_reviews_or_months_do_not_cover_are_partial(warehouse, filters):
    years = queries.by_year(warehouse, filters).to_pylist()
    months = queries.by_year_month(warehouse, filters).to_pylist()

    # The synthetic reviews are of 5 January 2012 to 5 December 2018.
    first, last = filters.months or ((2012, 1), (2018, 12))
    whole = {y for y in range(2013, 2018) if first <= (y, 1) and (y, 12) <= last}
    assert {row["year"]: row["partial"] for row in years} == {
        row["year"]: row["year"] not in whole for row in years
    }
    for row in months:
        assert row["partial"] == ((row["year"], row["month"]) in {(2012, 1), (2018, 12)})


def test_duplicates_are_shares_of_partitions_in_natural_order(tmp_path):
    lines = {"partition_10": (2_277, 2_072), "partition_2": (460_000, 12), "partition_1": (0, 0)}
    rows = [
        {
            "layer": "silver",
            "table": "reviews",
            "partition": name,
            "lines": total,
            "kept": total - duplicates,
            "duplicates": duplicates,
            "rejected": 0,
            "balanced": True,
        }
        for name, (total, duplicates) in lines.items()
    ]
    key = "gold/pipeline_reconciliation"
    mart = pa.Table.from_pylist(rows, TABLES[key].arrow_schema)

    result = pipeline.reconciliation(open_warehouse(write_warehouse(tmp_path, {key: mart})))

    assert result["partition"].to_pylist() == ["partition_1", "partition_2", "partition_10"]
    shares = result["duplicate_share"].to_pylist()
    assert shares == [None, pytest.approx(12 / 460_000), pytest.approx(0.9099, abs=1e-4)]
    drawn = charts.reconciliation(result).to_dict()
    (drawn_rows,) = drawn["datasets"].values()
    bars = {(row["partition"], row["outcome"]): row["share"] for row in drawn_rows}
    assert bars["partition_10", "duplicates"] == shares[2]
    assert drawn["encoding"]["x"]["field"] == "share"
    assert most_duplicates(result) == (
        "Largest share of duplicates: 91.0% of the lines of reviews `partition_10` "
        "(2,072 of 2,277)."
    )
    assert most_duplicates(result.slice(0, 1)) == ""


def test_alerts_are_the_drops_that_had_begun_by_a_day(warehouse):
    def going_on(day, filters=None):
        rows = catalogue.alerts(warehouse, day, filters or Filters()).to_pylist()
        (counts,) = catalogue.alert_counts(warehouse, day).to_pylist()
        return {row["asin"]: row["going_on"] for row in rows}, tuple(counts.values())

    assert going_on(date(2015, 2, 28)) == ({}, (0, 0, 0))
    assert going_on(date(2015, 4, 1)) == ({"P003": True}, (1, 1, 1))
    assert going_on(date(2018, 10, 2)) == ({"P000": True, "P003": False}, (2, 2, 1))
    assert going_on(date(2018, 10, 2), Filters(main_categories=("Books",)))[0] == {"P000": True}
