"""The parts of a report: panels in sections."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from amazon_reviews.serving.charts.style import AnyChart
from amazon_reviews.serving.findings import Finding, Reader
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.query import Query


@dataclass(frozen=True)
class Panel:
    """A chart of the rows of a query with these arguments; `note` explains it."""

    query: Query[...]
    draw: Callable[[pa.Table], AnyChart]
    arguments: tuple[Any, ...] = ()
    note: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Section:
    """Panels under one heading, after a text on them.

    `tabs` are the tabs of the dashboard's pages that show the same, for the links of the findings.
    """

    title: str
    panels: tuple[Panel, ...]
    text: Callable[[Reader], str] | None = None
    tabs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A page of sections.

    `source` is the table whose version the page shows. `figures` are titles by column of the one
    row of `totals`. `findings` come first.
    """

    title: str
    source: str
    totals: Query[[]]
    figures: Mapping[str, str]
    sections: tuple[Section, ...]
    findings: Callable[[Reader, Filters], list[Finding]] | None = None
