"""The search for products, and the page of a product with its reviews."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from amazon_reviews.serving.charts import catalogue as charts
from amazon_reviews.serving.charts import reviews as review_charts
from amazon_reviews.serving.dashboard.components import (
    chart,
    compact,
    note,
    stars,
    table,
    tiles,
)
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.product_names import dollars, product_label
from amazon_reviews.serving.queries import catalogue
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.shown_text import terminal_text, visible_text

_PURCHASES = {True: "verified purchase", False: "not verified", None: "purchase unknown"}


def show(filters: Filters) -> None:
    """Show a search by title, brand or ASIN, and the product that is chosen from its results."""
    search = st.text_input(
        "Search products by title, brand or ASIN", key="search", icon=":material/search:"
    ).strip()
    products = read(catalogue.products, search, filters).to_pylist()
    note(filters, ["main_category"])
    if not products:
        st.info("No product with reviews is found.", icon=":material/search_off:")
        return
    titles = {row["asin"]: visible_text(product_label(row)) for row in products}
    count = read(catalogue.product_count, search, filters)["products"][0].as_py()
    length = len(products)
    listed = "the most reviewed first" if count == length else f"the first {length} listed"
    label = f"Product ({count:,} found, {listed})"
    asin = st.selectbox(label, list(titles), format_func=titles.__getitem__)
    _product(asin)


def _product(asin: str) -> None:
    row = read(catalogue.product, asin)
    facts = row.to_pylist()[0]
    st.text(visible_text(product_label(facts)))
    tiles(
        {
            "Reviews": compact(facts["reviews"]),
            "Mean stars": stars(facts["mean_stars"]),
            "Shrunk mean": stars(facts["shrunk_stars"]),
            "Price": dollars(facts["price"]),
        }
    )
    for drop in read(catalogue.product_alerts, asin).to_pylist():
        st.warning(_drop_text(drop), icon=":material/trending_down:")
    months = read(catalogue.product_months, asin)
    left, right = st.columns(2)
    with left:
        chart("product_stars", charts.product_stars, row)
        chart("product_reviews", review_charts.reviews_over_time, months)
    with right:
        chart("product_months", review_charts.mean_over_time, months)
    variants = read(catalogue.variants, asin)
    if variants.num_rows:
        st.subheader("Variants")
        table("variants", variants, hidden=["product_asin"])
    _reviews(asin, facts)


def _drop_text(drop: Mapping[str, Any]) -> str:
    end = "still going on"
    if drop["ends_on"]:
        end = f"until {drop['ends_on']:%B %Y}"
        end += "" if drop["recovered"] else ", and too few later reviews to see a recovery"
    return (
        f"The stars dropped by {drop['rating_drop']:.2f} in {drop['begins_on']:%B %Y}, {end}: "
        f"{drop['before_mean']:.2f} in {drop['before_rated']:,} reviews before, "
        f"{drop['period_mean']:.2f} in {drop['period_rated']:,} reviews of that time. The 95 % "
        f"interval of the drop is {drop['low']:.2f} to {drop['high']:.2f} (q = "
        f"{drop['q_value']:.2g})."
    )


def _reviews(asin: str, facts: Mapping[str, Any]) -> None:
    st.subheader("Reviews")
    chosen = tuple(st.multiselect("Only with stars", [5, 4, 3, 2, 1], placeholder="All"))
    count = sum(facts[f"stars_{n}"] for n in chosen) if chosen else facts["reviews"]
    pages = max(-(-count // catalogue.PAGE_ROWS), 1)
    page = st.number_input(f"Page of {pages}, newest first", 1, pages) if pages > 1 else 1
    rows = read(catalogue.product_reviews, asin, chosen, page - 1).to_pylist()
    for row in rows:
        _review(row)
    if not rows:
        st.info("No review has these stars.", icon=":material/filter_alt_off:")


def _review(row: Mapping[str, Any]) -> None:
    """Show a review; the texts that people wrote are shown without Markdown or HTML."""
    with st.container(border=True, gap="small"):
        rating = "unrated" if row["overall"] is None else f"{row['overall']:g} ★"
        day = f"{row['reviewed_on']:%d %B %Y}" if row["reviewed_on"] else "no date"
        bought = _PURCHASES[row["verified"]]
        votes = f" · {row['vote']} found it helpful" if row["vote"] else ""
        st.caption(f"{rating} · {day} · {bought}{votes}")
        st.text(terminal_text(row["summary"] or ""))
        st.text(terminal_text(row["review_text"] or ""))
