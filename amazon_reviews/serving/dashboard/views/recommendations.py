"""Recommendations: for a customer, similar to a product, and the evaluation of the methods."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from amazon_reviews.serving.charts import recommender as charts
from amazon_reviews.serving.dashboard.components import chart, sections, table, tiles
from amazon_reviews.serving.dashboard.models import recommender_model
from amazon_reviews.serving.dashboard.pseudonyms import NO_KEY, pseudonymizer
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.findings.models import recommender_in_words
from amazon_reviews.serving.product_names import product_label, product_name, with_product_names
from amazon_reviews.serving.queries import catalogue, recommender
from amazon_reviews.serving.queries.filters import CATEGORY, Filters
from amazon_reviews.serving.recommendations import (
    Recommendations,
    Suggestion,
    recommended,
    similar,
)
from amazon_reviews.shown_text import visible_text

if TYPE_CHECKING:
    from amazon_reviews.models.recommender.model import RecommenderModel

_FIGURES = ("ndcg@10", "recall@10", "hit_rate@10", "map@10", "coverage@10", "novelty@10")
_LISTED = pa.schema(
    {
        "place": pa.int32(),
        "product": pa.string(),
        "reason": pa.string(),
        "price": pa.float64(),
        "brand": pa.string(),
        "main_category": pa.string(),
        "asin": pa.string(),
    }
)
_NEW_CUSTOMER = ""
_COLD = "These are the most popular products: the recommender has no data on "


def show() -> None:
    """Show the tabs of the page."""
    tabs = {
        "For a customer": (_customer, ()),
        "Similar products": (_product, CATEGORY),
        "The methods": (_methods, ()),
    }
    sections("recommendations", tabs)


def _customer(filters: Filters) -> None:
    pseudonym = pseudonymizer()
    if pseudonym is None:
        st.info(NO_KEY, icon=":material/person_off:")
        st.caption("A new customer gets these products:")
        _recommended(_NEW_CUSTOMER)
        return
    rows = read(recommender.customer_ids).to_pylist()
    # The order of customers with as many reviews must not be that of their ids.
    named = sorted(
        (-row["reviews"], pseudonym(row["reviewer_id"]), row["reviewer_id"]) for row in rows
    )
    customers = {name: person for _, name, person in named}
    if not customers:
        st.info("There are no customers yet.", icon=":material/search_off:")
        return
    label = "Customer: those with most reviews, and those of the phrases"
    chosen = st.selectbox(label, list(customers), key="customer", bind="query-params")
    _recommended(customers[chosen])
    st.subheader("History")
    history = with_product_names(read(recommender.history, customers[chosen]))
    table("history", history, on_click="asin")


def _recommended(customer: str) -> None:
    number = st.slider("Products", 1, 50, 10, key="recommender_number")
    recommendations = recommended(recommender_model().model, customer, number)
    if recommendations.cold:
        st.warning(f"{_COLD}this customer.", icon=":material/ac_unit:")
    _method(recommender_model().model)
    table("recommended", _listed(recommendations), on_click="asin")


def _method(model: "RecommenderModel", *, similar: bool = False) -> None:
    """Show the method of a list, and the shares of the methods that it fuses."""
    shares = {} if similar else model.recommender.shares()
    parts = ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share)
    st.caption(f"Method: {model.method}{' of ' if parts else ''}{parts}. A click opens a product.")


def _product(filters: Filters) -> None:
    search = st.text_input(
        "Title, brand or ASIN", key="recommender_product", icon=":material/search:"
    ).strip()
    rows = read(catalogue.products, search, filters).to_pylist()
    titles = {row["asin"]: visible_text(product_label(row)) for row in rows}
    if search and search not in titles:
        titles[search] = visible_text(f"{search} as an ASIN")
    if not titles:
        st.info("No product is found.", icon=":material/search_off:")
        return
    asin = st.selectbox("Product", list(titles), format_func=titles.__getitem__)
    recommendations = similar(recommender_model().model, asin, 10)
    if recommendations.cold:
        st.warning(f"{_COLD}this product.", icon=":material/ac_unit:")
    _method(recommender_model().model, similar=True)
    table("similar", _listed(recommendations, reasons=False), on_click="asin")


def _methods(filters: Filters) -> None:
    st.text(visible_text(recommender_in_words(read)))
    figure = st.selectbox("Figure", _FIGURES, key="recommender_figure")
    rows = read(recommender.methods, figure)
    for split in dict.fromkeys(rows["split"].to_pylist()):
        of_split = rows.filter(pc.equal(rows["split"], split))
        build = partial(charts.methods, figure=figure, title=f"{figure}, {split} split")
        chart(f"methods_{split}", build, of_split)
    errors = read(recommender.methods, "rmse")
    if errors.num_rows:
        st.caption("RMSE in stars of the methods that predict ratings:")
        tiles({row["method"]: f"{row['value']:.3f}" for row in errors.to_pylist()})


def _listed(recommendations: Recommendations, *, reasons: bool = True) -> pa.Table:
    """Return the products with name, category and listed price, and the reason of each."""
    facts = read(recommender.facts, tuple(sorted({*recommendations.asins}))).to_pylist()
    unknown = {asin: {"asin": asin} for asin in recommendations.asins}
    products = unknown | {row["asin"]: row for row in facts}
    rows = [
        {
            "place": each.place,
            "product": product_name(products[each.asin]),
            "reason": _reason(each, products) if reasons else None,
            "price": products[each.asin].get("price"),
            "brand": products[each.asin].get("brand"),
            "main_category": products[each.asin].get("main_category"),
            "asin": each.asin,
        }
        for each in recommendations.suggestions
    ]
    listed = pa.Table.from_pylist(rows, _LISTED)
    return listed if reasons else listed.drop_columns("reason")


def _reason(suggestion: Suggestion, products: Mapping[str, Mapping[str, Any]]) -> str:
    if suggestion.because:
        reason = products[suggestion.because]
        return f"the customer rated {product_label(reason)} {suggestion.because_rating:g} ★"
    return "customers with similar ratings rated it" if suggestion.score else "it is popular"
