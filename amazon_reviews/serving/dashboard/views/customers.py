"""Customers: phrases that they repeat, summaries, names and helpful votes."""

import pyarrow as pa
import streamlit as st

from amazon_reviews.serving.charts import customers as charts
from amazon_reviews.serving.dashboard.components import chart, sections, table
from amazon_reviews.serving.dashboard.pseudonyms import NO_KEY, pseudonymizer
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import customers
from amazon_reviews.serving.queries.filters import Filters


def show() -> None:
    """Show the tabs of the page."""
    tabs = {
        "Helpful votes": (_votes, ()),
        "Summaries": (_summaries, ()),
        "Phrases": (_phrases, ()),
        "Names": (_names, ()),
    }
    sections("customers", tabs)


def _phrases(filters: Filters) -> None:
    rows = read(customers.phrases)
    chart("phrases", charts.phrases, rows)
    st.caption(
        "For each of the 20 most used summaries, the 50 customers who use it most: no. 1 uses it "
        "most often."
    )
    pseudonym = pseudonymizer()
    if pseudonym is None:
        st.caption(NO_KEY)
        table("customer_phrases", rows)
        return
    rows = read(customers.phrases_with_ids)
    named = pa.array(map(pseudonym, rows["reviewer_id"].to_pylist()), pa.string())
    rows = rows.drop_columns(["reviewer_id"]).append_column("customer", named)
    st.caption("A click on a row opens the recommendations for its customer.")
    table("customer_phrases", rows, on_click="customer")


def _summaries(filters: Filters) -> None:
    rows = read(customers.summaries)
    chart("summaries", charts.summaries, rows)
    table("most_used_summaries", rows)


def _names(filters: Filters) -> None:
    rows = read(customers.reviewer_names)
    chart("reviewer_names", charts.reviewer_names, rows)
    st.caption("Names of at least five customers. Rarer ones could reveal a person.")
    table("names", rows)


def _votes(filters: Filters) -> None:
    rows = read(customers.helpful_votes)
    chart("helpful_votes", charts.helpful_votes, rows)
    st.caption(
        "A review without votes has no number of votes in the source. “Missing counts as one” "
        "is the mean over all reviews, with one vote for each of those. The other mean is over "
        "the reviews with votes only."
    )
    table("votes", rows)
