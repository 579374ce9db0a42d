"""Product alerts: edges of the windows, surges and drops."""

from datetime import date, timedelta

import pytest

from amazon_reviews_tests.marts.building import checked_mart, put_gold, review

AS_OF = date(2018, 6, 30)
OTHER = review(asin="OTHER", on=AS_OF)


def ago(*days, stars=5.0):
    return [review(stars, AS_OF - timedelta(days=number)) for number in days]


def rated(days, *stars):
    return [review(star, AS_OF - timedelta(days=days)) for star in stars]


@pytest.fixture
def alerts(spark, lakehouse):
    """Return the alerts for reviews of a product, and a review of another product today."""

    def alerts(*reviews):
        put_gold(lakehouse, [*reviews, OTHER])
        return checked_mart(spark, lakehouse, "product_alerts")

    return alerts


def test_many_more_reviews_than_before_are_a_surge(alerts):
    (row,) = alerts(*ago(*range(0, 84, 7)), *ago(*range(100, 450, 35)))

    assert (row["asin"], row["as_of"]) == ("B0007RAE7A", AS_OF)
    assert (row["recent_reviews"], row["earlier_reviews"]) == (12, 10)
    assert row["velocity"] == pytest.approx(12 / 2.465753424657534)
    assert row["velocity_z"] == pytest.approx(5.438164)
    assert (row["surge"], row["dropped"]) == (True, False)
    assert (row["rating_drop"], row["rating_drop_z"]) == (0, None)


def test_windows_are_90_and_365_days_long(alerts):
    (row,) = alerts(*ago(*[0] * 5, *[89] * 5), *ago(90, 454), *ago(455))

    assert (row["recent_reviews"], row["earlier_reviews"]) == (10, 2)


def test_nine_reviews_are_no_surge(alerts):
    assert alerts(*ago(*range(9)), *ago(90)) == []


def test_product_without_earlier_reviews_has_no_surge(alerts):
    assert alerts(*ago(*range(30)), *ago(455)) == []


def test_insignificant_double_pace_is_no_surge(alerts):
    # 10 against 4.93 expected: 2.03 times, but 2.05 standard errors.
    assert alerts(*ago(*range(10)), *ago(*range(100, 440, 17))) == []


def test_worse_reviews_than_before_are_a_drop(alerts):
    (row,) = alerts(*rated(10, 1, 2, 1, 2, 1), *rated(200, 5, 5, 5, 5, 4))

    assert (row["surge"], row["dropped"]) == (False, True)
    assert (row["recent_mean"], row["earlier_mean"]) == (1.4, 4.8)
    assert row["rating_drop"] == pytest.approx(3.4)
    assert row["rating_drop_z"] == pytest.approx(3.4 / (0.3 / 5 + 0.2 / 5) ** 0.5)


def test_four_rated_reviews_are_no_drop(alerts):
    assert alerts(*rated(10, 1, 2, 1, 2, None), *rated(200, 5, 5, 5, 5, 4)) == []


def test_stars_without_variance_are_no_drop(alerts):
    assert alerts(*rated(10, *[1] * 5), *rated(200, *[5] * 5)) == []


def test_better_reviews_are_no_drop(alerts):
    assert alerts(*rated(10, 5, 5, 5, 5, 4), *rated(200, 1, 2, 1, 2, 1)) == []


def test_reviews_without_dates_give_no_alerts(spark, lakehouse):
    put_gold(lakehouse, [review(on=None) for _ in range(20)])

    assert checked_mart(spark, lakehouse, "product_alerts") == []
