"""Ratings & time: stars, years, months, length and credibility."""

import streamlit as st

from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.dashboard.components import chart, note, sections, table
from amazon_reviews.serving.dashboard.warehouse import ask
from amazon_reviews.serving.queries import reviews
from amazon_reviews.serving.queries.filters import Filters


def show(filters: Filters) -> None:
    """One tab per question."""
    contents = {
        "Stars": _stars,
        "Years": _years,
        "Months": _months,
        "Over time": _over_time,
        "Length": _length,
        "Credibility": _credibility,
    }
    sections("ratings", contents, filters)


def _stars(filters: Filters) -> None:
    rows = ask(reviews.by_stars, filters)
    chart("stars", charts.stars_by_verified, rows)
    table("stars_by_verified", rows.select(["stars", "verified", "reviews"]))


def _years(filters: Filters) -> None:
    rows = ask(reviews.by_year, filters)
    left, right = st.columns(2)
    with left:
        chart("reviews_per_year", charts.reviews_per_year, rows)
        chart("sentiment_per_year", charts.sentiment_per_year, rows)
    with right:
        chart("mean_per_year", charts.mean_per_year, rows)
    st.caption("Reviews without a date are in no year.")


def _months(filters: Filters) -> None:
    rows = ask(reviews.by_month, filters)
    left, right = st.columns(2)
    with left:
        chart("reviews_per_month", charts.reviews_per_month, rows)
    with right:
        chart("mean_per_month", charts.mean_per_month, rows)
    chart("seasonality", charts.seasonality, ask(reviews.seasons))
    st.caption(
        "Seasonality: reviews of a month over the mean month of its year, averaged over the years "
        "with reviews in every month."
    )
    note(filters)


def _over_time(filters: Filters) -> None:
    rows = ask(reviews.by_year_month, filters)
    chart("reviews_over_time", charts.reviews_over_time, rows)
    chart("mean_over_time", charts.mean_over_time, rows)


def _length(filters: Filters) -> None:
    rows = ask(reviews.by_length, filters)
    left, right = st.columns(2)
    with left:
        chart("review_lengths", charts.review_lengths, rows)
    with right:
        chart("length_sentiments", charts.length_sentiments, rows)


def _credibility(filters: Filters) -> None:
    rows = ask(reviews.credibility, filters)
    chart("credibility", charts.credibility, rows)
    st.caption(
        "Mean stars of verified purchases less those of other reviews. Where the 95 % interval "
        "leaves 0 out, the two are unlikely to differ by chance alone."
    )
    note(filters, ["main_category"])
