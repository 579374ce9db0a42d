"""The change of the last whole year, on months with known sums."""

import math
from datetime import date

import pyarrow as pa
import pytest

from amazon_reviews.serving.intervals import NORMAL_95
from amazon_reviews.serving.year_change import year_change


def months(stars, *, first=(2020, 1), skipped=()):
    """Return rows of whole months, each with these stars, of which the first is verified."""
    rows = []
    for number, given in enumerate(stars, first[0] * 12 + first[1] - 1):
        if number - first[0] * 12 - first[1] + 1 in skipped:
            continue
        rows.append(
            {
                "year": number // 12,
                "month": number % 12 + 1,
                "reviews": len(given),
                "rated": len(given),
                "stars": sum(given),
                "squares": sum(each**2 for each in given),
                "negative": sum(each < 3 for each in given),
                "verified": 1,
            }
        )
    return pa.Table.from_pylist(rows)


def test_the_newest_twelve_months_are_compared_with_the_twelve_before():
    before, now = [5, 5, 4, 4], [5, 5, 5, 4, 1]

    change = year_change(months([[1]] * 3 + [before] * 12 + [now] * 12, first=(2019, 4)))

    assert (change.first_on, change.last_on) == (date(2020, 7, 1), date(2021, 6, 1))
    assert (change.reviews.value, change.reviews.difference) == (60, 60 / 48 - 1)
    assert change.reviews.certain is None
    assert change.mean_stars.value == 4
    assert change.mean_stars.difference == pytest.approx(-0.5)
    assert change.negative_share.value == pytest.approx(0.2)
    assert change.negative_share.difference == pytest.approx(0.2)
    assert change.verified_share.difference == pytest.approx(1 / 5 - 1 / 4)
    assert change.mean_stars.by_month == [4.5] * 12 + [4] * 12


def test_a_change_is_certain_if_its_interval_leaves_0_out():
    # The stars are 4 or 5, so their variance is known: the margin is that of two samples.
    same, better = [4, 5], [4, *[5] * 3]
    difference = 4.75 - 4.5
    mean = (12 * 9 + 12 * 19) / (24 + 48)
    deviation = math.sqrt(mean * 9 - 20 - mean**2)
    assert difference > NORMAL_95 * deviation * math.sqrt(1 / 24 + 1 / 48)

    assert year_change(months([same] * 12 + [better] * 12)).mean_stars.certain is True
    few = year_change(months([same] * 12 + [[]] * 11 + [better], skipped=range(12, 23)))
    assert few.mean_stars.difference == pytest.approx(difference)
    assert few.mean_stars.certain is False


def test_a_share_is_certain_by_the_interval_of_newcombe():
    none, all_negative = [5], [1]

    assert year_change(months([none] * 12 + [all_negative] * 12)).negative_share.certain is True
    one_of_each = months([none, all_negative], skipped=())
    moved = one_of_each.set_column(0, "year", pa.array([2019, 2020]))
    assert year_change(moved).negative_share.difference == 1
    assert year_change(moved).negative_share.certain is False


def test_months_without_reviews_have_no_mean():
    change = year_change(months([[5]] * 24, skipped=(3, 15)))

    assert [number for number, mean in enumerate(change.mean_stars.by_month) if mean != mean] == [
        3,
        15,
    ]
    assert change.reviews.by_month[3] == 0


@pytest.mark.parametrize("stars", [[], [[5]] * 12, [[]] * 24])
def test_there_is_no_change_without_rated_reviews_in_both_years(stars):
    empty = months([[5]])
    assert year_change(months(stars) if stars else empty.slice(0, 0)) is None
