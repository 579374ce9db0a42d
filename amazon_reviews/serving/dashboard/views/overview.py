"""Overview: findings, the change of the last year, stars, years and categories."""

from functools import partial
from typing import Literal

import streamlit as st

from amazon_reviews.errors import NoDataError
from amazon_reviews.serving.charts import categories, over_time
from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.dashboard.components import (
    chart,
    compact,
    guarded,
    share,
    side_by_side,
    stars,
    tiles,
)
from amazon_reviews.serving.dashboard.filters import chosen_filters
from amazon_reviews.serving.dashboard.links import page_link
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.findings import findings
from amazon_reviews.serving.queries import reviews
from amazon_reviews.serving.queries.filters import CATEGORY, Filters
from amazon_reviews.serving.year_change import Change, YearChange, year_change
from amazon_reviews.shown_text import visible_text

_CATEGORIES = 10


def show() -> None:
    """Show what stands out, the change of the last year, and charts of all reviews."""
    filters = chosen_filters("overview", CATEGORY)
    _findings(filters)
    guarded(partial(_tiles, filters))
    guarded(_totals)
    by_category = partial(categories.categories_by_reviews, most=_CATEGORIES)
    side_by_side(
        partial(chart, "years", over_time.reviews_per_year, read(reviews.by_year, filters)),
        partial(chart, "stars", charts.stars_by_verified, read(reviews.by_stars, filters)),
    )
    chart("categories", by_category, read(reviews.by_category, filters), "main_category")


def _findings(filters: Filters) -> None:
    known = findings(read, filters)
    with st.container(border=True, key="findings"):
        for title, stands_out in (("What stands out", True), ("What does not stand out", False)):
            if told := [finding for finding in known if finding.stands_out == stands_out]:
                st.subheader(title, anchor=False)
                for finding in told:
                    text, link = st.columns([0.85, 0.15], vertical_alignment="center")
                    with text:
                        st.text(visible_text(finding.text))
                    with link:
                        page_link("Show", finding.page, finding.parameters)


def _tiles(filters: Filters) -> None:
    change = year_change(read(reviews.by_whole_month, filters))
    if change:
        _show_change(change)
        return
    (row,) = read(reviews.summed, filters).to_pylist() or [{}]
    rated = row.get("rated")
    tiles(
        {
            "Reviews": compact(row.get("reviews", 0)),
            "Mean stars": stars(row.get("mean_stars")),
            "Positive": share(row.get("positive"), rated),
            "Negative": share(row.get("negative"), rated),
        }
    )


def _show_change(change: YearChange) -> None:
    st.caption(
        f"{change.first_on:%B %Y} to {change.last_on:%B %Y}, compared with the twelve months "
        "before. The lines show the months of both years. A grey change may be chance."
    )
    negative, verified = change.negative_share, change.verified_share
    points = "{:+.1f} points"
    number, mean = change.reviews, change.mean_stars
    side_by_side(
        partial(_tile, "Reviews", compact(number.value), number, "{:+.0%}"),
        partial(_tile, "Mean stars", stars(mean.value), mean, "{:+.2f} ★"),
        partial(_tile, "Negative", f"{negative.value:.1%}", negative, points, 100, bad=True),
        partial(_tile, "Verified purchases", f"{verified.value:.1%}", verified, points, 100),
    )


def _tile(
    label: str, value: str, change: Change, form: str, scale: int = 1, *, bad: bool = False
) -> None:
    """Show a figure with its change and months; the colour is that of a change for the better."""
    colour: Literal["normal", "inverse"] = "inverse" if bad else "normal"
    st.metric(
        label,
        value,
        form.format(change.difference * scale),
        delta_color=colour if change.certain else "off",
        border=True,
        chart_data=change.by_month,
    )


def _totals() -> None:
    rows = read(reviews.totals).to_pylist()
    if not rows:
        raise NoDataError("`gold/totals` has no row.")
    (row,) = rows
    days = (
        f", from {row['first_on']:%d %B %Y} to {row['last_on']:%d %B %Y}" if row["first_on"] else ""
    )
    st.caption(
        f"All categories together: {row['reviews']:,} reviews of {row['reviewed_products']:,} "
        f"products by {row['customers']:,} customers{days}. The files of products hold "
        f"{row['products']:,} products of {row['brands']:,} brands."
    )
