"""Links to pages of the dashboard, and clicks on marks and rows that filter or open a page."""

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.shown_text import visible_text

# The page of a value, and the widget there that has it; the page of a product reads its address.
_WIDGETS = {
    "brand": ("brands", {"brands_tab": "Products"}, "search"),
    "customer": ("recommendations", {"recommendations_tab": "For a customer"}, "customer"),
}
_OPENED = "opened"
CATEGORIES = "categories"
"""The key of the filter by category."""


def set_pages(pages: Mapping[str, StreamlitPage]) -> None:
    """Set the pages that links lead to, and open the page of the last click."""
    st.session_state["pages"] = pages
    # A function that Streamlit calls on a click cannot open a page; the script can.
    if opened := st.session_state.pop(_OPENED, None):
        name, widgets, parameters = opened
        st.session_state.update(widgets)
        st.switch_page(pages[name], query_params=parameters)


def page_link(label: str, page: str, parameters: Mapping[str, str]) -> None:
    """Show a link to a page with these parameters in its address."""
    st.page_link(
        st.session_state["pages"][page],
        label=label,
        query_params=dict(parameters),
        icon=":material/arrow_forward:",
    )


def clicked_mark(key: str, selection: str, column: str, values: Sequence[str | None]) -> None:
    """Follow a click on a mark of a chart, whose rows have these values of a column."""
    marks = st.session_state[key]["selection"].get(selection)
    by_text = {visible_text(value): value for value in values if value is not None}
    if marks:
        _follow(column, by_text.get(marks[0].get(column)))
    elif column == "main_category":
        # A second click on a mark selects none.
        st.session_state[CATEGORIES] = []


def clicked_row(key: str, column: str, values: Sequence[str | None]) -> None:
    """Follow a click on a cell of a table, whose rows have these values of a column."""
    cells = st.session_state[key]["selection"]["cells"]
    if cells:
        _follow(column, values[cells[0][0]])


def _follow(column: str, value: str | None) -> None:
    """Filter by a category, or by all if it is the chosen one; or open the page of a value."""
    if value is None:
        return
    if column == "main_category":
        chosen = st.session_state.get(CATEGORIES) == [value]
        st.session_state[CATEGORIES] = [] if chosen else [value]
    elif column == "asin":
        st.session_state[_OPENED] = "product", {}, {"asin": value}
    elif value != UNKNOWN:
        page, tab, widget = _WIDGETS[column]
        st.session_state[_OPENED] = page, {**tab, widget: value}, {}
