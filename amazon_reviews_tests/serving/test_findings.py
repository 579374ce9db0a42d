"""Findings on small warehouses where the right sentences are known."""

from datetime import date
from itertools import count

import pyarrow as pa
import pytest
from scipy import stats

from amazon_reviews.errors import NoDataError
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.serving.findings import findings
from amazon_reviews.serving.findings.wording import listed, months_from, number_of, q_is
from amazon_reviews.serving.queries.excess import q_values
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.seasons import compared_months
from amazon_reviews.serving.shown_numbers import percent
from amazon_reviews_tests.serving.synthetic import FORMULA, HOSTILE_TITLE, write_warehouse

NEWEST = date(2018, 8, 26)
BOOKS = Filters(main_categories=("Books",))
ALERTS = ("brands", {"brands_tab": "Alerts"})


@pytest.fixture
def warehouse_of(tmp_path):
    """A function that returns a warehouse of tables with these rows."""

    numbers = count()

    def load(**rows_by_noun):
        tables = {
            f"gold/{noun}": pa.Table.from_pylist(rows, TABLES[f"gold/{noun}"].arrow_schema)
            for noun, rows in rows_by_noun.items()
        }
        return open_warehouse(write_warehouse(tmp_path / str(next(numbers)), tables))

    return load


@pytest.fixture
def find(warehouse_of):
    """A function that returns the findings on tables with these rows."""

    def find_in(filters=Filters(), **rows_by_noun):  # noqa: B008
        warehouse = warehouse_of(**rows_by_noun)
        versions = warehouse.versions()

        def read(query, *args, **kwargs):
            if missing := set(query.tables) - set(versions):
                raise NoDataError(f"{missing} is missing")
            return query(warehouse, *args, **kwargs)

        return findings(read, filters)

    return find_in


def texts_of(findings_of):
    return [finding.text for finding in findings_of]


def drop(asin, month, ends_on=None, *, category="Books", recovered=False, **values):
    return {
        "asin": asin,
        "title": f"Title of {asin}",
        "main_category": category,
        "begins_on": month,
        "ends_on": ends_on,
        "recovered": recovered,
        "before_mean": 4.5,
        "period_mean": 3.25,
        "rating_drop": 1.25,
        "low": 0.5,
        "high": 2.0,
        "period_rated": 20,
        "q_value": 0.034,
        **values,
    }


TOTALS = [{"reviews": 100, "last_on": NEWEST}]


def test_a_drop_has_its_means_interval_and_state(find):
    rows = [
        drop("A1", date(2018, 7, 1)),
        drop("A2", date(2017, 12, 1), date(2018, 2, 28), recovered=True, period_rated=10),
        drop("A3", date(2016, 5, 1), date(2016, 5, 31), title=None, q_value=1e-9, period_rated=5),
    ]

    going_on, recovered, unknown = find(totals=TOTALS, product_alerts=rows)

    assert going_on.text == (
        "Title of A1 (A1) has fallen from 4.50 to 3.25 stars since July 2018: a drop of 1.25 "
        "(95 % interval 0.50 to 2.00, q = 0.034). It is going on."
    )
    assert recovered.text == (
        "Title of A2 (A2) fell from 4.50 to 3.25 stars from December 2017 to February 2018: a drop "
        "of 1.25 (95 % interval 0.50 to 2.00, q = 0.034). It has recovered."
    )
    assert unknown.text == (
        "A3 fell from 4.50 to 3.25 stars in May 2016: a drop of 1.25 (95 % interval 0.50 to 2.00, "
        "q < 0.001). It has had too few reviews since then to tell if it recovered."
    )
    assert {finding.kind for finding in (going_on, recovered, unknown)} == {"drop"}
    assert going_on.stands_out
    assert (unknown.page, unknown.parameters) == ("product", {"asin": "A3"})


