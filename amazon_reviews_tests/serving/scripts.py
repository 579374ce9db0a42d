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
