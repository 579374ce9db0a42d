"""Recommendations: for a customer, like a product, and how good the methods are."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts import recommender as charts
from amazon_reviews.serving.dashboard.components import chart, note, sections, table, tiles
from amazon_reviews.serving.dashboard.models import recommender_in_use
from amazon_reviews.serving.dashboard.warehouse import ask
from amazon_reviews.serving.queries import catalogue, recommender
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.recommendations import Answer, Suggestion, alike, recommended

_FIGURES = ("ndcg@10", "recall@10", "hit_rate@10", "map@10", "coverage@10", "novelty@10")
_NOBODY = "What follows is what is popular: the recommender knows nothing of "


def show(filters: Filters) -> None:
    """One tab per question."""
    contents = {"For a customer": _customer, "Like a product": _product, "The methods": _methods}
    sections("recommendations", contents, filters)


def _customer(filters: Filters) -> None:
    note(filters)
    search = st.text_input(
        "Customer's id or name", key="recommender_customer", icon=":material/search:"
    ).strip()
    found = {row["reviewer_id"]: row for row in ask(recommender.customers, search).to_pylist()}
    if search and search not in found:
        found[search] = {"reviewer_id": search, "reviewer_name": None, "reviews": 0}
    if not found:
        st.info("There are no customers yet.", icon=":material/search_off:")
        return
    chosen = st.selectbox("Customer", list(found), format_func=lambda one: _name(found[one]))
    _recommended(chosen)


def _recommended(customer: str) -> None:
    many = st.slider("Products", 1, 50, 10, key="recommender_many")
    answer = recommended(recommender_in_use().model, customer, many)
    if answer.cold:
        st.warning(f"{_NOBODY}this customer.", icon=":material/ac_unit:")
    table("recommended", _listed(answer))
    st.subheader("History")
    past = ask(recommender.history, customer)
    if past.num_rows:
        table("history", past)
    else:
        st.info("This customer has no reviews.", icon=":material/history:")


def _product(filters: Filters) -> None:
    note(filters, ["main_category"])
    search = st.text_input(
        "Title, brand or ASIN", key="recommender_product", icon=":material/search:"
    ).strip()
    rows = ask(catalogue.products, search, filters).to_pylist()
    titles = {row["asin"]: f"{row['title'] or UNKNOWN} · {row['asin']}" for row in rows}
    if search and search not in titles:
        titles[search] = f"{search} as an ASIN"
    if not titles:
        st.info("No product is found.", icon=":material/search_off:")
        return
    asin = st.selectbox("Product", list(titles), format_func=titles.__getitem__)
    answer = alike(recommender_in_use().model, asin, 10)
    if answer.cold:
        st.warning(f"{_NOBODY}this product.", icon=":material/ac_unit:")
    table("similar", _listed(answer, reasons=False))


def _methods(filters: Filters) -> None:
    note(filters)
    figure = st.selectbox("Figure", _FIGURES, key="recommender_figure")
    rows = ask(recommender.methods, figure)
    for split in dict.fromkeys(rows["split"].to_pylist()):
        own = rows.filter(pc.equal(rows["split"], split))
        build = partial(charts.methods, figure=figure, title=f"{figure}, {split} split")
        chart(f"methods_{split}", build, own)
    errors = ask(recommender.methods, "rmse")
    if errors.num_rows:
        st.caption("RMSE in stars of the methods that predict ratings:")
        tiles({row["method"]: f"{row['value']:.3f}" for row in errors.to_pylist()})


def _listed(answer: Answer, *, reasons: bool = True) -> pa.Table:
    """The products with title, category and price, and the reason of each."""
    facts = ask(recommender.facts, tuple(sorted({*answer.asins}))).to_pylist()
    known: Mapping[str, Mapping[str, Any]] = {row["asin"]: row for row in facts}
    columns: dict[str, list[Any]] = {
        "place": [one.place for one in answer.suggestions],
        "title": [known.get(one.asin, {}).get("title") for one in answer.suggestions],
    }
    if reasons:
        columns["reason"] = [_reason(one, known) for one in answer.suggestions]
    columns |= {
        name: [known.get(one.asin, {}).get(name) for one in answer.suggestions]
        for name in ("main_category", "price")
    }
    columns["asin"] = [one.asin for one in answer.suggestions]
    types = {"place": pa.int32(), "price": pa.float64()}
    return pa.table(
        {name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()}
    )


def _reason(one: Suggestion, known: Mapping[str, Mapping[str, Any]]) -> str:
    if one.because:
        title = known.get(one.because, {}).get("title") or one.because
        return f"because you rated {title} {one.because_rating:g}★"
    return "customers with a like taste rated it" if one.score else "it is popular"


def _name(row: Mapping[str, Any]) -> str:
    reviews = f"{row['reviews']:,} reviews" if row["reviews"] else "not a known customer"
    return " · ".join(filter(None, (row["reviewer_name"], row["reviewer_id"], reviews)))
