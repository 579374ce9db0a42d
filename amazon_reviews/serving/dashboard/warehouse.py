"""Warehouse of the dashboard: one connection per process, and cached rows of queries."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import pyarrow as pa
import streamlit as st

from amazon_reviews import config
from amazon_reviews.errors import NoDataError, WarehouseError
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.serving.queries.query import Query

RUN_HINT = "Run `amazon-reviews run` and reload this page."
P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def _warehouse() -> Warehouse:
    return open_warehouse(config.load().warehouse)


def read_versions() -> None:
    """Read the versions of the warehouse's tables, for the queries of this run of the script.

    Raises:
        NoDataError: the warehouse cannot be read, or has no table yet.
    """
    versions = _explained(lambda: _warehouse().versions())
    if not versions:
        raise NoDataError(f"There is no warehouse yet. {RUN_HINT}")
    st.session_state["versions"] = versions


def read(query: Query[P], /, *args: P.args, **kwargs: P.kwargs) -> pa.Table:
    """Return the rows of a query, cached until one of its tables is loaded again.

    Raises:
        NoDataError: a table is missing, or the warehouse cannot be read.
    """
    versions: Mapping[str, int] = st.session_state["versions"]
    if missing := [table for table in query.tables if table not in versions]:
        raise NoDataError(f"`{missing[0]}` is not in the warehouse yet. {RUN_HINT}")
    state = tuple(versions[table] for table in query.tables)
    return _explained(lambda: _rows(query, query.name, state, args, kwargs))


# Streamlit makes the key of the cache from all arguments but those with a leading underscore.
@st.cache_data(show_spinner=False, max_entries=500, ttl=600)
def _rows(
    _query: Query[...],
    name: str,
    versions: tuple[int, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> pa.Table:
    return _query(_warehouse(), *args, **kwargs)


def _explained(work: Callable[[], T]) -> T:
    try:
        return work()
    except WarehouseError as error:
        # The text may name a path of this machine.
        _log.warning("%s", error)
        raise NoDataError(
            "The warehouse cannot be read at the moment. The log of this app has the reason."
        ) from None
