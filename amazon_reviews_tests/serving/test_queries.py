"""Queries against numbers that are counted from the reviews one by one."""

from collections import Counter, defaultdict

import pyarrow as pa
import pytest

from amazon_reviews.serving.queries import catalogue, pipeline
from amazon_reviews.serving.queries import reviews as queries
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.query import MOST_ROWS, rows
from amazon_reviews_tests.serving.synthetic import HOSTILE_TITLE

CHOICES = {
    "nothing": Filters(),
    "years": Filters(years=(2013, 2015)),
    "categories": Filters(main_categories=("Books", "Toys & Games")),
    "stars": Filters(stars=(1, 5)),
    "verified": Filters(verified=False),
    "source": Filters(source="stream"),
    "all": Filters((2012, 2017), ("Books", "Electronics"), (4, 5), True, "batch"),
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
        if (not filters.years or filters.years[0] <= (review["year"] or 0) <= filters.years[1])
        and (not filters.main_categories or review["main_category"] in filters.main_categories)
        and (not filters.stars or review["overall"] in filters.stars)
        and filters.verified in (None, review["verified"])
        and filters.source in (None, review["source"])
    ]
    assert matching
    return matching


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
    lack = {c: len(s) * (5 - shrunk[c]) for c, s in rated.items()}

    result = queries.by_category(warehouse, filters).to_pylist()

    assert {r["main_category"]: r["shrunk_stars"] for r in result} == pytest.approx(shrunk)
    whole = sum(lack.values())
    priorities = {r["main_category"]: r["priority"] for r in result}
    assert priorities == pytest.approx({c: part / whole for c, part in lack.items()})


def test_categories_without_filters_equal_the_mart(warehouse):
    columns = ["main_category", "reviews", "shrunk_stars", "negative_share", "priority"]
    mart = rows(
        warehouse,
        f"SELECT {', '.join(columns)} FROM {warehouse.relation('gold/category_ratings')} "
        "ORDER BY reviews DESC, main_category",
    )

    result = queries.by_category(warehouse, Filters()).select(columns).to_pylist()

    for row, expected in zip(result, mart.to_pylist(), strict=True):
        assert row == pytest.approx(expected)


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
        products = {r["asin"] for r in reviews if r["main_category"] in chosen}
        (count,) = catalogue.product_count(warehouse, "", filters)["products"].to_pylist()
        assert count == len(products) > 2
        assert catalogue.products(warehouse, "", filters, 2).num_rows == 2


def test_reviews_of_a_product_come_newest_first_in_pages(warehouse, reviews):
    expected = [r["review_id"] for r in reviews if r["asin"] == "P000" and r["overall"] in (4, 5)]

    pages = [catalogue.product_reviews(warehouse, "P000", (4, 5), page) for page in range(3)]

    assert [page.num_rows for page in pages] == [50, len(expected) - 50, 0]
    both = pa.concat_tables(pages).to_pylist()
    assert sorted(row["review_id"] for row in both) == sorted(expected)
    days = [row["reviewed_on"] for row in both if row["reviewed_on"]]
    assert days == sorted(days, reverse=True)
    assert all(row["reviewed_on"] is None for row in both[len(days) :])


def test_a_query_returns_at_most_50_000_rows(warehouse):
    many = f"SELECT a.asin FROM {warehouse.relation('gold/reviews')} AS a, " + (
        f"{warehouse.relation('gold/reviews')} AS b"
    )

    assert rows(warehouse, many, limit=10**9).num_rows == MOST_ROWS == 50_000


def test_columns_with_reserved_names_can_be_read(warehouse):
    assert pipeline.reconciliation(warehouse)["partition"].to_pylist()[0] == "partition_2"
    assert pipeline.source_columns(warehouse)["column"].to_pylist()[0] == "fit"
