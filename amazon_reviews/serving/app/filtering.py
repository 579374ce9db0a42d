"""The filters in the sidebar, alike on every page; the address keeps them."""

import streamlit as st

from amazon_reviews.serving.app.asking import ask
from amazon_reviews.serving.questions import reviews
from amazon_reviews.serving.questions.filters import Filters

_VERIFIED = {"All": None, "Verified": True, "Not verified": False}
_SOURCES = {"All": None, "Files (batch)": "batch", "Stream": "stream"}
_KEYS = ("years", "categories", "stars", "verified", "source")


def chosen_filters() -> Filters:
    """Show the filters and give what is chosen. Raises UnanswerableError."""
    with st.sidebar:
        st.subheader("Filters")
        filters = Filters(
            years=_years(),
            main_categories=tuple(
                st.multiselect(
                    "Categories",
                    ask(reviews.main_categories)["main_category"].to_pylist(),
                    key="categories",
                    placeholder="All",
                    bind="query-params",
                )
            ),
            stars=tuple(
                st.multiselect(
                    "Stars",
                    [5, 4, 3, 2, 1],
                    key="stars",
                    placeholder="All",
                    bind="query-params",
                )
            ),
            verified=_VERIFIED[_one("Purchase", list(_VERIFIED), "verified")],
            source=_SOURCES[_one("Source", list(_SOURCES), "source")],
        )
        st.button("Reset filters", on_click=_reset, icon=":material/restart_alt:")
    return filters


def _years() -> tuple[int, int] | None:
    """The chosen years; None while all are, so that reviews without a date count too."""
    row = ask(reviews.years).to_pylist()[0]
    bounds = (row["first"], row["last"])
    if None in bounds or bounds[0] == bounds[1]:
        return None
    first, last = st.slider("Years", *bounds, value=bounds, key="years", bind="query-params")
    return None if (first, last) == bounds else (first, last)


def _one(label: str, options: list[str], key: str) -> str:
    return st.selectbox(label, options, key=key, bind="query-params")


def _reset() -> None:
    for key in _KEYS:
        st.session_state.pop(key, None)
