"""Drops of the stars of products: the months that begin and end them, and how sure they are."""

import random
from dataclasses import replace
from datetime import date

import pytest
from scipy.stats import false_discovery_control, hypergeom

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import build_gold_all
from amazon_reviews_tests.marts.building import checked_mart, put_gold, review

AS_OF = date(2018, 6, 30)
GOOD, BAD = (5, 5, 5, 4, 5, 3, 5, 5, 5, 5), (1, 2, 1, 5, 1, 1, 2, 1)


def rated(year, month, *stars, asin="B0007RAE7A"):
    return [review(star, date(year, month, 15), asin=asin) for star in stars]


@pytest.fixture
def drops(spark, lakehouse):
    """Return the drops of reviews, with a review of another product on the newest day."""

    def drops(*reviews):
        put_gold(lakehouse, [*reviews, review(asin="OTHER", on=AS_OF)])
        return checked_mart(spark, lakehouse, "product_alerts")

    return drops


def test_drop_of_the_newest_months_is_going_on(drops):
    (row,) = drops(
        *rated(2017, 12, *GOOD, None), *rated(2018, 5, *BAD), *rated(2018, 6, 4, 1, None)
    )

    assert (row["asin"], row["as_of"]) == ("B0007RAE7A", AS_OF)
    assert (row["begins_on"], row["ends_on"]) == (date(2018, 5, 1), None)
    assert (row["before_rated"], row["before_critical"]) == (10, 1)
    assert (row["period_rated"], row["period_critical"]) == (10, 8)
    assert (row["before_mean"], row["period_mean"]) == (4.7, 1.9)
    assert row["rating_drop"] == pytest.approx(2.8)
    # With a review of 1 and one of 5 stars more, the means are 53 / 12 and 25 / 12.
    variance = (7 / 12 * 41 / 12 + 35 / 12 * 13 / 12) / 12
    assert row["low"] == pytest.approx(28 / 12 - 1.959964 * variance**0.5)
    assert row["high"] == pytest.approx(28 / 12 + 1.959964 * variance**0.5)


def test_q_value_is_that_of_exact_tests(drops):
    months = [
        row for n in range(8) for m in (1, 2, 3) for row in rated(2016, m, *GOOD[:5], asin=f"B{n}")
    ]
    worse = rated(2016, 4, *BAD, asin="B3")

    (row,) = drops(*months, *worse)

    # 8 products have a third month with at least 10 earlier reviews, one of them also a fourth.
    p_value = hypergeom.sf(6, 23, 7, 8)
    assert row["q_value"] == pytest.approx(false_discovery_control([p_value, *[1.0] * 8])[0])


def test_drop_that_recovers_has_an_end(drops):
    (row,) = drops(
        *rated(2016, 1, *GOOD), *rated(2016, 3, *BAD), *rated(2016, 4, *BAD), *rated(2016, 7, *GOOD)
    )

    assert (row["begins_on"], row["ends_on"]) == (date(2016, 3, 1), date(2016, 4, 30))
    assert row["recovered"]
    assert (row["before_rated"], row["period_rated"]) == (10, 16)


def test_months_between_two_significant_ones_belong_to_the_same_drop(drops):
    few = rated(2016, 4, 1, 4)

    (row,) = drops(
        *rated(2016, 1, *GOOD * 3),
        *rated(2016, 3, *BAD),
        *few,
        *rated(2016, 5, *BAD),
    )

    assert row["begins_on"] == date(2016, 3, 1)
    assert row["period_rated"] == 18


def test_second_drop_after_a_recovery_is_another_one(drops):
    rows = drops(
        *rated(2016, 1, *GOOD * 3),
        *rated(2016, 3, *BAD),
        *rated(2016, 4, *GOOD * 3),
        *rated(2016, 5, *BAD),
    )

    periods = sorted((row["begins_on"], row["ends_on"]) for row in rows)
    assert periods == [(date(2016, m, 1), date(2016, m, 31)) for m in (3, 5)]
    assert sorted(row["before_rated"] for row in rows) == [30, 68]


