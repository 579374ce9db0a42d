"""A report: charts as one HTML file that needs no server and asks no other host."""

import html
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

import altair as alt
import vl_convert

from amazon_reviews.resources.replacing import replacing
from amazon_reviews.resources.warehouse import Warehouse
from amazon_reviews.serving.report.contents import REVIEWS_REPORT, Panel, Report, Section


def write_report(warehouse: Warehouse, path: Path, contents: Report = REVIEWS_REPORT) -> int:
    """Write the report of what the warehouse holds now; gives its size in bytes.

    A file that is there already is replaced at the end, or left as it was.

    Raises:
        WarehouseError: a mart is not there, or cannot be read.
        OSError: the file cannot be written.
    """
    page = report(warehouse, contents).encode()
    with replacing(path) as file:
        file.write(page)
    return len(page)


def report(warehouse: Warehouse, contents: Report = REVIEWS_REPORT) -> str:
    """The report as HTML."""
    specs: list[str] = []
    sections = "".join(_section(warehouse, section, specs) for section in contents.sections)
    template = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(contents.title),
        figures=_figures(warehouse, contents),
        contents="".join(_link(section) for section in contents.sections),
        sections=sections,
        source=html.escape(_source(warehouse, contents.source)),
        specs=f"[{','.join(specs)}]".replace("<", "\\u003c"),
        library=_library(),
    )


@cache
def _library() -> str:
    """Vega with what draws the charts, as one script."""
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    # Its stub takes the first argument for one that must be given.
    script: str = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
    return script.replace("</script", "<\\/script")


def _figures(warehouse: Warehouse, contents: Report) -> str:
    (row,) = contents.totals(warehouse).to_pylist()
    shown = {title: _number(row[name]) for name, title in contents.figures.items()}
    return "".join(f"<div><dt>{title}</dt><dd>{value}</dd></div>" for title, value in shown.items())


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def _source(warehouse: Warehouse, table: str) -> str:
    version = warehouse.versions().get(table, "–")
    return f"made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC from version {version} of {table}"


def _link(section: Section) -> str:
    return f'<li><a href="#{_anchor(section)}">{html.escape(section.title)}</a></li>'


def _anchor(section: Section) -> str:
    return section.title.lower().replace(" ", "-")


def _section(warehouse: Warehouse, section: Section, specs: list[str]) -> str:
    panels = "".join(_panels(warehouse, section, specs))
    heading = f'<h2 id="{_anchor(section)}">{html.escape(section.title)}</h2>'
    return f"<section>{heading}<div>{panels}</div></section>"


def _panels(warehouse: Warehouse, section: Section, specs: list[str]) -> Iterator[str]:
    for panel in section.panels:
        spec = _spec(warehouse, panel)
        if spec is None:
            continue
        note = f"<figcaption>{html.escape(panel.note)}</figcaption>" if panel.note else ""
        yield f'<figure><div class="chart" id="chart-{len(specs)}"></div>{note}</figure>'
        specs.append(spec)


def _spec(warehouse: Warehouse, panel: Panel) -> str | None:
    """The chart's specification; None where there is nothing to draw."""
    rows = panel.ask(warehouse)
    if not rows.num_rows:
        return None
    chart = panel.draw(rows).properties(width="container")
    return json.dumps(chart.to_dict(), ensure_ascii=False, separators=(",", ":"))
