"""The filters in the sidebar, alike on every page; the address keeps them."""

import streamlit as st

from amazon_reviews.serving.dashboard.warehouse import ask
from amazon_reviews.serving.queries import reviews
from amazon_reviews.serving.queries.filters import Filters

_VERIFIED = {"All": None, "Verified": True, "Not verified": False}
_SOURCES = {"All": None, "Files (batch)": "batch", "Stream": "stream"}


def chosen_filters() -> Filters:
    """Show the filters and give what is chosen. Raises UnanswerableError."""
    bounds = _bounds()
    with st.sidebar:
        st.subheader("Filters")
        filters = Filters(
            years=_years(bounds),
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
        st.button("Reset filters", on_click=_reset, args=[bounds], icon=":material/restart_alt:")
    return filters


def _bounds() -> tuple[int, int] | None:
    """First and last year; None where there is no choice."""
    row = ask(reviews.years).to_pylist()[0]
    return None if row["first"] == row["last"] else (row["first"], row["last"])


def _years(bounds: tuple[int, int] | None) -> tuple[int, int] | None:
    """The chosen years; None while all are, so that reviews without a date count too."""
    if bounds is None:
        return None
    first, last = st.slider("Years", *bounds, value=bounds, key="years", bind="query-params")
    return None if (first, last) == bounds else (first, last)


def _one(label: str, options: list[str], key: str) -> str:
    return st.selectbox(label, options, key=key, bind="query-params")


def _reset(bounds: tuple[int, int] | None) -> None:
    """Set what the address would bring back if it were only forgotten."""
    st.session_state.update(categories=[], stars=[], verified="All", source="All")
    if bounds:
        st.session_state["years"] = bounds
