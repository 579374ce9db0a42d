"""Brands & products: products, brands, trends, alerts, completeness and titles."""

from functools import partial

import streamlit as st

from amazon_reviews.serving.charts import catalogue as charts
from amazon_reviews.serving.dashboard.components import (
    chart,
    compact,
    sections,
    share,
    side_by_side,
    table,
    tiles,
)
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.product_names import with_product_names
from amazon_reviews.serving.queries import catalogue, reviews
from amazon_reviews.serving.queries.filters import CATEGORY, Filters
from amazon_reviews.shown_text import visible_text

_COMPARED = 5
_SHRUNK = (
    "The adjusted mean adds ten reviews with the mean of all reviews. Its 95 % interval is that of "
    "the spread of the stars of all reviews."
)


def show() -> None:
    """Show the tabs of the page."""
    tabs = {
        "Products": (_products, CATEGORY),
        "Alerts": (_alerts, CATEGORY),
        "Brands": (_brands, ()),
        "Reputation": (_reputation, ()),
        "Completeness": (_completeness, CATEGORY),
        "Titles": (_titles, ()),
    }
    sections("brands", tabs)


def _products(filters: Filters) -> None:
    search = st.text_input(
        "Search products by title, brand or ASIN",
        key="search",
        icon=":material/search:",
        bind="query-params",
    ).strip()
    count = read(catalogue.product_count, search, filters)["products"][0].as_py()
    if not count:
        st.info("No product with reviews is found.", icon=":material/search_off:")
        return
    rows = with_product_names(read(catalogue.products, search, filters))
    st.caption(f"{_listed(count, rows.num_rows)}. A click on a row opens the product. {_SHRUNK}")
    shown = ("product", "asin", "brand", "main_category", "reviews", "shrunk_stars", "low", "high")
    others = ("mean_stars", "negative", "price", "first_on", "last_on")
    table("products", rows.select([*shown, *others]), on_click="asin")


def _listed(count: int, listed: int) -> str:
    if count == listed:
        return f"Products with reviews: {count:,}"
    return f"Products with reviews: {count:,}; the {listed} most reviewed are listed"


def _brands(filters: Filters) -> None:
    search = st.text_input("Search brands", key="brand_search", icon=":material/search:")
    rows = read(catalogue.brands, search.strip())
    chart("brands_by_products", charts.brands_by_products, rows)
    st.caption(_SHRUNK)
    st.caption("A click on a row opens the products of the brand.")
    table("brands", rows, on_click="brand")


def _reputation(filters: Filters) -> None:
    trends = read(catalogue.brand_trends)
    st.info(trend_summary(), icon=":material/trending_up:")
    names = trends["brand"].to_pylist()
    chosen = st.multiselect(
        "Brands to compare (at most five)",
        names,
        names[:3],
        max_selections=_COMPARED,
        format_func=visible_text,
    )
    chart("brand_reputation", charts.brand_reputation, read(catalogue.brand_years, tuple(chosen)))
    st.caption(_SHRUNK)
    st.caption(
        "The slope is the change of the stars per year, by least squares over the reviews, with "
        "its 95 % interval; p is the probability of such a slope without a trend. A brand is "
        "rising or falling if q is below 0.05: p adjusted for the number of brands tested, so "
        "that at most 5 % of these brands are expected to be chance. They come first, then the "
        "brands with most reviews."
    )
    table("brand_trends", trends, on_click="brand")


def trend_summary() -> str:
    """Return a sentence on the brands tested for a trend, and on those that have one."""
    (counts,) = read(catalogue.trend_counts).to_pylist()
    text = f"Brands tested for a trend: {counts['brands']:,}"
    if counts["rising"] or counts["falling"]:
        return f"{text}, of them {counts['rising']:,} rising and {counts['falling']:,} falling."
    return f"{text}. Chance alone can explain their changes."


def _alerts(filters: Filters) -> None:
    totals = read(reviews.totals).to_pylist()
    if not totals or not totals[0]["last_on"]:
        st.info("No review has a date.", icon=":material/info:")
        return
    first, last = totals[0]["first_on"], totals[0]["last_on"]
    day = st.date_input("As of", last, first, last)
    rows = read(catalogue.alerts, day, filters)
    st.caption(
        "Products whose stars dropped by half a star or more, from a month on that began up to "
        "this day. Each month of a product is compared with all of its earlier reviews, by an "
        "exact test of the reviews of at most 3 stars. About 5 % of the drops in this list may be "
        "chance: q says at which such rate a drop is first included. A click opens the product."
    )
    if not rows.num_rows:
        st.info(f"No product stands out as of {day:%d %B %Y}.", icon=":material/info:")
        return
    chart("drops", charts.drops, rows, on_click="asin")
    rows = with_product_names(rows)
    shown = ["product", "asin", "begins_on", "ends_on", "going_on", "rating_drop", "low", "high"]
    others = [name for name in rows.column_names if name not in (*shown, "as_of")]
    table("product_alerts", rows.select(shown + others), on_click="asin")


def _completeness(filters: Filters) -> None:
    rows = read(catalogue.coverage, filters)
    if not rows.num_rows:
        st.info(
            "No product has a number of ratings. Of the built-in source profiles, only "
            "amazon_2023_products has it.",
            icon=":material/info:",
        )
        return
    (totals,) = read(catalogue.coverage_totals, filters).to_pylist()
    tiles(
        {
            "Products": compact(totals["products"]),
            "Ratings at the source": compact(totals["rating_number"]),
            "Reviews held": compact(totals["reviews"]),
            "Share held": share(totals["reviews"], totals["rating_number"]),
        }
    )
    chart("product_coverage", charts.product_coverage, rows)
    st.caption("The source counts ratings without a text too, which are no reviews.")
    table("products_with_ratings", with_product_names(rows), on_click="asin")


def _titles(filters: Filters) -> None:
    st.caption("Products without a title are left out.")
    side_by_side(*(partial(_most, sentiment) for sentiment in ("negative", "positive")))
    chart("title_images", charts.title_images, read(catalogue.titles, "reviews"))


def _most(sentiment: str) -> None:
    rows = read(catalogue.titles, sentiment)
    chart(f"most_{sentiment}", partial(charts.titles_by, sentiment=sentiment), rows)
