"""Recommendations: for a customer, similar to a product, and the evaluation of the methods."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from amazon_reviews.serving.charts import recommender as charts
from amazon_reviews.serving.dashboard.components import chart, note, sections, table, tiles
from amazon_reviews.serving.dashboard.models import recommender_model
from amazon_reviews.serving.dashboard.pseudonyms import NO_KEY, pseudonymizer
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.product_names import product_label, product_name
from amazon_reviews.serving.queries import catalogue, recommender
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.recommendations import (
    Recommendations,
    Suggestion,
    recommended,
    similar,
)
from amazon_reviews.shown_text import visible_text

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


def show(filters: Filters) -> None:
    """Show the tabs of the page."""
    contents = {"For a customer": _customer, "Similar products": _product, "The methods": _methods}
    sections("recommendations", contents, filters)


def _customer(filters: Filters) -> None:
    note(filters)
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
    table("history", _named(read(recommender.history, customers[chosen])))


def _recommended(customer: str) -> None:
    number = st.slider("Products", 1, 50, 10, key="recommender_number")
    recommendations = recommended(recommender_model().model, customer, number)
    if recommendations.cold:
        st.warning(f"{_COLD}this customer.", icon=":material/ac_unit:")
    table("recommended", _listed(recommendations))


def _product(filters: Filters) -> None:
    note(filters, ["main_category"])
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
    table("similar", _listed(recommendations, reasons=False))


def _methods(filters: Filters) -> None:
    note(filters)
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


def _named(rows: pa.Table) -> pa.Table:
    """Return rows of products with `product`, their name, instead of the title."""
    names = pa.array([product_name(row) for row in rows.to_pylist()], pa.string())
    return rows.set_column(rows.column_names.index("title"), "product", names)


def _reason(suggestion: Suggestion, products: Mapping[str, Mapping[str, Any]]) -> str:
    if suggestion.because:
        reason = products[suggestion.because]
        return f"because you rated {product_label(reason)} {suggestion.because_rating:g}★"
    return "customers with similar ratings rated it" if suggestion.score else "it is popular"
