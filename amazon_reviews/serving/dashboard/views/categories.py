"""Categories & prices."""

import streamlit as st

from amazon_reviews.serving.charts import catalogue as charts
from amazon_reviews.serving.charts import reviews as review_charts
from amazon_reviews.serving.dashboard.components import chart, note, sections, table
from amazon_reviews.serving.dashboard.warehouse import ask
from amazon_reviews.serving.queries import catalogue, reviews
from amazon_reviews.serving.queries.filters import Filters

_CATEGORY = ["main_category"]


def show(filters: Filters) -> None:
    """One tab per question."""
    contents = {
        "Reviews": _reviews,
        "Products": _products,
        "Second categories": _secondary,
        "Prices": _prices,
    }
    sections("categories", contents, filters)


def _reviews(filters: Filters) -> None:
    rows = ask(reviews.by_category, filters)
    left, right = st.columns(2)
    with left:
        chart("categories_by_reviews", charts.categories_by_reviews, rows)
        chart("categories_by_negative", charts.categories_by_negative, rows)
    with right:
        chart("categories_by_stars", charts.categories_by_stars, rows)
        chart("categories_by_priority", charts.categories_by_priority, rows)
    st.caption(
        "The shrunk mean is drawn towards the mean of all these reviews as if ten more had given "
        "that, so that a few reviews make no extreme. Where to improve first: rated reviews times "
        "what their shrunk mean lacks to 5 stars, as a part of that of all."
    )
    table("categories", rows)


def _products(filters: Filters) -> None:
    rows = ask(catalogue.category_products, filters)
    chart("products_per_category", charts.products_per_category, rows)
    note(filters, _CATEGORY)
    table("category_products", rows)


def _secondary(filters: Filters) -> None:
    rows = ask(catalogue.secondary_categories, filters)
    chart("secondary_categories", charts.secondary_categories, rows)
    note(filters, _CATEGORY)
    table("secondary_categories", rows)


def _prices(filters: Filters) -> None:
    rows = ask(reviews.by_price, filters)
    chart("prices", review_charts.prices, rows)
    chart("price_ratings", review_charts.price_ratings, rows)
    st.caption(
        "An imputed price is the mean of the category, or of all, for a product without one. The "
        "size of a point says how many rated reviews it stands for."
    )
