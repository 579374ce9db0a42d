"""The filters in the sidebar: those that act on all of the open page; its address has them."""

from collections.abc import Collection
from datetime import date
from functools import partial
from typing import TypeVar

import streamlit as st

from amazon_reviews.serving.dashboard.links import CATEGORIES
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import reviews
from amazon_reviews.serving.queries.filters import Filters, Month
from amazon_reviews.shown_text import markdown_text, visible_text

T = TypeVar("T")

_VERIFIED = {"All": None, "Verified": True, "Not verified": False}
_KEYS = {
    "month": "months",
    "main_category": CATEGORIES,
    "stars": "stars",
    "verified": "verified",
    "source": "source",
}
"""The key of the filter on each column, which is its name in the address too."""

_KEPT = "kept_filters"
_SOURCES = {"All": None, "Files (batch)": "batch", "Stream": "stream"}


def chosen_filters(place: str, columns: Collection[str]) -> Filters:
    """Show the filters on these columns, and return the chosen ones. Raises NoDataError.

    `place` is the name of the page or tab. A filter that is not shown keeps its choice for the
    pages that have it.
    """
    if not columns:
        return Filters()
    keys = [_KEYS[column] for column in columns]
    # Streamlit drops the choices of another page or tab.
    last, kept = st.session_state.get(_KEPT, (place, {}))
    if last != place:
        st.session_state.update({key: kept[key] for key in keys if key in kept})
    with st.sidebar:
        st.subheader("Filters")
        every_month = _every_month() if "month" in columns else []
        filters = Filters(
            months=_months(every_month),
            main_categories=_categories() if "main_category" in columns else (),
            stars=_stars() if "stars" in columns else (),
            verified=_choice("Purchase", _VERIFIED, "verified", columns),
            source=_choice("Source", _SOURCES, "source", columns),
        )
        reset = partial(_reset, keys, every_month)
        st.button("Reset filters", on_click=reset, icon=":material/restart_alt:")
    chosen = {key: st.session_state[key] for key in keys if key in st.session_state}
    st.session_state[_KEPT] = place, kept | chosen
    if filters != Filters():
        # On a phone the sidebar is closed.
        st.caption(f":material/filter_alt: Only {', '.join(_named(filters))}.")
    return filters


def _every_month() -> list[Month]:
    """Return the months from the first to the last one with reviews."""
    months = [Month(**row) for row in read(reviews.months).to_pylist()]
    if not months:
        return []
    first, last = months[0], months[-1]
    calendar = (Month(y, m) for y in range(first.year, last.year + 1) for m in range(1, 13))
    return [month for month in calendar if first <= month <= last]


def _months(every_month: list[Month]) -> tuple[Month, Month] | None:
    """Return the chosen months; None for all months, to include reviews without a date."""
    if len(every_month) < 2:
        return None
    state, whole = st.session_state, (every_month[0], every_month[-1])
    # When newer reviews are loaded, the slider would stay at what were all months before.
    before = state.get("all_months", whole)
    if before != whole and state.get("months") == before:
        state["months"] = whole
    state["all_months"] = whole
    chosen = st.select_slider(
        "Months", every_month, whole, _month_name, key="months", bind="query-params"
    )
    return None if chosen == whole else chosen


def _month_name(month: Month) -> str:
    return f"{date(*month, 1):%b %Y}"


def _categories() -> tuple[str, ...]:
    return tuple(
        st.multiselect(
            "Categories",
            read(reviews.main_categories)["main_category"].to_pylist(),
            key=CATEGORIES,
            placeholder="All",
            bind="query-params",
            format_func=visible_text,
        )
    )


def _stars() -> tuple[int, ...]:
    return tuple(
        st.multiselect(
            "Stars", [5, 4, 3, 2, 1], key="stars", placeholder="All", bind="query-params"
        )
    )


def _choice(label: str, options: dict[str, T], key: str, columns: Collection[str]) -> T | None:
    if key not in columns:
        return None
    return options[st.selectbox(label, list(options), key=key, bind="query-params")]


def _reset(keys: Collection[str], every_month: list[Month]) -> None:
    """Set the shown filters to their defaults; deleted ones would come back from the address."""
    defaults: dict[str, object] = {CATEGORIES: [], "stars": [], "verified": "All", "source": "All"}
    if len(every_month) > 1:
        defaults["months"] = every_month[0], every_month[-1]
    st.session_state.update({key: defaults[key] for key in keys if key in defaults})


def _named(filters: Filters) -> list[str]:
    """Return the chosen filters in words, as Markdown."""
    names = [markdown_text(name) for name in filters.main_categories]
    if filters.months:
        names.append(" to ".join(map(_month_name, filters.months)))
    if filters.stars:
        names.append(" and ".join(map(str, filters.stars)) + " ★")
    if filters.verified is not None:
        names.append("verified purchases" if filters.verified else "purchases not verified")
    if filters.source:
        names.append({"batch": "files", "stream": "stream"}[filters.source])
    return names
