"""Seasons and trends with known figures."""

import random
from datetime import date

import pytest
from scipy.stats import linregress, t

from amazon_reviews_tests.marts.building import built_mart, checked_mart, product, put_gold, review


def test_seasonal_index_uses_only_whole_years(spark, lakehouse):
    december = [review(on=date(2016, 12, 24)) for _ in range(13)]
    others = [review(on=date(2016, month, 1)) for month in range(1, 12)]
    half_a_year = [review(on=date(2017, month, 1)) for month in range(1, 7) for _ in range(50)]
    undated = [review(on=None)]
    put_gold(lakehouse, [*december, *others, *half_a_year, *undated])

    rows = checked_mart(spark, lakehouse, "seasons")

    index = {row["month"]: row["seasonal_index"] for row in rows}
    assert index == {month: pytest.approx(0.5) for month in range(1, 12)} | {12: pytest.approx(6.5)}
    assert {row["month"]: row["reviews"] for row in rows}[1] == 51


def test_seasonal_index_weighs_years_by_their_reviews(spark, lakehouse):
    small = [review(on=date(2016, 7, 1)) for _ in range(29)]
    small += [review(on=date(2016, month, 1)) for month in range(1, 13) if month != 7]
    large = [review(on=date(2017, month, 1)) for month in range(1, 13) for _ in range(100)]
    put_gold(lakehouse, [*small, *large, review(on=date(2018, 1, 1))])

    rows = {row["month"]: row for row in checked_mart(spark, lakehouse, "seasons")}

    # The mean of 8.7 in the small year and 1 in the large one would be 4.85.
    assert rows[7]["seasonal_index"] == pytest.approx(12 * 129 / 1_240)
    assert rows[1]["seasonal_index"] == pytest.approx(12 * 101 / 1_240)
    assert {(row["whole_years"], row["low"], row["high"]) for row in rows.values()} == {
        (2, None, None)
    }


def test_interval_of_the_seasonal_index_contains_the_known_one(spark, lakehouse):
    draws = random.Random(12)
    shares = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    reviews = [
        review(on=date(year, draws.choices(range(1, 13), shares)[0], 1))
        for year in range(2008, 2018)
        for _ in range(draws.choice([200, 400, 600]))
    ]
    put_gold(lakehouse, [*reviews, review(on=date(2007, 12, 31)), review(on=date(2018, 1, 1))])

    rows = {row["month"]: row for row in checked_mart(spark, lakehouse, "seasons")}

    known = {month: 12 * share / 13 for month, share in enumerate(shares, start=1)}
    within = [month for month, row in rows.items() if row["low"] <= known[month] <= row["high"]]
    assert {row["whole_years"] for row in rows.values()} == {10}
    assert len(within) >= 11
    assert rows[12]["low"] > 1.5
    assert all(0 < row["high"] - row["low"] < 0.5 for row in rows.values())


def test_years_and_months_that_the_reviews_do_not_cover_are_partial(spark, lakehouse):
    days = [date(2015, 12, 2), date(2016, 1, 1), date(2016, 12, 31), date(2017, 6, 29)]
    put_gold(lakehouse, [*map(review, [5.0] * 4, days), review(on=date(2017, 5, 1))])

    years = checked_mart(spark, lakehouse, "years")
    months = checked_mart(spark, lakehouse, "year_months")

    assert {row["year"]: row["partial"] for row in years} == {2015: True, 2016: False, 2017: True}
    partial = {(row["year"], row["month"]) for row in months if row["partial"]}
    assert (len(months), partial) == (5, {(2015, 12), (2017, 6)})


def test_seasonal_index_is_null_without_a_whole_year(spark, lakehouse):
    put_gold(lakehouse, [review(on=date(2016, month, 1)) for month in range(1, 12)])

    rows = checked_mart(spark, lakehouse, "seasons")

    assert {row["seasonal_index"] for row in rows} == {None}


