"""Customers: what they write, again and again."""

import streamlit as st

from amazon_reviews.serving.charts import customers as charts
from amazon_reviews.serving.dashboard.components import chart, note, sections, table
from amazon_reviews.serving.dashboard.warehouse import ask
from amazon_reviews.serving.queries import customers
from amazon_reviews.serving.queries.filters import Filters


def show(filters: Filters) -> None:
    """One tab per question."""
    contents = {
        "Phrases": _phrases,
        "Summaries": _summaries,
        "Names": _names,
        "Helpful votes": _votes,
    }
    sections("customers", contents, filters)


def _phrases(filters: Filters) -> None:
    rows = ask(customers.phrases)
    note(filters)
    chart("phrases", charts.phrases, rows)
    st.caption("Of the 20 most used summaries, the 50 customers who use each most.")
    table("customer_phrases", rows)


def _summaries(filters: Filters) -> None:
    rows = ask(customers.summaries)
    note(filters)
    chart("summaries", charts.summaries, rows)
    table("most_used_summaries", rows)


def _names(filters: Filters) -> None:
    rows = ask(customers.reviewer_names)
    note(filters)
    chart("reviewer_names", charts.reviewer_names, rows)
    st.caption("Several customers may show one name.")
    table("names", rows)


def _votes(filters: Filters) -> None:
    rows = ask(customers.helpful_votes)
    note(filters)
    chart("helpful_votes", charts.helpful_votes, rows)
    st.caption(
        "The source leaves the votes out where a review has none. “Missing counts as one” takes "
        "one vote for each of those, so its mean is over all reviews; the other mean is over those "
        "with votes only."
    )
    table("votes", rows)
