"""The filters in the sidebar: those that act on all of the open page; its address has them."""

from collections.abc import Collection
from typing import TypeVar

import streamlit as st

from amazon_reviews.serving.dashboard.links import CATEGORIES
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import reviews
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.shown_text import markdown_text, visible_text

T = TypeVar("T")

_VERIFIED = {"All": None, "Verified": True, "Not verified": False}
_SOURCES = {"All": None, "Files (batch)": "batch", "Stream": "stream"}


def chosen_filters(columns: Collection[str]) -> Filters:
    """Show the filters on these columns, and return the chosen ones. Raises NoDataError.

    A filter that is not shown keeps its choice for the pages that have it.
    """
    if not columns:
        return Filters()
    with st.sidebar:
        st.subheader("Filters")
        bounds = _bounds() if "year" in columns else None
        filters = Filters(
            years=_years(bounds),
            main_categories=_categories() if "main_category" in columns else (),
            stars=_stars() if "stars" in columns else (),
            verified=_choice("Purchase", _VERIFIED, "verified", columns),
            source=_choice("Source", _SOURCES, "source", columns),
        )
        st.button(
            "Reset filters", on_click=_reset, args=[columns, bounds], icon=":material/restart_alt:"
        )
    if filters != Filters():
        # On a phone the sidebar is closed.
        st.caption(f":material/filter_alt: Only {', '.join(_named(filters))}.")
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


def _reset(columns: Collection[str], bounds: tuple[int, int] | None) -> None:
    """Set the shown filters to their defaults; deleted ones would come back from the address."""
    defaults = {
        "main_category": (CATEGORIES, []),
        "stars": ("stars", []),
        "verified": ("verified", "All"),
        "source": ("source", "All"),
        **({"year": ("years", bounds)} if bounds else {}),
    }
    st.session_state.update(value for column, value in defaults.items() if column in columns)


def _named(filters: Filters) -> list[str]:
    """Return the chosen filters in words, as Markdown."""
    names = [markdown_text(name) for name in filters.main_categories]
    if filters.years:
        names.append("–".join(map(str, filters.years)))
    if filters.stars:
        names.append(" and ".join(map(str, filters.stars)) + " ★")
    if filters.verified is not None:
        names.append("verified purchases" if filters.verified else "purchases not verified")
    if filters.source:
        names.append({"batch": "files", "stream": "stream"}[filters.source])
    return names
