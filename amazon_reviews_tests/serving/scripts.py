"""Streamlit scripts that run in the process of a test."""

import gc

import streamlit as st


def prepare_scripts() -> None:
    """Clear the caches of Streamlit, and close the Dagster instances that earlier tests left.

    Python 3.11 fails to parse a script when an instance is collected meanwhile: SQLite refuses
    the thread of the script, and the traceback is parsed within (cpython issue 106905).
    """
    st.cache_resource.clear()
    st.cache_data.clear()
    gc.collect()


def page(name: str) -> None:
    """Show a page; streamlit runs the source of this function alone, with its imports."""
    import streamlit as st

    from amazon_reviews.serving.dashboard.links import set_pages
    from amazon_reviews.serving.dashboard.pages import PAGES
    from amazon_reviews.serving.dashboard.warehouse import read_versions

    pages = {
        each: st.Page(module.show, title=title, url_path=each, default=each == name)
        for each, (module, title, _) in PAGES.items()
    }
    chosen = st.navigation(list(pages.values()))
    set_pages(pages)
    read_versions()
    chosen.run()
