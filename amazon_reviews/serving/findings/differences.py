"""Findings on groups of reviews: differences that chance does not explain."""

from calendar import month_name
from collections.abc import Mapping
from typing import Any

from amazon_reviews.schemas.vocabulary import ALL_CATEGORIES, FALSE_DISCOVERIES, UNKNOWN
from amazon_reviews.serving.findings.finding import Finding, Reader
from amazon_reviews.serving.findings.wording import (
    interval,
    listed,
    number_of,
    q_is,
    shortened,
)
from amazon_reviews.serving.queries import catalogue, reviews, sentiment
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.seasons import compared_months
from amazon_reviews.serving.shown_numbers import percent

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
    text = (
        f"Verified buyers of {shortened(categories[0]['main_category'])} do not rate differently "
        "beyond chance."
        if len(categories) == 1
        else f"Verified buyers of none of the {len(categories):,} categories compared rate "
        "differently beyond chance."
    )
    return [_credibility(text, stands_out=False)]


def _gap(row: Mapping[str, Any], of: str) -> Finding:
    difference = row["difference"]
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    higher = "higher" if difference > 0 else "lower"
    return _credibility(
        f"Verified buyers {of} rate {abs(difference):.2f} stars {higher} than other reviewers "
        f"({interval(low, high)}, {q_is(row['q_value'])}): {row['verified_mean']:.2f} against "
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
    rated, negative = (sum(row[name] for row in rows) for name in ("rated", "negative"))
    if worse:
        return [_category(_excess(row, negative / rated)) for row in worse[:_MOST]]
    names = [row["main_category"] for row in compared if row["main_category"] in chosen]
    if not names:
        return []
    has = (
        f"{shortened(names[0])} does not have"
        if len(names) == 1
        else f"None of the {len(names):,} categories compared has"
    )
    text = f"{has} more negative reviews than chance explains."
    return [_category(text, stands_out=False)]


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
    changing = [
        _trend(_changing(rows, trend, counts[trend]))
        for trend in ("falling", "rising")
        if counts[trend]
    ]
    if changing or not counts["brands"]:
        return changing
    tested = number_of(counts["brands"], "brand")
    text = f"No brand rises or falls: chance alone can explain the changes of the {tested} tested."
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


def season(read: Reader, filters: Filters) -> list[Finding]:
    """Return the month of the year with most reviews; none if categories are chosen."""
    if filters.main_categories:
        return []
    rows = read(compared_months).to_pylist()
    if not rows:
        return []
    years = f"over {number_of(rows[0]['whole_years'], 'whole year')}"
    busy = [row for row in rows if row["low"] > 1 and row["q_value"] < FALSE_DISCOVERIES]
    if not busy:
        text = f"No month of the year stands out by its number of reviews, {years}."
        return [_season(text, stands_out=False)]
    row = max(busy, key=lambda row: row["seasonal_index"])
    return [
        _season(
            f"{month_name[row['month']]} has {row['seasonal_index']:.2f} times the reviews of a "
            f"mean month ({interval(row['low'], row['high'])}, {q_is(row['q_value'])}), {years}."
        )
    ]


def _season(text: str, *, stands_out: bool = True) -> Finding:
    return Finding("season", text, "ratings", {"ratings_tab": "Months"}, stands_out)


def texts(read: Reader, filters: Filters) -> list[Finding]:
    """Return the share of reviews whose text contradicts the stars: no more than a hint."""
    (row,) = read(sentiment.summed, filters).to_pylist()
    if not row["reviews"]:
        return []
    share = row["contradictions"] / row["reviews"]
    ends = f"95 % interval {percent(row['share_low'])} to {percent(row['share_high'])}"
    text = (
        f"The texts of {row['contradictions']:,} of {number_of(row['reviews'], 'review')} "
        f"({percent(share)}, {ends}) say the opposite of the stars by the sentiment model. The "
        "model or the stars may be wrong."
    )
    if read(sentiment.only_generated).num_rows:
        text += " The model learned from generated texts only."
    parameters = {"sentiment_tab": "Brands & products"}
    return [Finding("text", text, "sentiment", parameters, stands_out=False)]