def test_drops_of_a_category_that_begin_in_one_quarter_are_one_finding(find):
    may = date(2018, 5, 31)
    rows = [
        drop("A1", date(2018, 3, 1), may, rating_drop=1.9, high=2.5, q_value=0.001),
        drop("A2", date(2018, 4, 1), may),
        drop("A3", date(2018, 5, 1), may, rating_drop=0.9, low=0.2, recovered=True),
        # Too early, and of another category: single ones.
        drop("A4", date(2018, 2, 1), may, period_rated=2),
        drop("A5", date(2018, 4, 1), may, period_rated=1, category="Toys"),
    ]

    together, *single = find(totals=TOTALS, product_alerts=rows)

    assert together.text == (
        "3 products of Books lost 0.90 to 1.90 stars from March to May 2018 (95 % intervals within "
        "0.20 to 2.50, q ≤ 0.034): Title of A1 (A1) by 1.90, Title of A2 (A2) by 1.25 and Title of "
        "A3 (A3) by 0.90. Of them, 2 have had too few reviews since then to tell if they recovered "
        "and 1 has recovered."
    )
    assert (together.page, together.parameters) == ALERTS
    assert [finding.parameters for finding in single] == [{"asin": "A4"}, {"asin": "A5"}]


def test_two_drops_of_a_category_in_one_quarter_are_no_group(find):
    rows = [drop("A1", date(2018, 3, 1)), drop("A2", date(2018, 3, 1))]
    twice = [drop("A1", date(2018, 4, 1))]

    assert len(find(totals=TOTALS, product_alerts=rows)) == 2
    assert len(find(totals=TOTALS, product_alerts=rows + twice)) == 3


def test_products_without_a_category_are_one_finding_with_five_names(find):
    month = date(2018, 7, 1)
    rows = [
        drop(f"A{n}", month, category=None, title=None, rating_drop=3 - n / 4) for n in range(7)
    ]

    (together,) = find(totals=TOTALS, product_alerts=rows)

    assert together.text.startswith(
        "7 products without a known category lost 1.50 to 3.00 stars since July 2018 "
    )
    assert together.text.endswith(
        ": A0 by 3.00, A1 by 2.75, A2 by 2.50, A3 by 2.25, A4 by 2.00 and 2 more. All are going on."
    )


def test_drops_that_go_on_come_first_then_those_with_most_stars_lost(find):
    ended = [
        drop(f"A{n}", date(2010 + n, 1, 1), date(2010 + n, 1, 31), period_rated=n) for n in range(6)
    ]
    going_on = drop("B1", date(2018, 8, 1), period_rated=1)

    findings_of_all = find(totals=TOTALS, product_alerts=[*ended, going_on])

    assert [finding.parameters.get("asin") for finding in findings_of_all] == [
        "B1",
        "A5",
        "A4",
        "A3",
        None,
    ]
    assert findings_of_all[-1].text == "3 further drops of stars are beyond chance."
    assert (findings_of_all[-1].page, findings_of_all[-1].parameters) == ALERTS


def months(asin, *rated):
    return [
        {"asin": asin, "year": 2017, "month": 1 + n, "rated": number, "reviews": number}
        for n, number in enumerate(rated)
    ]


def test_nothing_stands_out_among_the_products_with_enough_reviews(find):
    # Only A1 and A4 have a month of five reviews after ten earlier ones.
    product_months = [
        *months("A1", 10, 5),
        *months("A2", 10, 4),
        *months("A3", 9, 5),
        *months("A4", 6, 1, 3, 5, 9),
    ]
    ratings = [
        {"asin": asin, "main_category": category, "reviews": 1, "title": "T"}
        for asin, category in (("A1", "Books"), ("A2", "Books"), ("A3", "Books"), ("A4", "Toys"))
    ]
    tables = {
        "totals": TOTALS,
        "product_alerts": [],
        "product_months": product_months,
        "product_ratings": ratings,
    }

    (of_all,) = find(**tables)
    (of_books,) = find(BOOKS, **tables)
    (of_music,) = find(Filters(main_categories=("Music",)), **tables)

    assert of_all.text == (
        "No product stands out: up to 26 August 2018, chance alone can explain all drops of the "
        "stars of the 2 products with enough reviews to compare."
    )
    assert "of the 1 product with enough reviews" in of_books.text
    assert of_music.text == "No product has enough reviews to tell if its stars dropped."
    assert not any(finding.stands_out for finding in (of_all, of_books, of_music))


