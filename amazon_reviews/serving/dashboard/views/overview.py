"""Overview: totals, stars, sentiment, years and categories."""

from functools import partial

import streamlit as st

from amazon_reviews.errors import NoDataError
from amazon_reviews.serving.charts import catalogue as catalogue_charts
from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.dashboard.components import (
    chart,
    compact,
    guarded,
    note,
    share,
    stars,
    tiles,
)
from amazon_reviews.serving.dashboard.views.brands import trend_summary
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import catalogue, reviews
from amazon_reviews.serving.queries.filters import Filters


def show(filters: Filters) -> None:
    """Show totals, charts, and the numbers of drops and trends."""
    guarded(partial(_filtered_totals, filters))
    guarded(partial(_all_totals, filters))
    left, right = st.columns(2)
    with left:
        chart("stars", charts.stars_by_verified, read(reviews.by_stars, filters))
        chart(
            "categories",
            partial(catalogue_charts.categories_by_reviews, most=10),
            read(reviews.by_category, filters),
        )
    with right:
        chart("years", charts.reviews_per_year, read(reviews.by_year, filters))
        chart("sentiments", charts.sentiments, read(reviews.summed, filters))
    guarded(_alerts)


def _filtered_totals(filters: Filters) -> None:
    rows = read(reviews.summed, filters).to_pylist()
    row = rows[0] if rows else dict.fromkeys(("reviews", "rated", "positive", "negative"), 0)
    tiles(
        {
            "Reviews": compact(row["reviews"]),
            "Mean stars": stars(row.get("mean_stars")),
            "Positive": share(row["positive"], row["rated"]),
            "Negative": share(row["negative"], row["rated"]),
        }
    )


def _all_totals(filters: Filters) -> None:
    rows = read(reviews.totals).to_pylist()
    if not rows:
        raise NoDataError("`gold/totals` has no row.")
    row = rows[0]
    tiles(
        {
            "Customers": compact(row["customers"]),
            "Products reviewed": compact(row["reviewed_products"]),
            "Products": compact(row["products"]),
            "Brands": compact(row["brands"]),
        }
    )
    note(filters)
    if row["first_on"]:
        st.caption(f"Reviews from {row['first_on']:%d %B %Y} to {row['last_on']:%d %B %Y}.")


def _alerts() -> None:
    st.info(
        f"{_drops()} {trend_summary()} See Brands & products.",
        icon=":material/notifications:",
    )


def _drops() -> str:
    days = read(reviews.totals)["last_on"].to_pylist()
    if not any(days):
        return "No review has a date."
    (day,) = days
    (counts,) = read(catalogue.alert_counts, day).to_pylist()
    return (
        f"Products whose stars dropped at some time up to {day:%d %B %Y}: {counts['products']:,}; "
        f"the drop is going on for {counts['going_on']:,} of them."
    )
