"""Ratings & time: stars, years, months, seasons, length, credibility and origin."""

from functools import partial

import pyarrow as pa
import streamlit as st

from amazon_reviews.serving.charts import over_time
from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.dashboard.components import chart, sections, side_by_side, table
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import reviews
from amazon_reviews.serving.queries.filters import CATEGORY, FILTERED, Filters


def show() -> None:
    """Show the tabs of the page."""
    tabs = {
        "Stars": (_stars, FILTERED),
        "Years": (_years, FILTERED),
        "Months": (_months, FILTERED),
        "Over time": (_over_time, FILTERED),
        "Seasons": (_seasons, ()),
        "Length": (_length, FILTERED),
        "Credibility": (_credibility, CATEGORY),
        "Origin": (_origin, ()),
    }
    sections("ratings", tabs)


def _stars(filters: Filters) -> None:
    rows = read(reviews.by_stars, filters)
    chart("stars", charts.stars_by_verified, rows)
    table("stars_by_verified", rows.select(["stars", "verified", "reviews"]))


def _years(filters: Filters) -> None:
    rows = read(reviews.by_year, filters)
    side_by_side(
        partial(chart, "reviews_per_year", over_time.reviews_per_year, rows),
        partial(chart, "mean_per_year", over_time.mean_per_year, rows),
    )
    chart("sentiment_per_year", over_time.sentiment_per_year, rows)
    st.caption(
        "Reviews without a date are left out. A partial year begins before the first of all "
        "reviews, or ends after the newest, or has months that the filter leaves out."
    )


def _months(filters: Filters) -> None:
    rows = read(reviews.by_month, filters)
    side_by_side(
        partial(chart, "reviews_per_month", over_time.reviews_per_month, rows),
        partial(chart, "mean_per_month", over_time.mean_per_month, rows),
    )
    st.caption(
        "Both charts add up all years, also partial ones. The seasons compare the months of whole "
        "years only."
    )


def _over_time(filters: Filters) -> None:
    rows = read(reviews.by_year_month, filters)
    chart("reviews_over_time", over_time.reviews_over_time, rows)
    chart("mean_over_time", over_time.mean_over_time, rows)


def _seasons(filters: Filters) -> None:
    chart("seasonality", over_time.seasonality, read(reviews.seasons))
    st.caption(
        "The reviews of a month divided by those of a mean month, in the years that the reviews "
        "cover as a whole. The orange lines are 95 % intervals, from the differences between "
        "these years."
    )


def _length(filters: Filters) -> None:
    rows = read(reviews.by_length, filters)
    side_by_side(
        partial(chart, "review_lengths", charts.review_lengths, rows),
        partial(chart, "length_sentiments", charts.length_sentiments, rows),
    )


def _credibility(filters: Filters) -> None:
    rows = read(reviews.credibility, filters)
    chart("credibility", charts.credibility, rows)
    st.caption(
        "Mean stars of verified purchases minus those of other reviews, with its 95 % interval. A "
        "category differs if the interval does not contain 0 and its q-value is below 0.05: the "
        "p-value adjusted for the number of categories."
    )


def _origin(filters: Filters) -> None:
    queries = {"language": reviews.by_language, "marketplace": reviews.by_marketplace}
    side_by_side(*(partial(_per_origin, name, read(query)) for name, query in queries.items()))
    table("review_origins", read(reviews.origins))


def _per_origin(name: str, rows: pa.Table) -> None:
    if rows.num_rows:
        chart(f"reviews_per_{name}", charts.reviews_per_origin, rows)
        return
    text = f"No review has a {name}: the files of the profiles below give none."
    st.info(text, icon=":material/info:")