def gap(category, difference, low, high, significant, q_value=0.01):
    return {
        "main_category": category,
        "verified_rated": 50,
        "unverified_rated": 40,
        "verified_mean": 4.0 + difference,
        "unverified_mean": 4.0,
        "difference": difference,
        "low": low,
        "high": high,
        "q_value": q_value,
        "significant": significant,
    }


def test_credibility_gaps_come_by_their_nearer_end_and_unknown_is_none(find):
    rows = [
        gap("All categories", 0.3, 0.2, 0.4, True),
        gap("Unknown", 0.9, 0.8, 1.0, True),
        gap("Lucky", 0.9, 0.05, 1.75, True),
        gap("Magazines", 0.51, 0.4, 0.62, True, 1e-8),
        gap("Books", -0.3, -0.4, -0.2, True),
        gap("Toys", 2.0, 1.0, 3.0, False),
    ]

    first, second = find(credibility=rows)
    (of_books,) = find(BOOKS, credibility=rows)

    assert first.text == (
        "Verified buyers of Magazines rate 0.51 stars higher than other reviewers (95 % interval "
        "0.40 to 0.62, q < 0.001): 4.51 against 4.00 stars."
    )
    assert second.text == of_books.text
    assert second.text.startswith(
        "Verified buyers of Books rate 0.30 stars lower than other reviewers (95 % interval 0.20 "
        "to 0.40, q = 0.01)"
    )
    assert (first.page, first.parameters) == ("ratings", {"ratings_tab": "Credibility"})


def test_without_a_credibility_gap_of_a_category_that_of_all_counts(find):
    books, toys = gap("Books", 0.3, -0.1, 0.7, False), gap("Toys", 0.1, -0.1, 0.3, False)

    def texts(filters, whole):
        rows = [gap("All categories", 0.3, 0.2, 0.4, whole), books, toys]
        return texts_of(find(filters, credibility=rows))

    (of_all,) = texts(Filters(), True)
    assert of_all.startswith("Verified buyers of all categories together rate 0.30 stars higher")
    assert texts(Filters(), False) == [
        "Verified buyers of none of the 2 categories compared rate differently beyond chance."
    ]
    assert texts(BOOKS, True) == ["Verified buyers of Books do not rate differently beyond chance."]


def stars_of(category, negative, positive):
    return [
        {"main_category": category, "stars": stars, "reviews": number}
        for stars, number in ((1, negative), (5, positive))
    ]


def test_categories_have_an_excess_of_negative_reviews(find):
    rows = [
        *stars_of("Books", 300, 700),
        *stars_of("Toys", 100, 900),
        *stars_of("Unknown", 100, 400),
    ]

    (of_all,) = find(review_counts=rows)
    (of_books,) = find(BOOKS, review_counts=rows)
    (of_toys,) = find(Filters(main_categories=("Toys",)), review_counts=rows)

    # 500 of 2,500 reviews are negative, so 1,000 would have 200.
    assert of_books == of_all
    assert of_all.text.startswith(
        "Books has 100 negative reviews more than the share of all reviews would give (95 % "
        "interval "
    )
    assert of_all.text.endswith(
        ", q < 0.001): 30 % of its 1,000 rated reviews, against 20 % of all."
    )
    assert (of_all.page, of_all.parameters) == ("categories", {"categories_tab": "Reviews"})
    assert of_toys.text == "Toys does not have more negative reviews than chance explains."


def test_equal_categories_have_no_excess(find):
    rows = [*stars_of("Books", 21, 80), *stars_of("Toys", 19, 80)]

    (finding,) = find(review_counts=rows)

    assert finding.text == (
        "None of the 2 categories compared has more negative reviews than chance explains."
    )
    assert not finding.stands_out
    assert find(review_counts=stars_of("Books", 20, 80)) == []


def test_one_of_many_categories_may_be_worse_by_chance(find):
    # Alone, the first category differs: its share of 15 % has an interval that leaves 10 % out.
    others = [row for n in range(10) for row in stars_of(f"C{n}", 20, 180)]

    (of_two,) = find(review_counts=[*stars_of("Books", 31, 169), *stars_of("C", 200, 1_800)])
    (of_many,) = find(review_counts=[*stars_of("Books", 31, 169), *others])

    assert of_two.stands_out
    assert not of_many.stands_out


