"""Categories & prices."""

from functools import partial

import streamlit as st

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts import categories as charts
from amazon_reviews.serving.charts import reviews as review_charts
from amazon_reviews.serving.charts.categories import EXCESS
from amazon_reviews.serving.dashboard.components import chart, sections, side_by_side, table
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import catalogue, reviews
from amazon_reviews.serving.queries.filters import CATEGORY, FILTERED, Filters

_CLICK = "main_category"


def show() -> None:
    """Show the tabs of the page."""
    tabs = {
        "Reviews": (_reviews, FILTERED),
        "Products": (_products, CATEGORY),
        "Subcategories": (_secondary, CATEGORY),
        "Prices": (_prices, FILTERED),
    }
    sections("categories", tabs)


def _reviews(filters: Filters) -> None:
    rows = read(reviews.by_category, filters)
    side_by_side(
        partial(chart, "categories_by_negative", charts.categories_by_negative, rows, _CLICK),
        partial(_priority, filters, rows.num_rows),
    )
    st.caption(
        "Negative reviews: the share with its 95 % interval. The categories are ordered by the "
        f"lower end, so that few reviews alone put none first. Where to improve first: {EXCESS} "
        "Categories without a name are not ranked."
    )
    side_by_side(
        partial(chart, "categories_by_reviews", charts.categories_by_reviews, rows, _CLICK),
        partial(chart, "categories_by_stars", charts.categories_by_stars, rows, _CLICK),
    )
    st.caption(
        "The adjusted mean adds ten reviews with the mean of all these reviews, so that a few "
        "reviews do not make an extreme. A click on a category filters by it."
    )
    table("categories", rows, on_click=_CLICK)


def _priority(filters: Filters, categories: int) -> None:
    compared = read(reviews.compared_categories, filters)
    if compared.num_rows or not categories:
        chart("categories_by_priority", charts.categories_by_priority, compared, _CLICK)
        return
    st.info(
        "Where to improve first: these reviews are of one category only, so there is no other to "
        "compare it with.",
        icon=":material/info:",
    )


def _products(filters: Filters) -> None:
    rows = read(catalogue.category_products, filters)
    chart("products_per_category", charts.products_per_category, rows, _CLICK)
    table("category_products", rows)


def _secondary(filters: Filters) -> None:
    rows = read(catalogue.secondary_categories, filters)
    chart("secondary_categories", charts.secondary_categories, rows)
    table("secondary_categories", rows)


def _prices(filters: Filters) -> None:
    rows = read(reviews.by_price, filters)
    side_by_side(
        partial(chart, "prices", review_charts.prices, rows),
        partial(chart, "price_ratings", review_charts.price_ratings, rows),
    )
    st.caption(
        "An imputed price replaces a missing one by the mean of the category, or of all products. "
        f"A review without product data has neither: its price is {UNKNOWN}. "
        "The size of a point shows its number of rated reviews."
    )
