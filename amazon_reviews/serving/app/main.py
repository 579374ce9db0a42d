"""The dashboard: `amazon-reviews app` runs this file."""

from collections.abc import Callable
from functools import partial
from types import ModuleType

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from amazon_reviews.serving.app.asking import look_at_tables
from amazon_reviews.serving.app.filtering import chosen_filters
from amazon_reviews.serving.app.pages import (
    brands,
    categories,
    customers,
    overview,
    quality,
    ratings,
)
from amazon_reviews.serving.app.parts import guarded
from amazon_reviews.serving.questions.filters import Filters

# Texts wrap even where they have no blanks. The table's own CSV would not be safe to open in a
# spreadsheet; ours is below it.
STYLE = """<style>
[data-testid="stText"] { white-space: pre-wrap; overflow-wrap: anywhere; }
[data-testid="stDataFrame"] ~ [data-testid="stElementToolbar"] [aria-label="Download as CSV"],
[data-testid="stElementToolbar"] [aria-label="Download as CSV"] { display: none; }
</style>"""
PAGES = (
    (overview, "Overview", ":material/dashboard:"),
    (ratings, "Ratings & time", ":material/star:"),
    (categories, "Categories & prices", ":material/category:"),
    (brands, "Brands & products", ":material/inventory_2:"),
    (customers, "Customers", ":material/group:"),
    (quality, "Data quality & pipeline", ":material/fact_check:"),
)


def main() -> None:
    """Show the chosen page, with the filters beside it."""
    st.set_page_config("Amazon reviews", layout="wide")
    st.html(STYLE)
    st.navigation([_page(*page) for page in PAGES]).run()


def _page(module: ModuleType, title: str, icon: str) -> StreamlitPage:
    path = module.__name__.rpartition(".")[2]
    return st.Page(partial(_show, title, module.show), title=title, icon=icon, url_path=path)


def _show(title: str, show: Callable[[Filters], None]) -> None:
    st.title(title)
    guarded(lambda: _filtered(show))


def _filtered(show: Callable[[Filters], None]) -> None:
    look_at_tables()
    show(chosen_filters())


main()
