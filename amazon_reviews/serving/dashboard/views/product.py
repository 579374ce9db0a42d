"""Product: the search for one, its drops, and its newest reviews."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from amazon_reviews.serving.charts import catalogue as charts
from amazon_reviews.serving.charts import over_time
from amazon_reviews.serving.dashboard.components import (
    chart,
    compact,
    side_by_side,
    stars,
    table,
    tiles,
)
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.product_names import product_label
from amazon_reviews.serving.queries import catalogue, recommender
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.shown_numbers import dollars
from amazon_reviews.shown_text import terminal_text, visible_text

_PURCHASES = {True: "verified purchase", False: "not verified", None: "purchase unknown"}
_SEARCH, _CHOICE, _ASIN = "product_search", "product_choice", "asin"


def show() -> None:
    """Show a search by title, brand or ASIN, and the product that is chosen or linked."""
    search = st.text_input(
        "Search products by title, brand or ASIN",
        key=_SEARCH,
        icon=":material/search:",
        on_change=_choose_first,
    ).strip()
    found = read(catalogue.products, search, Filters()).to_pylist()
    names = {row["asin"]: visible_text(product_label(row)) for row in found}
    asin = st.query_params.get(_ASIN) or next(iter(names), None)
    if asin and asin not in names:
        names = {asin: visible_text(product_label(_facts(asin)))} | names
    if not asin:
        st.info("No product with reviews is found.", icon=":material/search_off:")
        return
    count = read(catalogue.product_count, search, Filters())["products"][0].as_py()
    listed = "" if count == len(found) else f", the {len(found)} most reviewed are listed"
    st.session_state[_CHOICE] = asin
    st.selectbox(
        f"Product ({count:,} found{listed})",
        list(names),
        key=_CHOICE,
        format_func=names.__getitem__,
        on_change=_choose,
    )
    _product(asin)


def _choose() -> None:
    """Put the chosen product into the address, which decides."""
    st.query_params[_ASIN] = st.session_state[_CHOICE]


def _choose_first() -> None:
    """Choose the first product that the search finds, before the page is built with it."""
    search = st.session_state[_SEARCH].strip()
    found = read(catalogue.products, search, Filters(), 1)["asin"].to_pylist()
    if found:
        st.query_params[_ASIN] = found[0]


def _facts(asin: str) -> Mapping[str, Any]:
    """Return what is known of a product: of its reviews, or else from the catalogue."""
    reviewed = read(catalogue.product, asin).to_pylist()
    (facts,) = reviewed or read(recommender.facts, (asin,)).to_pylist() or [{"asin": asin}]
    return facts


def _product(asin: str) -> None:
    facts = _facts(asin)
    with st.container(key="product-name"):
        st.text(visible_text(product_label(facts)))
    if "reviews" not in facts:
        st.info("This product has no reviews.", icon=":material/info:")
        return
    tiles(
        {
            "Reviews": compact(facts["reviews"]),
            "Mean stars": stars(facts["mean_stars"]),
            "Adjusted mean": stars(facts["shrunk_stars"]),
            "Price": dollars(facts["price"]),
        }
    )
    for drop in read(catalogue.product_alerts, asin).to_pylist():
        st.warning(_drop_text(drop), icon=":material/trending_down:")
    months = read(catalogue.product_months, asin)
    row = read(catalogue.product, asin)
    side_by_side(
        partial(chart, "product_months", over_time.mean_over_time, months),
        partial(chart, "product_reviews", over_time.reviews_over_time, months),
    )
    chart("product_stars", charts.product_stars, row)
    variants = read(catalogue.variants, asin)
    if variants.num_rows:
        st.subheader("Variants")
        table("variants", variants, hidden=["product_asin"])
    _reviews(asin)


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


def _reviews(asin: str) -> None:
    st.subheader("Reviews")
    with st.container(horizontal=True):
        text = st.text_input(
            "Only with this text", key="review_text", icon=":material/search:"
        ).strip()
        chosen = tuple(st.multiselect("Only with stars", [5, 4, 3, 2, 1], placeholder="All"))
    count = read(catalogue.product_review_count, asin, chosen, text)["reviews"][0].as_py()
    if not count:
        st.info("No review has this text and these stars.", icon=":material/filter_alt_off:")
        return
    pages = -(-count // catalogue.PAGE_ROWS)
    label = f"Page of {pages:,}: {count:,} reviews, newest first"
    page = st.number_input(label, 1, pages) if pages > 1 else 1
    for row in read(catalogue.product_reviews, asin, chosen, text, page - 1).to_pylist():
        _review(row)


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