def trend(brand, rated, slope, kind):
    return {
        "brand": brand,
        "first_year": 2012,
        "last_year": 2018,
        "rated": rated,
        "slope": slope,
        "low": slope - 0.05,
        "high": slope + 0.05,
        "q_value": 0.02 if kind != "flat" else 0.4,
        "trend": kind,
    }


def test_trends_name_the_largest_brands(find):
    rows = [
        trend("Acme", 300, -0.12, "falling"),
        trend("Bolt", 100, -0.4, "falling"),
        trend("Crane", 200, -0.3, "falling"),
        trend("Dove", 1, 0.1, "rising"),
        trend("Eagle", 900, 0.9, "flat"),
    ]

    falling, rising = find(brand_trends=rows)

    assert falling.text == (
        "The stars of 3 brands fall beyond chance: Acme by 0.12 stars a year from 2012 to 2018 "
        "(95 % interval 0.07 to 0.17, q = 0.02, 300 reviews), Crane by 0.30 stars a year from 2012 "
        "to 2018 (95 % interval 0.25 to 0.35, q = 0.02, 200 reviews) and 1 more."
    )
    assert rising.text == (
        "The stars of 1 brand rise beyond chance: Dove by 0.10 stars a year from 2012 to 2018 "
        "(95 % interval 0.05 to 0.15, q = 0.02, 1 review)."
    )
    assert find(BOOKS, brand_trends=rows) == []
    assert texts_of(find(brand_trends=rows[-1:])) == [
        "No brand rises or falls: chance alone can explain the changes of the 1 brand tested."
    ]


def season_tables(indexes, half):
    years = {2010: 700, 2011: 900, 2012: 1_000, 2013: 1_400}
    return {
        "seasons": [
            {
                "month": month,
                "seasonal_index": indexes.get(month, 1.0),
                "low": indexes.get(month, 1.0) - half,
                "high": indexes.get(month, 1.0) + half,
                "whole_years": 4,
            }
            for month in range(1, 13)
        ],
        "year_months": [
            {"year": year, "month": month, "reviews": reviews, "partial": False}
            for year, reviews in years.items()
            for month in range(1, 13)
        ]
        # A year without reviews in most months, which does not count.
        + [{"year": 2014, "month": 1, "reviews": 10**6, "partial": False}],
    }


def test_a_busy_month_has_an_interval(find):
    tables = season_tables({12: 1.35, 7: 1.2}, 0.1)

    (finding,) = find(**tables)

    assert finding.text.startswith(
        "December has 1.35 times the reviews of a mean month (95 % interval 1.25 to 1.45, q = 0.0"
    )
    assert finding.text.endswith("), over 4 whole years.")
    assert (finding.page, finding.parameters) == ("ratings", {"ratings_tab": "Months"})
    assert find(BOOKS, **tables) == []


@pytest.mark.parametrize(
    ("indexes", "half"),
    [
        # Its 31 days make it larger than a mean month, for certain.
        ({12: 1.0184}, 0.001),
        # One of twelve intervals misses 1 by chance.
        ({12: 1.12}, 0.1),
        ({}, 0.1),
    ],
)
def test_a_month_is_not_busy_by_its_days_or_by_chance(find, indexes, half):
    (finding,) = find(**season_tables(indexes, half))

    assert finding.text == (
        "No month of the year stands out by its number of reviews, over 4 whole years."
    )
    assert not finding.stands_out


def test_months_are_tested_by_the_effective_number_of_years(warehouse_of):
    tables = season_tables({12: 1.35, 7: 1.2, 2: 0.7}, 0.1)

    rows = compared_months(warehouse_of(**tables)).to_pylist()

    years = [12 * reviews for reviews in (700, 900, 1_000, 1_400)]
    freedom = sum(years) ** 2 / sum(year**2 for year in years) - 1
    error = 0.1 / stats.t.ppf(0.975, freedom)
    distances = [(row["seasonal_index"] - row["expected"]) / error for row in rows]
    expected = q_values([float(stats.t.sf(distance, freedom)) for distance in distances])
    # The formula of the intervals is on the safe side for few years: 16 % here.
    assert [row["q_value"] for row in rows] == pytest.approx(expected, rel=0.2)
    assert rows[11]["q_value"] > expected[11]
    assert sum(row["expected"] for row in rows) == pytest.approx(12)


