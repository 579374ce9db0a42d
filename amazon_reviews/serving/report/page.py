"""The report: charts in one HTML file, which loads nothing from a server or another host."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

import altair as alt
import vl_convert

from amazon_reviews.atomic_file import replacing
from amazon_reviews.memory import check_charts
from amazon_reviews.resources.built_files import stamped_html
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.built import Built
from amazon_reviews.serving.charts.style import visible
from amazon_reviews.serving.queries.query import Query
from amazon_reviews.serving.report.contents import REVIEWS_REPORT, Panel, Report, Section
from amazon_reviews.shown_text import html_text

_PAPER_WIDTH = 660
"""Pixels of a chart on A4 paper, which is narrower than Letter, without margins and border."""


def write_report(
    warehouse: Warehouse,
    path: Path,
    contents: Report = REVIEWS_REPORT,
    *,
    built: Built | None = None,
) -> int:
    """Write the report on the current tables of the warehouse; return its size in bytes.

    The file holds the record `built`, if there is one. An existing file is replaced at the end, or
    stays unchanged.

    Raises:
        WarehouseError: the warehouse does not exist, or cannot be read.
        OSError: the file cannot be written.
    """
    page = report(warehouse, contents)
    written = (stamped_html(page, built) if built else page).encode()
    with replacing(path) as file:
        file.write(written)
    return len(written)


def report(warehouse: Warehouse, contents: Report = REVIEWS_REPORT) -> str:
    """Return the report as HTML; a text replaces a chart whose table is missing or empty."""
    versions = warehouse.versions()
    specs: list[str] = []
    sections = "".join(
        _section(warehouse, versions, section, specs) for section in contents.sections
    )
    template = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html_text(contents.title),
        figures=_figures(warehouse, versions, contents),
        contents="".join(_link(section) for section in contents.sections),
        sections=sections,
        source=html_text(_source(versions, contents.source)),
        specs=f"[{','.join(specs)}]".replace("<", "\\u003c"),
        library=_library(),
        paper=_PAPER_WIDTH,
    )


@cache
def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    check_charts()
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    # The stub of the package has the first argument as required, which it is not.
    script: str = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
    return script.replace("</script", "<\\/script")


def _figures(warehouse: Warehouse, versions: Mapping[str, int], contents: Report) -> str:
    rows = [] if _missing(contents.totals, versions) else contents.totals(warehouse).to_pylist()
    row = rows[0] if rows else {}
    values = {title: _number(row.get(name)) for name, title in contents.figures.items()}
    return "".join(
        f"<div><dt>{title}</dt><dd>{value}</dd></div>" for title, value in values.items()
    )


def _missing(query: Query[...], versions: Mapping[str, int]) -> list[str]:
    """Return the tables that a query reads and the warehouse lacks.

    A warehouse without any table is queried anyway: its error tells the user what to do.
    """
    return [table for table in query.tables if table not in versions] if versions else []


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def _source(versions: Mapping[str, int], table: str) -> str:
    version = versions.get(table, "–")
    return f"Created {datetime.now(UTC):%Y-%m-%d %H:%M} UTC from version {version} of {table}"


def _link(section: Section) -> str:
    return f'<li><a href="#{_anchor(section)}">{html_text(section.title)}</a></li>'


def _anchor(section: Section) -> str:
    return section.title.lower().replace(" ", "-")


def _section(
    warehouse: Warehouse, versions: Mapping[str, int], section: Section, specs: list[str]
) -> str:
    panels = "".join(_panel(warehouse, versions, panel, specs) for panel in section.panels)
    heading = f'<h2 id="{_anchor(section)}">{html_text(section.title)}</h2>'
    return f"<section>{heading}<div>{panels}</div></section>"


def _panel(
    warehouse: Warehouse, versions: Mapping[str, int], panel: Panel, specs: list[str]
) -> str:
    """Return the figure of a panel, and add the specification of its chart to `specs`."""
    if missing := _missing(panel.query, versions):
        return _empty(f"No data: {missing[0]} is not in the warehouse.")
    rows = panel.query(warehouse, *panel.arguments)
    chart = panel.draw(visible(rows)).properties(width="container")
    if not rows.num_rows:
        return _empty(f"{chart.description}: no data.")
    specs.append(json.dumps(chart.to_dict(), ensure_ascii=False, separators=(",", ":")))
    note = f"<figcaption>{html_text(panel.note)}</figcaption>" if panel.note else ""
    return f'<figure><div class="chart" id="chart-{len(specs) - 1}"></div>{note}</figure>'


def _empty(text: str) -> str:
    return f'<figure class="empty">{html_text(text)}</figure>'
