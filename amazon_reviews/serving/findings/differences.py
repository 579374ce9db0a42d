"""Findings on credibility, categories and brands: differences that chance does not explain."""

from collections.abc import Mapping
from typing import Any

from amazon_reviews.schemas.vocabulary import ALL_CATEGORIES, FALSE_DISCOVERIES, UNKNOWN
from amazon_reviews.serving.findings.finding import Finding, Reader
from amazon_reviews.serving.findings.wording import (
    interval,
    listed,
    number_of,
    percent,
    q_is,
    shortened,
)
from amazon_reviews.serving.queries import catalogue, reviews
from amazon_reviews.serving.queries.filters import Filters

_MOST = 2


def credibility(read: Reader, filters: Filters) -> list[Finding]:
    """Return the categories where verified buyers rate differently, the largest gaps first."""
    rows = read(reviews.credibility, filters).to_pylist()
    categories = [r for r in rows if r["main_category"] not in (UNKNOWN, ALL_CATEGORIES)]
    # The end of the interval that is nearer to 0 decides, so that luck puts no small one first.
    differ = sorted(
        (row for row in categories if row["significant"]),
        key=lambda row: (-min(abs(row["low"]), abs(row["high"])), row["main_category"]),
    )
    if differ:
        return [_gap(row, f"of {shortened(row['main_category'])}") for row in differ[:_MOST]]
    whole = [row for row in rows if row["main_category"] == ALL_CATEGORIES]
    if not filters.main_categories and any(row["significant"] for row in whole):
        return [_gap(whole[0], "of all categories together")]
    if not categories:
        return []
    compared = number_of(len(categories), "category", "categories")
    text = (
        "Verified buyers rate like other reviewers: chance alone explains the differences in the "
        f"{compared} compared."
    )
    return [_credibility(text, stands_out=False)]


def _gap(row: Mapping[str, Any], of: str) -> Finding:
    difference, ends = row["difference"], sorted((abs(row["low"]), abs(row["high"])))
    higher = "higher" if difference > 0 else "lower"
    return _credibility(
        f"Verified buyers {of} rate {abs(difference):.2f} stars {higher} than other reviewers "
        f"({interval(*ends)}, {q_is(row['q_value'])}): {row['verified_mean']:.2f} against "
        f"{row['unverified_mean']:.2f} stars."
    )


def _credibility(text: str, *, stands_out: bool = True) -> Finding:
    return Finding("credibility", text, "ratings", {"ratings_tab": "Credibility"}, stands_out)


def categories(read: Reader, filters: Filters) -> list[Finding]:
    """Return categories with more negative reviews than the share of all reviews would give."""
    rows = read(reviews.by_category, Filters()).to_pylist()
    compared = [row for row in rows if row["q_value"] is not None]
    chosen = filters.main_categories or [row["main_category"] for row in compared]
    worse = sorted(
        (
            row
            for row in compared
            if row["main_category"] in chosen
            and row["excess_low"] > 0
            and row["q_value"] < FALSE_DISCOVERIES
        ),
        key=lambda row: (-row["excess_low"], row["main_category"]),
    )
    if not compared:
        return []
    rated, negative = (sum(row[name] for row in rows) for name in ("rated", "negative"))
    if worse:
        return [_category(_excess(row, negative / rated)) for row in worse[:_MOST]]
    number = sum(row["main_category"] in chosen for row in compared)
    text = (
        f"No category has more negative reviews than chance explains, of the "
        f"{number_of(number, 'category', 'categories')} compared."
    )
    return [_category(text, stands_out=False)] if number else []


def _excess(row: Mapping[str, Any], share_of_all: float) -> str:
    excess = number_of(round(row["excess_negative"]), "negative review")
    return (
        f"{shortened(row['main_category'])} has {excess} more than the share of all reviews would "
        f"give ({interval(row['excess_low'], row['excess_high'], ',.0f')}, "
        f"{q_is(row['q_value'])}): {percent(row['negative_share'])} of its "
        f"{number_of(row['rated'], 'rated review')}, against {percent(share_of_all)} of all."
    )


def _category(text: str, *, stands_out: bool = True) -> Finding:
    return Finding("category", text, "categories", {"categories_tab": "Reviews"}, stands_out)


def trends(read: Reader, filters: Filters) -> list[Finding]:
    """Return the brands whose stars fall and rise; none if categories are chosen."""
    if filters.main_categories:
        return []
    (counts,) = read(catalogue.trend_counts).to_pylist()
    rows = read(catalogue.brand_trends).to_pylist()
    found = [
        _trend(_changing(rows, trend, counts[trend]))
        for trend in ("falling", "rising")
        if counts[trend]
    ]
    if found or not counts["brands"]:
        return found
    tested = number_of(counts["brands"], "brand")
    text = f"No brand rises or falls: chance alone explains the changes of the {tested} tested."
    return [_trend(text, stands_out=False)]


def _changing(rows: list[dict[str, Any]], trend: str, number: int) -> str:
    """Return a sentence on the brands with a trend, of which `rows` has the largest first."""
    largest = [row for row in rows if row["trend"] == trend][:_MOST]
    brands = [_slope(row) for row in largest]
    if number > len(brands):
        brands.append(f"{number - len(brands):,} more")
    verb = "fall" if trend == "falling" else "rise"
    return f"The stars of {number_of(number, 'brand')} {verb} beyond chance: {listed(brands)}."


def _slope(row: Mapping[str, Any]) -> str:
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    return (
        f"{shortened(row['brand'])} by {abs(row['slope']):.2f} stars a year from "
        f"{row['first_year']} to {row['last_year']} ({interval(low, high)}, "
        f"{q_is(row['q_value'])}, {number_of(row['rated'], 'review')})"
    )


def _trend(text: str, *, stands_out: bool = True) -> Finding:
    return Finding("trend", text, "brands", {"brands_tab": "Reputation"}, stands_out)
