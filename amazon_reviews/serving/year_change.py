"""Change of the reviews in the last twelve whole months against the twelve before."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from amazon_reviews.serving.intervals import NORMAL_95, difference_of_shares

MONTHS = 12


@dataclass(frozen=True)
class Change:
    """A figure of a year, less that of the year before, and its values per month.

    `certain` is True if the 95 % confidence interval of the difference leaves 0 out; None for a
    count, which has no interval. A month without reviews has no number (NaN).
    """

    value: float
    difference: float
    certain: bool | None
    by_month: list[float]


@dataclass(frozen=True)
class YearChange:
    """Changes of a year that ends with the newest whole month. `reviews` differ by a ratio."""

    first_on: date
    last_on: date
    reviews: Change
    mean_stars: Change
    negative_share: Change
    verified_share: Change


def year_change(months: pa.Table) -> YearChange | None:
    """Return the changes from rows of `by_whole_month`; None without rated reviews in both years.

    The interval of a difference of means has the standard deviation of the stars of both years.
    """
    by_month = {row["year"] * 12 + row["month"] - 1: row for row in months.to_pylist()}
    end = max(by_month, default=0) + 1
    now, before = (_sums(by_month, last) for last in (end, end - MONTHS))
    if not (now["rated"] and before["rated"]):
        return None
    names = range(end - 2 * MONTHS, end)
    each = [by_month.get(number, _NONE) for number in names]
    return YearChange(
        _first_day(end - MONTHS),
        _first_day(end - 1),
        Change(
            now["reviews"],
            now["reviews"] / before["reviews"] - 1,
            None,
            [row["reviews"] for row in each],
        ),
        _mean_change(now, before, each),
        _share_change(now, before, each, "negative", "rated"),
        _share_change(now, before, each, "verified", "reviews"),
    )


_NONE = dict.fromkeys(("reviews", "rated", "negative", "verified", "stars", "squares"), 0)


def _sums(by_month: Mapping[int, Mapping[str, Any]], end: int) -> dict[str, float]:
    year = [by_month.get(number, _NONE) for number in range(end - MONTHS, end)]
    return {name: sum(row[name] or 0 for row in year) for name in _NONE}


def _mean_change(
    now: Mapping[str, float], before: Mapping[str, float], each: list[Mapping[str, Any]]
) -> Change:
    stars, squares, rated = (now[name] + before[name] for name in ("stars", "squares", "rated"))
    variance = max(squares / rated - (stars / rated) ** 2, 0)
    margin = NORMAL_95 * math.sqrt(variance * (1 / now["rated"] + 1 / before["rated"]))
    mean = now["stars"] / now["rated"]
    difference = mean - before["stars"] / before["rated"]
    return Change(mean, difference, abs(difference) > margin, _ratios(each, "stars", "rated"))


def _share_change(
    now: Mapping[str, float],
    before: Mapping[str, float],
    each: list[Mapping[str, Any]],
    part: str,
    whole: str,
) -> Change:
    difference, low, high = difference_of_shares(now[part], now[whole], before[part], before[whole])
    certain = low > 0 or high < 0
    return Change(now[part] / now[whole], difference, certain, _ratios(each, part, whole))


def _ratios(each: list[Mapping[str, Any]], part: str, whole: str) -> list[float]:
    return [row[part] / row[whole] if row[whole] else math.nan for row in each]


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
