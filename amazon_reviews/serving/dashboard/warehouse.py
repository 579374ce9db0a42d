"""The app's way to the warehouse: one connection a process, answers kept until a new load."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import pyarrow as pa
import streamlit as st

from amazon_reviews import config
from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.serving.queries.query import Question

RUN_HINT = "Run `amazon-reviews run` and reload this page."
P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


class UnanswerableError(Exception):
    """A question without an answer; the text tells the user why and what to do."""


@st.cache_resource(show_spinner=False)
def _warehouse() -> Warehouse:
    return open_warehouse(config.load().warehouse)


def look_at_tables() -> None:
    """Note which tables the warehouse holds, at which version, for the questions of this run.

    Raises UnanswerableError where it cannot be read or holds nothing yet.
    """
    versions = _explained(lambda: _warehouse().versions())
    if not versions:
        raise UnanswerableError(f"There is no warehouse yet. {RUN_HINT}")
    st.session_state["versions"] = versions


def ask(question: Question[P], *args: P.args, **kwargs: P.kwargs) -> pa.Table:
    """The answer to a question. Raises UnanswerableError."""
    versions: Mapping[str, int] = st.session_state["versions"]
    if missing := [table for table in question.tables if table not in versions]:
        raise UnanswerableError(f"`{missing[0]}` is not in the warehouse yet. {RUN_HINT}")
    state = tuple(versions[table] for table in question.tables)
    return _explained(lambda: _answer(question, question.name, state, args, kwargs))


@st.cache_data(show_spinner=False, max_entries=500, ttl=600)
def _answer(
    _question: Question[...],
    name: str,
    versions: tuple[int, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> pa.Table:
    return _question(_warehouse(), *args, **kwargs)


def _explained(read: Callable[[], T]) -> T:
    try:
        return read()
    except WarehouseError as error:
        _log.warning("%s", error)
        raise UnanswerableError(
            "The warehouse cannot be read at the moment. The log of this app says why."
        ) from None
