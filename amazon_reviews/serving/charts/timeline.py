"""Rows of charts over time, without gaps, and the marks of partial years and months.

A year or month without reviews has a row too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from amazon_reviews.schemas.vocabulary import SENTIMENTS
from amazon_reviews.serving.charts import style

Row = Mapping[str, Any]

_FORMATS = {"year": "%Y", "quarter": "%b", "month": "%b", "week": "%d %b", "date": "%d %b"}
MONTHS = alt.X("on", type="temporal", title="month", axis=alt.Axis(format=_FORMATS, tickCount=8))
"""The axis of `every_month`: years, and months where it is short."""

_PARTIAL = "partial"
_PARTIAL_POINT = alt.MarkDef("point", filled=True, size=120, opacity=1)
_EMPTY = {"reviews": 0, "rated": 0, **dict.fromkeys(SENTIMENTS, 0)}


def years_axis(rows: Iterable[Row]) -> alt.X:
    """Return the axis of `every_year`, with each year from the first to the last one."""
    return style.x_names("label", "year", list(map(str, _years(rows))))


def every_year(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return one row per year from the first to the last one, with its `label`.

    Other columns of a year without reviews are missing, so that a line ends before it.
    """
    by_year = {row["year"]: row for row in rows}
    return [
        {"label": str(year), **by_year.get(year, {"year": year, **_EMPTY})}
        for year in _years(by_year.values())
    ]


def every_month(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return one row per month from the first to the last one, with its `label` and day `on`."""
    by_month = {row["year"] * 12 + row["month"] - 1: row for row in rows}
    filled = []
    for number in range(min(by_month, default=0), max(by_month, default=-1) + 1):
        year, month = number // 12, number % 12 + 1
        label = f"{year}-{month:02}"
        empty = {"year": year, "month": month, **_EMPTY}
        filled.append({"label": label, "on": f"{label}-01T00:00:00", **by_month.get(number, empty)})
    return filled


def mark_partial(
    chart: style.AnyChart,
    rows: Iterable[Row],
    encoding: alt.FacetedEncoding,
    tooltip: Sequence[alt.Tooltip],
    mark: alt.MarkDef = _PARTIAL_POINT,
) -> style.AnyChart:
    """Return a chart over time with the partial periods in another colour, named in a legend.

    `encoding` has the axes of the chart.
    """
    partial = [{**row, "period": _PARTIAL} for row in rows if row.get("partial")]
    if not partial:
        return chart
    colour = style.coloured("period", {_PARTIAL: style.SKY}, style.NUMBERS)
    marks = alt.Chart(alt.InlineData(values=partial), mark=mark).encode(
        x=encoding.x, y=encoding.y, color=colour, tooltip=list(tooltip)
    )
    return style.layered(chart.description, chart, marks)


def _years(rows: Iterable[Row]) -> range:
    years = {row["year"] for row in rows}
    return range(min(years, default=0), max(years, default=-1) + 1)