def test_contradictions_are_a_share_with_an_interval_and_no_more_than_a_hint(find):
    rows = [
        {"main_category": "Books", "reviews": 1_000, "contradictions": 20},
        {"main_category": None, "reviews": 1_000, "contradictions": 0},
    ]

    (finding,) = find(sentiment_categories=rows, sentiment_evaluation=[])
    (of_books,) = find(
        BOOKS, sentiment_categories=rows, sentiment_evaluation=[{"only_generated": True}]
    )

    assert finding.text == (
        "The texts of 20 of 2,000 reviews (1.0 %, 95 % interval 0.6 % to 1.5 %) say the opposite "
        "of the stars by the sentiment model. The model or the stars may be wrong."
    )
    assert not finding.stands_out
    assert of_books.text.startswith("The texts of 20 of 1,000 reviews (2.0 %, ")
    assert of_books.text.endswith(" The model learned from generated texts only.")


def partition(name, lines, duplicates=0, rejected=0, lost=0, layer="silver"):
    return {
        "layer": layer,
        "table": "reviews",
        "partition": name,
        "lines": lines,
        "kept": lines - duplicates - rejected - lost,
        "duplicates": duplicates,
        "rejected": rejected,
        "balanced": not lost,
    }


def test_partitions_that_lost_lines_come_first(find):
    rows = [
        partition("toys", 1_200, 100, 50, lost=10),
        partition("books", 5_000, lost=1),
        # Not built yet.
        partition("music", 500, lost=500, layer="gold"),
    ]
    alerts = [drop("A1", date(2018, 7, 1))]

    first, second, *_ = find(totals=TOTALS, product_alerts=alerts, pipeline_reconciliation=rows)
    (single, *_) = find(pipeline_reconciliation=rows[:1])

    assert first.text == (
        "2 partitions are not balanced, such as books of silver/reviews: of 5,000 lines, 4,999 "
        "were kept, duplicates or rejected."
    )
    assert second.kind == "drop"
    assert single.text.startswith("toys of silver/reviews is not balanced: of 1,200 lines, 1,190 ")
    assert find(pipeline_reconciliation=rows[2:]) == []


def test_duplicates_and_rejected_lines_are_shares(find):
    rows = [
        partition("toys", 2_277, 2_072),
        partition("books", 10_000, 4_000, 300),
        # All of it is in other partitions too, which is no fault of the file.
        partition("music", 100, 100, layer="gold"),
    ]
    reasons = [
        {"table": "reviews", "partition": name, "reason": reason, "lines": lines}
        for name, reason, lines in (
            ("books", "not_json", 100),
            ("toys", "not_json", 60),
            ("books", "too_large", 140),
        )
    ]

    duplicates, rejected = find(pipeline_reconciliation=rows, pipeline_rejected=reasons)

    assert duplicates.text == (
        "91.0 % of the lines of toys of reviews repeat another one (2,072 of 2,277), the largest "
        "share of all partitions."
    )
    assert rejected.text == (
        "300 of 12,277 lines (2.4 %) were rejected. The most frequent reason: no JSON (160)."
    )
    assert (rejected.page, rejected.parameters) == ("quality", {"quality_tab": "Rejected lines"})
    assert find(BOOKS, pipeline_reconciliation=rows, pipeline_rejected=reasons) == []


def test_a_small_gap_does_not_stand_out(find):
    rows = [partition("books", 10_000, 99, 1)]
    reasons = [{"table": "reviews", "partition": "books", "reason": "too_large", "lines": 1}]

    duplicates, rejected = find(pipeline_reconciliation=rows, pipeline_rejected=reasons)

    assert rejected.text == (
        "1 of 10,000 lines (less than 0.1 %) was rejected. The most frequent reason: too large (1)."
    )
    assert not duplicates.stands_out
    assert not rejected.stands_out


