"""The filters in the sidebar, the same on every page; the address of the page has them."""

import streamlit as st

from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import reviews
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.shown_text import visible_text

_VERIFIED = {"All": None, "Verified": True, "Not verified": False}
_SOURCES = {"All": None, "Files (batch)": "batch", "Stream": "stream"}


def chosen_filters() -> Filters:
    """Show the filters and return the chosen ones. Raises NoDataError."""
    bounds = _bounds()
    with st.sidebar:
        st.subheader("Filters")
        filters = Filters(
            years=_years(bounds),
            main_categories=tuple(
                st.multiselect(
                    "Categories",
                    read(reviews.main_categories)["main_category"].to_pylist(),
                    key="categories",
                    placeholder="All",
                    bind="query-params",
                    format_func=visible_text,
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
            verified=_VERIFIED[_choice("Purchase", list(_VERIFIED), "verified")],
            source=_SOURCES[_choice("Source", list(_SOURCES), "source")],
        )
        st.button("Reset filters", on_click=_reset, args=[bounds], icon=":material/restart_alt:")
    return filters


def _bounds() -> tuple[int, int] | None:
    """Return the first and the last year; None if there is no choice."""
    row = read(reviews.years).to_pylist()[0]
    return None if row["first"] == row["last"] else (row["first"], row["last"])


def _years(bounds: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the chosen years; None for all years, to include reviews without a date."""
    if bounds is None:
        return None
    first, last = st.slider("Years", *bounds, value=bounds, key="years", bind="query-params")
    return None if (first, last) == bounds else (first, last)


def _choice(label: str, options: list[str], key: str) -> str:
    return st.selectbox(label, options, key=key, bind="query-params")


def _reset(bounds: tuple[int, int] | None) -> None:
    """Set every filter to its default; deleted values would come back from the address."""
    st.session_state.update(categories=[], stars=[], verified="All", source="All")
    if bounds:
        st.session_state["years"] = bounds