def test_undated_reviews_belong_to_no_year(spark, lakehouse):
    put_gold(lakehouse, [review(on=date(2016, 2, 29)), review(on=None)])

    assert [row["year"] for row in checked_mart(spark, lakehouse, "years")] == [2016]
    months = checked_mart(spark, lakehouse, "year_months")
    assert [(row["year"], row["month"], row["reviews"]) for row in months] == [(2016, 2, 1)]


def put_points(lakehouse, points):
    """Put reviews of one brand with these years, months and stars into gold."""
    reviews = [review(stars, date(year, month, 15)) for year, month, stars in points]
    put_gold(lakehouse, reviews, [product()])


def months(count, start=2010):
    return [(start + number // 12, number % 12 + 1) for number in range(count)]


def test_trend_agrees_with_scipy(spark, lakehouse):
    draws = random.Random(7)
    points = [(y, m, draws.choice([1, 2, 3, 4, 5, 5, 5])) for y, m in months(48) for _ in range(4)]
    known = linregress([y + (m - 0.5) / 12 for y, m, _ in points], [s for *_, s in points])

    put_points(lakehouse, points)

    (row,) = checked_mart(spark, lakehouse, "brand_trends")

    assert (row["brand"], row["first_year"], row["last_year"]) == ("Oakwood", 2010, 2013)
    assert row["rated"] == 192
    assert row["slope"] == pytest.approx(known.slope, rel=1e-9)
    assert row["standard_error"] == pytest.approx(known.stderr, rel=1e-9)
    assert row["p_value"] == row["q_value"] == pytest.approx(known.pvalue, abs=1e-5)
    half = t.ppf(0.975, 190) * known.stderr
    assert row["low"] == pytest.approx(known.slope - half, rel=1e-4)
    assert row["high"] == pytest.approx(known.slope + half, rel=1e-4)
    assert row["trend"] == "flat"


@pytest.mark.parametrize(("first", "last", "trend"), [(2, 5, "rising"), (5, 2, "falling")])
def test_changing_stars_have_a_trend(spark, lakehouse, first, last, trend):
    stars = [first] * 23 + [last] + [first] + [last] * 23
    points = [(*month, star) for month, star in zip(months(48), stars, strict=True)]

    put_points(lakehouse, points)

    (row,) = checked_mart(spark, lakehouse, "brand_trends")

    assert row["trend"] == trend
    assert row["p_value"] < 1e-6


@pytest.mark.parametrize("stars", [1, 3.5, 5])
@pytest.mark.parametrize("count", [30, 49, 77])
def test_constant_stars_have_no_trend(spark, lakehouse, stars, count):
    put_points(lakehouse, [(*month, stars) for month in months(count, 2013)])

    (row,) = checked_mart(spark, lakehouse, "brand_trends")

    assert (row["slope"], row["standard_error"]) == (0, 0)
    assert (row["p_value"], row["trend"]) == (1, "flat")


def test_two_points_in_time_give_an_exact_line(spark, lakehouse):
    points = [(2016, 1, 2.0)] * 15 + [(2017, 1, 4.0)] * 15

    put_points(lakehouse, points)

    # The remaining error is rounding, which differs between computations.
    (row,) = built_mart(spark, lakehouse, "brand_trends").to_pylist()

    assert (row["slope"], row["standard_error"]) == (pytest.approx(2), pytest.approx(0, abs=1e-6))
    assert (row["p_value"], row["trend"]) == (pytest.approx(0), "rising")


def test_trend_needs_30_rated_reviews_in_two_years(spark, lakehouse):
    brands = {"enough": 30, "few": 29, "unrated": 29, "one year": 40, "Unknown": 40}
    reviews = [
        review(5.0, date(2016 if brand == "one year" else 2015 + number % 2, 1, 1), asin=brand)
        for brand, count in brands.items()
        for number in range(count)
    ]
    reviews += [review(None, date(2016, 5, 5), asin="unrated"), review(4.0, None, asin="few")]
    put_gold(lakehouse, reviews, [product(asin=brand, brand=brand) for brand in brands])

    rows = checked_mart(spark, lakehouse, "brand_trends")

    assert [(row["brand"], row["rated"]) for row in rows] == [("enough", 30)]