def test_missing_product_data_and_prices_are_shares(find):
    ratings = [
        {"asin": "A1", "title": None, "main_category": None, "reviews": 81},
        {"asin": "A2", "title": "T", "main_category": "Books", "reviews": 15},
        {"asin": "A3", "title": "Unknown", "main_category": "Toys", "reviews": 4},
    ]
    products = [
        {"main_category": "Books", "products": 30, "priced": 3},
        {"main_category": "Toys", "products": 10, "priced": 10},
    ]

    without, unpriced = find(product_ratings=ratings, category_products=products)
    of_books = find(BOOKS, product_ratings=ratings, category_products=products)

    assert without.text == (
        "81 % of the reviews have no product data (81 of 100): category, brand and price of their "
        "1 product are unknown."
    )
    assert unpriced.text == (
        "68 % of the products have no listed price (27 of 40): a mean price takes its place."
    )
    assert texts_of(of_books) == [
        "90 % of the products have no listed price (27 of 30): a mean price takes its place."
    ]


def test_texts_without_a_prediction_are_counted(find):
    predicted = [
        {"main_category": f"C{n}", "reviews": number, "contradictions": 0}
        for n, number in enumerate([97] + 40 * [0])
    ]

    *_, finding = find(review_counts=[*stars_of("C0", 50, 50)], sentiment_categories=predicted[:1])
    none = find(review_counts=[*stars_of("C0", 50, 47)], sentiment_categories=predicted)

    assert finding.text == "Figures on texts cover 97 of 100 reviews: 3 have no prediction yet."
    assert finding.kind == "data"
    assert not any("prediction" in text for text in texts_of(none))


def test_findings_of_missing_tables_are_left_out(find):
    assert find() == []
    assert [
        finding.kind for finding in find(review_counts=stars_of("A", 1, 1) + stars_of("B", 1, 1))
    ]


def test_only_the_chosen_categories_of_the_filters_count(find):
    tables = {
        "review_counts": [*stars_of("Books", 300, 700), *stars_of("Toys", 100, 900)],
        "sentiment_categories": [{"main_category": "Books", "reviews": 990, "contradictions": 0}],
    }

    by_all_filters = find(
        Filters(main_categories=("Books",), stars=(5,), verified=True, source="stream"), **tables
    )

    assert by_all_filters == find(BOOKS, **tables)
    assert [finding.kind for finding in by_all_filters] == ["category", "data"]


def test_what_does_not_stand_out_comes_last(find):
    of_chance = [gap("Books", 0.3, -0.1, 0.7, False)]
    negative = [*stars_of("Books", 300, 700), *stars_of("Toys", 100, 900)]

    findings_of_all = find(credibility=of_chance, review_counts=negative)

    assert [finding.kind for finding in findings_of_all] == ["category", "credibility"]


def test_names_are_those_of_the_data_and_not_longer_than_a_line(find):
    rows = [drop("<b>A1</b>", date(2018, 7, 1), title=HOSTILE_TITLE)]

    alert, of_brand = find(
        totals=TOTALS, product_alerts=rows, brand_trends=[trend(FORMULA, 10, 0.2, "rising")]
    )

    assert alert.text.startswith(f"{HOSTILE_TITLE[:60]}… (<b>A1</b>) has fallen")
    assert alert.parameters == {"asin": "<b>A1</b>"}
    assert FORMULA in of_brand.text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.0004, "less than 0.1 %"),
        (0.0191, "1.9 %"),
        (0.0999, "10.0 %"),
        (0.1, "10 %"),
        (0.8127, "81 %"),
        (0.9, "90 %"),
        (0.94, "94.0 %"),
        (0.9961, "99.6 %"),
        (0.9996, "more than 99.9 %"),
        (1, "100 %"),
    ],
)
def test_shares_are_never_rounded_to_none_or_all(share, text):
    assert percent(share) == text


def test_numbers_and_months_read_well():
    assert number_of(1, "product") == "1 product"
    assert number_of(1_234, "category", "categories") == "1,234 categories"
    assert (q_is(0.0009), q_is(0.034), q_is(0.5)) == ("q < 0.001", "q = 0.034", "q = 0.5")
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert months_from(date(2018, 3, 1), date(2018, 3, 31)) == "in March 2018"
    assert months_from(date(2018, 3, 1), date(2018, 5, 31)) == "from March to May 2018"
    assert months_from(date(2017, 12, 1), date(2018, 5, 31)) == "from December 2017 to May 2018"
