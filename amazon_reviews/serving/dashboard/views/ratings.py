"""Ratings & time: stars, years, months, length and credibility."""

import streamlit as st

from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.dashboard.components import chart, note, sections, table
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import reviews
from amazon_reviews.serving.queries.filters import Filters


def show(filters: Filters) -> None:
    """Show the tabs of the page."""
    contents = {
        "Stars": _stars,
        "Years": _years,
        "Months": _months,
        "Over time": _over_time,
        "Length": _length,
        "Credibility": _credibility,
        "Origin": _origin,
    }
    sections("ratings", contents, filters)


def _stars(filters: Filters) -> None:
    rows = read(reviews.by_stars, filters)
    chart("stars", charts.stars_by_verified, rows)
    table("stars_by_verified", rows.select(["stars", "verified", "reviews"]))


def _years(filters: Filters) -> None:
    rows = read(reviews.by_year, filters)
    left, right = st.columns(2)
    with left:
        chart("reviews_per_year", charts.reviews_per_year, rows)
        chart("sentiment_per_year", charts.sentiment_per_year, rows)
    with right:
        chart("mean_per_year", charts.mean_per_year, rows)
    st.caption(
        "Reviews without a date are left out. A partial year begins before the first of all "
        "reviews, or ends after the newest."
    )


def _months(filters: Filters) -> None:
    rows = read(reviews.by_month, filters)
    left, right = st.columns(2)
    with left:
        chart("reviews_per_month", charts.reviews_per_month, rows)
    with right:
        chart("mean_per_month", charts.mean_per_month, rows)
    chart("seasonality", charts.seasonality, read(reviews.seasons))
    st.caption(
        "The first two charts add up all years, also partial ones. Seasonality: the reviews of a "
        "month divided by those of a mean month, in the years that the reviews cover as a whole. "
        "The orange lines are 95 % intervals, from the differences between these years."
    )
    note(filters)


def _over_time(filters: Filters) -> None:
    rows = read(reviews.by_year_month, filters)
    chart("reviews_over_time", charts.reviews_over_time, rows)
    chart("mean_over_time", charts.mean_over_time, rows)


def _length(filters: Filters) -> None:
    rows = read(reviews.by_length, filters)
    left, right = st.columns(2)
    with left:
        chart("review_lengths", charts.review_lengths, rows)
    with right:
        chart("length_sentiments", charts.length_sentiments, rows)


def _credibility(filters: Filters) -> None:
    rows = read(reviews.credibility, filters)
    chart("credibility", charts.credibility, rows)
    st.caption(
        "Mean stars of verified purchases minus those of other reviews, with its 95 % interval. A "
        "category differs if the interval does not contain 0 and its q-value is below 0.05: the "
        "p-value adjusted for the number of categories."
    )
    note(filters, ["main_category"])


def _origin(filters: Filters) -> None:
    note(filters)
    by_origin = {"language": reviews.by_language, "marketplace": reviews.by_marketplace}
    for (name, query), column in zip(by_origin.items(), st.columns(2), strict=True):
        rows = read(query)
        with column:
            if rows.num_rows:
                chart(f"reviews_per_{name}", charts.reviews_per_origin, rows)
            else:
                text = f"No review has a {name}: the files of the profiles below give none."
                st.info(text, icon=":material/info:")
    table("review_origins", read(reviews.origins))
