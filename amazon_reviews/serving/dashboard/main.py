"""The dashboard: `amazon-reviews app` runs this file.

The modules of its pages lie in `views`: Streamlit would serve a folder `pages` by itself.
"""

from functools import partial
from types import ModuleType

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from amazon_reviews.serving.dashboard.components import guarded
from amazon_reviews.serving.dashboard.filters import chosen_filters
from amazon_reviews.serving.dashboard.views import (
    brands,
    categories,
    customers,
    overview,
    quality,
    ratings,
    recommendations,
    sentiment,
    titles,
)
from amazon_reviews.serving.dashboard.warehouse import look_at_tables

# Texts wrap even where they have no blanks. The table's own CSV would not be safe to open in a
# spreadsheet; ours is below it.
STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 3rem; }
[data-testid="stText"] { white-space: pre-wrap; overflow-wrap: anywhere; }
[data-testid="stElementToolbar"] [aria-label^="Download as CSV"] { display: none; }
</style>"""
# A picture of its own: a named one would come from another host.
ICON = (
    '<svg viewBox="0 0 24 24"><path fill="#0072B2" d="M12 1l3.2 7 7.8.8-5.8 5.2 1.6 7.6L12 18'
    'l-6.8 3.6 1.600-7.6L1 8.8 8.8 8z"/></svg>'
)
PAGES = (
    (overview, "Overview", ":material/dashboard:"),
    (ratings, "Ratings & time", ":material/star:"),
    (categories, "Categories & prices", ":material/category:"),
    (brands, "Brands & products", ":material/inventory_2:"),
    (customers, "Customers", ":material/group:"),
    (sentiment, "Sentiment", ":material/sentiment_satisfied:"),
    (recommendations, "Recommendations", ":material/recommend:"),
    (titles, "Streaming titles", ":material/movie:"),
    (quality, "Data quality & pipeline", ":material/fact_check:"),
)


def main() -> None:
    """Show the chosen page, with the filters beside it."""
    st.set_page_config("Amazon reviews", ICON, layout="wide")
    st.html(STYLE)
    page = st.navigation([_page(*page) for page in PAGES])
    st.title(page.title)
    guarded(partial(_filtered, page))


def _page(module: ModuleType, title: str, icon: str) -> StreamlitPage:
    path = module.__name__.rpartition(".")[2]
    return st.Page(partial(_show, module), title=title, icon=icon, url_path=path)


def _show(module: ModuleType) -> None:
    module.show(st.session_state["filters"])


def _filtered(page: StreamlitPage) -> None:
    look_at_tables()
    # Made outside of the page, so that going to another page keeps what is chosen.
    st.session_state["filters"] = chosen_filters()
    page.run()


main()
