"""Sentiment: of a text, of a file, of the reviews, and the evaluation of the model."""

from contextlib import suppress
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from amazon_reviews.errors import NoDataError
from amazon_reviews.models.loading import ONLY_GENERATED
from amazon_reviews.schemas.vocabulary import ALL_CATEGORIES, UNKNOWN
from amazon_reviews.serving.charts import sentiment as charts
from amazon_reviews.serving.charts import style
from amazon_reviews.serving.dashboard.components import (
    chart,
    compact,
    sections,
    side_by_side,
    table,
    tiles,
)
from amazon_reviews.serving.dashboard.views import sentiment_file, sentiment_text
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.findings.models import BINARY, sentiment_in_words
from amazon_reviews.serving.product_names import with_product_names
from amazon_reviews.serving.queries import sentiment
from amazon_reviews.serving.queries.filters import CATEGORY, Filters
from amazon_reviews.shown_text import visible_text

_TASKS = {
    "Negative or positive": "binary",
    "Negative, neutral or positive": "three",
    "Five stars": "five",
    "Up to 3 stars or more": "negative_up_to_3",
}
_FROM_WORDS = (
    "Predicted from the words of the reviews, by a model that learned from other reviewers."
)
_FIGURES = {
    "accuracy": "Accuracy",
    "auc": "Ranking (AUC)",
    "macro_f1": "Mean F1 of the classes",
    "log_loss": "Log loss",
    "ece": "Calibration error",
}
_ABOUT_MODEL = ("model_version", "only_generated")


def show() -> None:
    """Show the tabs of the page."""
    tabs = {
        "A text": (sentiment_text.show, ()),
        "A file": (sentiment_file.show, ()),
        "Categories": (_categories, CATEGORY),
        "Over time": (_over_time, ()),
        "Brands & products": (_brands, ()),
        "Words": (_words, ()),
        "The model": (_model, ()),
    }
    _note_generated()
    sections("sentiment", tabs)


def _note_generated() -> None:
    with suppress(NoDataError):
        if read(sentiment.only_generated).num_rows:
            st.warning(ONLY_GENERATED, icon=":material/science:")


def _categories(filters: Filters) -> None:
    rows = read(sentiment.categories, filters)
    by_category = partial(charts.shares, name="main_category", title="Sentiment of the texts")
    chart("sentiment_categories", by_category, rows, on_click="main_category")
    st.caption(_FROM_WORDS)
    table("sentiment_by_category", rows)


def _over_time(filters: Filters) -> None:
    chart("sentiment_years", charts.years, read(sentiment.years))
    st.caption(_FROM_WORDS)


def _brands(filters: Filters) -> None:
    rows = read(sentiment.brands)
    title = "Brands with the largest share of negative texts"
    chart("sentiment_brands", partial(charts.shares, name="brand", title=title), rows)
    table("sentiment_by_brand", rows, on_click="brand")
    st.caption("Products whose texts and stars contradict each other most often:")
    contradictions = with_product_names(read(sentiment.products))
    table("sentiment_contradictions", contradictions, on_click="asin")


def _words(filters: Filters) -> None:
    rows = read(sentiment.words)
    # The first choice are all categories.
    names = dict.fromkeys(rows["main_category"].to_pylist())
    categories = sorted(names, key=lambda name: name != ALL_CATEGORIES)
    category = st.selectbox(
        "Category", categories, key="sentiment_words_category", format_func=visible_text
    )
    in_category = rows.filter(pc.equal(rows["main_category"], category)) if category else rows
    side_by_side(*(partial(_words_of, label, in_category) for label in ("negative", "positive")))


def _words_of(label: str, words: pa.Table) -> None:
    build = partial(charts.words, title=f"Words of {label} reviews", colour=style.SENTIMENTS[label])
    chart(f"words_{label}", build, words.filter(pc.equal(words["label"], label)))


def _model(filters: Filters) -> None:
    task = _TASKS[st.selectbox("Task", list(_TASKS), key="sentiment_task")]
    rows = read(sentiment.evaluation, task)
    if task == BINARY:
        st.text(visible_text(sentiment_in_words(read)))
    whole = rows.filter(pc.equal(rows["part"], "all"))
    project = whole.filter(pc.equal(whole["model"], "project")).to_pylist()
    if project:
        values = {title: _figure(project[0][name]) for name, title in _FIGURES.items()}
        tiles({"Held-out reviews": compact(project[0]["rows"]), **values})
    chart("confusion", charts.confusion, read(sentiment.confusion, task))
    if task == BINARY:
        chart("calibration", charts.calibration, read(sentiment.calibration))
        st.caption("Compared with simpler models:")
        table("sentiment_models", whole.drop_columns(["task", "part", "value", *_ABOUT_MODEL]))
    st.caption("By category, by stars, and for the tenth of the users with the lowest accuracy:")
    apart = rows.filter(pc.not_equal(rows["part"], "all"))
    # A category without a name is empty in the evaluation.
    named = pc.if_else(pc.equal(apart["value"], ""), UNKNOWN, apart["value"])
    apart = apart.set_column(apart.column_names.index("value"), "value", named)
    table("sentiment_parts", apart.drop_columns(["task", "model", *_ABOUT_MODEL]))


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
