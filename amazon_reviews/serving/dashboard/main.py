"""The script of the dashboard, which Streamlit runs again at every interaction of a user."""

from functools import partial
from types import ModuleType

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from amazon_reviews import redaction
from amazon_reviews.serving.dashboard.components import guarded
from amazon_reviews.serving.dashboard.links import set_pages
from amazon_reviews.serving.dashboard.pages import PAGES
from amazon_reviews.serving.dashboard.warehouse import read_versions

# Texts wrap even without blanks. Streamlit's CSV download of a table is hidden, because it is not
# safe to open in a spreadsheet; the button below the table is.
STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 3rem; }
@media (max-width: 640px) { h1 { font-size: 1.9rem !important; } }
[data-testid="stText"] { white-space: pre-wrap; overflow-wrap: anywhere; }
.st-key-product-name [data-testid="stText"] { font-size: 1.4rem; font-weight: 600; }
[data-testid="stElementToolbar"] [aria-label^="Download as CSV"] { display: none; }
</style>"""
# An icon given by its name would be loaded from another host.
ICON = (
    '<svg viewBox="0 0 24 24"><path fill="#0072B2" d="M12 1l3.2 7 7.8.8-5.8 5.2 1.6 7.6L12 18'
    'l-6.8 3.6 1.600-7.6L1 8.8 8.8 8z"/></svg>'
)


def main() -> None:
    """Show the chosen page."""
    st.set_page_config("Amazon reviews", ICON, layout="wide")
    st.html(STYLE)
    pages = {name: _page(name, *page) for name, page in PAGES.items()}
    page = st.navigation(list(pages.values()))
    set_pages(pages)
    st.title(page.title)
    guarded(partial(_show, page))


def _page(name: str, module: ModuleType, title: str, icon: str) -> StreamlitPage:
    return st.Page(module.show, title=title, icon=icon, url_path=name)


def _show(page: StreamlitPage) -> None:
    read_versions()
    page.run()


redaction.install()
main()