def test_drop_of_a_product_without_later_reviews_is_not_going_on(drops):
    (row,) = drops(*rated(2018, 1, *GOOD), *rated(2018, 3, *BAD))

    assert (row["ends_on"], row["recovered"]) == (date(2018, 3, 31), False)


def test_steady_decline_is_one_drop(drops):
    stars = (5, 4.5, 4, 3.5, 3, 2.5, 2, 1.5)
    decline = [row for n, s in enumerate(stars) for row in rated(2017, n + 1, *[s] * 10)]

    (row,) = drops(*decline)

    assert (row["begins_on"], row["before_rated"]) == (date(2017, 6, 1), 50)
    assert row["period_mean"] == 2


def test_too_few_reviews_are_not_tested(drops):
    few_in_month = (*rated(2018, 1, *GOOD), *rated(2018, 5, 1, 1, 1, 1, None))
    few_before = (*rated(2018, 1, *[5] * 9, asin="B1"), *rated(2018, 5, *[1] * 9, asin="B1"))

    assert drops(*few_in_month, *few_before) == []


def test_drop_whose_interval_contains_0_is_none(drops):
    # The test of the critical reviews alone would find it: p = 0.01.
    before = (*[5] * 53, *[4] * 4, 3, 3, 1, 1, 1)
    assert drops(*rated(2015, 1, *before), *rated(2015, 5, 5, 5, 3, 3, 3)) == []


def test_small_drop_is_none(drops):
    many = [5] * 900
    assert drops(*rated(2018, 1, *many, *[3] * 9), *rated(2018, 5, *many[:100], *[3] * 25)) == []


def test_better_month_is_no_drop(drops):
    assert drops(*rated(2018, 1, *BAD * 2), *rated(2018, 5, *GOOD)) == []


def test_reviews_without_dates_give_no_drop(spark, lakehouse):
    put_gold(lakehouse, [review(1, on=None) for _ in range(20)])

    assert checked_mart(spark, lakehouse, "product_alerts") == []


LUCKY = (*rated(2018, 1, *GOOD), *rated(2018, 2, 1, 1, 1, 1, 5))


def test_month_that_is_the_only_one_tested_is_a_drop(drops):
    assert len(drops(*LUCKY)) == 1


def test_same_month_among_those_of_many_products_is_none(drops):
    choose = random.Random(3)
    chance = [
        row
        for number in range(200)
        for month in (1, 2, 3, 4)
        for row in rated(
            2018, month, *choose.choices((5, 5, 5, 5, 4, 3, 1), k=8), asin=f"B{number}"
        )
    ]

    assert drops(*LUCKY, *chance) == []


SAMPLE = SampleOptions(
    reviews=4_800,
    products=50,
    users=250,
    partitions=2,
    events=0,
    titles=0,
    title_ratings=0,
    files_per_partition=1,
)


@pytest.fixture
def of_sample(spark, lakehouse, tmp_path):
    """Return the drops of a sample, and its truth."""

    def of_sample(**options):
        truth = generate(replace(SAMPLE, **options), tmp_path / "landing")
        build_gold_all(spark, LandingZone(location=str(tmp_path / "landing")), lakehouse)
        return checked_mart(spark, lakehouse, "product_alerts"), truth

    return of_sample


def test_drops_of_a_sample_are_its_incidents(of_sample):
    rows, truth = of_sample(incidents=10)

    found = [row for row in rows if any(_is_of(row, incident) for incident in truth["incidents"])]
    # Each incident is one drop, and at most 5 % of the drops are none.
    assert len({row["asin"] for row in found}) == len(found) >= 9
    assert len(rows) - len(found) <= 0.05 * len(rows)
    assert truth["incidents"][0]["asin"] in [row["asin"] for row in rows if not row["ends_on"]]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_sample_without_incidents_has_no_drop(of_sample, seed):
    assert of_sample(seed=seed)[0] == []


def _is_of(row, incident):
    begins, ends = (date.fromisoformat(incident[name]) for name in ("begins_on", "ends_on"))
    last = row["ends_on"] or AS_OF.max
    return row["asin"] == incident["asin"] and row["begins_on"] <= ends and begins <= last
