"""A finding, and how the functions that look for findings read the warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ParamSpec, Protocol

import pyarrow as pa

from amazon_reviews.serving.queries.query import Query

P = ParamSpec("P")


@dataclass(frozen=True)
class Finding:
    """One sentence on the reviews with its number and interval, and the page that shows more.

    `kind` is drop, credibility, category, trend, season, text or data. Names in the text are those
    of the data, so the caller escapes it. `page` is a page of the dashboard, with the query
    parameters that open the right part of it. `stands_out` is False if chance alone may explain
    it, or if it changes no figure that pages show.
    """

    kind: str
    text: str
    page: str
    parameters: Mapping[str, str]
    stands_out: bool = True


class Reader(Protocol):
    """Reads the warehouse."""

    def __call__(self, query: Query[P], /, *args: P.args, **kwargs: P.kwargs) -> pa.Table:
        """Return the rows of a query. Raises NoDataError if a table is missing."""
