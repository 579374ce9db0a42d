"""Findings on products whose stars dropped."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.findings.finding import Finding, Reader
from amazon_reviews.serving.findings.wording import (
    interval,
    listed,
    month_of,
    months_from,
    number_of,
    product_in_text,
    q_is,
    shortened,
)
from amazon_reviews.serving.queries import catalogue, coverage, reviews
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.query import MOST_ROWS

_MOST_FINDINGS = 4
_MOST_NAMES = 5
# Drops of a category that begin within a quarter may have one cause. Two of them are often chance.
_MONTHS_TOGETHER, _DROPS_TOGETHER = 3, 3
_ALERTS = {"brands_tab": "Alerts"}

_Drop = dict[str, Any]


def drops(read: Reader, filters: Filters) -> list[Finding]:
    """Return the largest drops up to the newest review, those that are going on first."""
    days = read(reviews.totals)["last_on"].to_pylist()
    if not any(days):
        return []
    (day,) = days
    rows = read(catalogue.alerts, day, filters, MOST_ROWS).to_pylist()
    if not rows:
        return [_none(read, day, filters)]
    groups = sorted(_groups(rows), key=_importance, reverse=True)
    largest = [
        _together(group) if len(group) > 1 else _single(group[0])
        for group in groups[:_MOST_FINDINGS]
    ]
    further = sum(map(len, groups[_MOST_FINDINGS:]))
    if further:
        verb = "is" if further == 1 else "are"
        text = f"{number_of(further, 'further drop')} of stars {verb} beyond chance."
        largest.append(Finding("drop", text, "brands", _ALERTS))
    return largest


def _none(read: Reader, day: date, filters: Filters) -> Finding:
    (products,) = read(coverage.compared_products, filters)["products"].to_pylist()
    compared = number_of(products, "product")
    text = (
        f"No product stands out: up to {day:%d %B %Y}, chance alone can explain all drops of the "
        f"stars of the {compared} with enough reviews to compare."
        if products
        else "No product has enough reviews to tell if its stars dropped."
    )
    return Finding("drop", text, "brands", _ALERTS, stands_out=False)


def _groups(rows: list[_Drop]) -> Iterator[list[_Drop]]:
    """Yield drops of one category that began within a few months, and the other ones singly."""
    categories: dict[str, dict[int, list[_Drop]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        begin = row["begins_on"]
        months = categories[row["main_category"] or UNKNOWN]
        months[begin.year * 12 + begin.month].append(row)
    for months in categories.values():
        while months:
            periods = {
                month: [each for each in range(month, month + _MONTHS_TOGETHER) if each in months]
                for month in months
            }
            largest = max(periods.values(), key=lambda p: (sum(len(months[m]) for m in p), p))
            together = [row for month in largest for row in months[month]]
            if len({row["asin"] for row in together}) < _DROPS_TOGETHER:
                break
            yield together
            for month in largest:
                del months[month]
        yield from ([row] for of_month in months.values() for row in of_month)


def _importance(group: list[_Drop]) -> tuple[bool, float, str]:
    """Order drops by the stars that were lost at least, over all reviews of their periods."""
    lost = sum(row["low"] * row["period_rated"] for row in group)
    return any(row["going_on"] for row in group), lost, group[0]["asin"]


def _single(row: _Drop) -> Finding:
    fell = "has fallen" if row["going_on"] else "fell"
    text = (
        f"{product_in_text(row)} {fell} from {row['before_mean']:.2f} to {row['period_mean']:.2f} "
        f"stars {_period([row])}: a drop of {row['rating_drop']:.2f} "
        f"({interval(row['low'], row['high'])}, {q_is(row['q_value'])}). {_states([row])}"
    )
    return Finding("drop", text, "product", {"asin": row["asin"]})


def _together(group: list[_Drop]) -> Finding:
    category = group[0]["main_category"] or UNKNOWN
    of = "without a known category" if category == UNKNOWN else f"of {shortened(category)}"
    least, most = (each(row["rating_drop"] for row in group) for each in (min, max))
    low, high = min(row["low"] for row in group), max(row["high"] for row in group)
    q_value = q_is(max(row["q_value"] for row in group)).replace("=", "≤")
    # The largest drop of each product, as it comes last.
    products = {row["asin"]: row for row in sorted(group, key=_size)}
    ordered = sorted(products.values(), key=_size, reverse=True)
    names = [f"{product_in_text(row)} by {row['rating_drop']:.2f}" for row in ordered]
    if len(names) > _MOST_NAMES:
        names[_MOST_NAMES:] = [f"{len(names) - _MOST_NAMES:,} more"]
    text = (
        f"{len(products):,} products {of} lost {least:.2f} to {most:.2f} stars {_period(group)} "
        f"(95 % intervals within {low:.2f} to {high:.2f}, {q_value}): {listed(names)}. "
        f"{_states(ordered)}"
    )
    return Finding("drop", text, "brands", _ALERTS)


def _size(row: _Drop) -> tuple[float, str]:
    return row["rating_drop"], row["asin"]


def _period(group: list[_Drop]) -> str:
    begin = min(row["begins_on"] for row in group)
    if any(row["going_on"] for row in group):
        return f"since {month_of(begin)}"
    return months_from(begin, max(row["ends_on"] for row in group))


def _states(group: list[_Drop]) -> str:
    """Return a sentence on the drops that go on, and those that do not."""
    states = Counter(
        "going on" if row["going_on"] else "recovered" if row["recovered"] else "unknown"
        for row in group
    )
    verbs = {
        "going on": ("is going on", "are going on"),
        "recovered": ("has recovered", "have recovered"),
        "unknown": (
            "has had too few reviews since then to tell if it recovered",
            "have had too few reviews since then to tell if they recovered",
        ),
    }
    if len(states) > 1:
        parts = [f"{number:,} {verbs[state][number > 1]}" for state, number in states.items()]
        return f"Of them, {listed(parts)}."
    ((state, number),) = states.items()
    return f"It {verbs[state][0]}." if number == 1 else f"All {verbs[state][1]}."
