"""The report: charts in one HTML file, which loads nothing from a server or another host."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

import altair as alt
import pyarrow as pa
import vl_convert

from amazon_reviews.atomic_file import replacing
from amazon_reviews.errors import NoDataError
from amazon_reviews.memory import check_charts
from amazon_reviews.resources.built_files import stamped_html
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.built import Built
from amazon_reviews.serving.charts.style import visible
from amazon_reviews.serving.findings import Finding, Reader
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.query import P, Query
from amazon_reviews.serving.report.contents import REVIEWS_REPORT
from amazon_reviews.serving.report.layout import Panel, Report, Section
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
    read = _reader(warehouse, versions)
    specs: list[str] = []
    sections = "".join(_section(read, section, specs) for section in contents.sections)
    template = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html_text(contents.title),
        findings=_findings(read, contents),
        figures=_figures(read, contents),
        contents="".join(_link(section) for section in contents.sections),
        sections=sections,
        source=html_text(_source(versions, contents.source)),
        specs=f"[{','.join(specs)}]".replace("<", "\\u003c"),
        library=_library(),
        paper=_PAPER_WIDTH,
    )


def _reader(warehouse: Warehouse, versions: Mapping[str, int]) -> Reader:
    """Return a reader of the warehouse with these tables.

    A warehouse without any table is queried anyway: its error tells the user what to do.
    """

    def read(query: Query[P], /, *args: P.args, **kwargs: P.kwargs) -> pa.Table:
        missing = [table for table in query.tables if table not in versions]
        if versions and missing:
            raise NoDataError(f"No data: {missing[0]} is not in the warehouse.")
        return query(warehouse, *args, **kwargs)

    return read


@cache
def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    check_charts()
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    # The stub of the package has the first argument as required, which it is not.
    script: str = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
    return script.replace("</script", "<\\/script")


def _findings(read: Reader, contents: Report) -> str:
    known = contents.findings(read, Filters()) if contents.findings else []
    items = "".join(_finding(finding, contents.sections) for finding in known)
    return f'<h2 id="findings">Findings</h2><ul class="findings">{items}</ul>' if items else ""


def _finding(finding: Finding, sections: Sequence[Section]) -> str:
    """Return a finding with a link to the section that shows it."""
    tab = f"{finding.page}/{finding.parameters.get(f'{finding.page}_tab', '')}"
    links = "".join(
        f' <a href="#{_anchor(section)}">{html_text(section.title)}</a>'
        for section in sections
        if tab in section.tabs
    )
    stands_out = "" if finding.stands_out else ' class="usual"'
    return f"<li{stands_out}>{html_text(finding.text)}{links}</li>"


def _figures(read: Reader, contents: Report) -> str:
    rows: list[dict[str, float | None]] = []
    with suppress(NoDataError):
        rows = read(contents.totals).to_pylist()
    row = rows[0] if rows else {}
    values = {title: _number(row.get(name)) for name, title in contents.figures.items()}
    return "".join(
        f"<div><dt>{title}</dt><dd>{value}</dd></div>" for title, value in values.items()
    )


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


def _section(read: Reader, section: Section, specs: list[str]) -> str:
    text = ""
    if section.text:
        with suppress(NoDataError):
            text = html_text(section.text(read))
    panels = "".join(_panel(read, panel, specs) for panel in section.panels)
    heading = f'<h2 id="{_anchor(section)}">{html_text(section.title)}</h2>'
    return f"<section>{heading}{text and f'<p>{text}</p>'}<div>{panels}</div></section>"


def _panel(read: Reader, panel: Panel, specs: list[str]) -> str:
    """Return the figure of a panel, and add the specification of its chart to `specs`."""
    try:
        rows = read(panel.query, *panel.arguments)
    except NoDataError as reason:
        return _empty(str(reason))
    chart = panel.draw(visible(rows)).properties(width="container")
    if not rows.num_rows:
        return _empty(f"{chart.description}: no data.")
    specs.append(json.dumps(chart.to_dict(), ensure_ascii=False, separators=(",", ":")))
    note = f"<figcaption>{html_text(panel.note)}</figcaption>" if panel.note else ""
    return f'<figure><div class="chart" id="chart-{len(specs) - 1}"></div>{note}</figure>'


def _empty(text: str) -> str:
    return f'<figure class="empty">{html_text(text)}</figure>'
