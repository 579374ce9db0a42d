"""Style of all charts: colours, number formats, axes and legends.

Charts have no background, so that they fit light and dark pages. The colours are those of Okabe and
Ito, because colour-blind readers can distinguish them.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from textwrap import wrap
from typing import Any, TypeAlias

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc
import vl_convert

from amazon_reviews.errors import BuildError
from amazon_reviews.memory import check_charts
from amazon_reviews.serving.charts.wording import Heading
from amazon_reviews.serving.charts.wrapping import (
    CENTRED,
    LABEL_WIDTH,
    TWO_LINES,
    legend_columns,
    wrapped_title,
)
from amazon_reviews.shown_text import visible_text

_log = logging.getLogger(__name__)

BLUE, VERMILLION, GREY, GREEN, SKY = "#0072B2", "#D55E00", "#8A8A8A", "#009E73", "#56B4E9"
PALE = "#8A8A8A80"
"""The colour of what has no value: half transparent, so that it is pale on light and dark pages."""

_REMARK_COLOUR = "#797979"
"""The grey with the same contrast, 4.4 : 1, on white and on Streamlit's dark page."""

SERIES = (BLUE, VERMILLION, GREEN, "#CC79A7", "#B58900")
SENTIMENTS = {"negative": VERMILLION, "neutral": GREY, "positive": BLUE}
EXACT, SHARE, MEAN, MONEY = ",", ".1%", ".2f", "$,.2f"
COUNT, YEAR, AMOUNT, PART = "~s", "d", ",~f", "~%"
"""Formats of axes for whole numbers, years, other numbers and shares; ticks set the decimals."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEIGHT, ROW_HEIGHT = 320, 28
_REMARK_WIDTH = 48
"""Characters of a line of a remark, which fit a phone."""

_TITLE_WIDTH = 40
PNG_WIDTH = 720
NAMES, NUMBERS = 140, 60
"""Pixels of the names, and of the numbers, beside a plot on a phone."""

CLICKED = "clicked"
"""The selection of a chart of `clickable`."""

Rows: TypeAlias = Sequence[Mapping[str, Any]]
AnyChart: TypeAlias = alt.Chart | alt.LayerChart


def visible(rows: pa.Table) -> pa.Table:
    """Return rows for a chart or a table, with `visible_text` in their columns of texts."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = rows.column(place)
            if not pc.all(pc.utf8_is_printable(column), min_count=0).as_py():
                texts = [text and visible_text(text) for text in column.to_pylist()]
                rows = rows.set_column(place, field, pa.array(texts, field.type))
    return rows


def base(rows: Rows, heading: Heading, height: int | alt.Step = HEIGHT) -> alt.Chart:
    """Return an empty chart of rows; `height` in pixels.

    Values are inlined, dates as ISO text.
    """
    return alt.Chart(
        alt.InlineData(values=list(rows)),
        title=alt.TitleParams(
            wrapped_title(heading.title or heading.name),
            anchor="start",
            offset=12,
            subtitle=wrap(heading.remark, _REMARK_WIDTH) or alt.Undefined,
            subtitleColor=_REMARK_COLOUR,
            subtitleFontSize=12,
        ),
        description=heading.name,
        height=height,
    )


def layered(name: str, *layers: AnyChart) -> alt.LayerChart:
    """Return charts on top of each other, described by the name that one of them has."""
    return alt.LayerChart(layer=list(layers), description=name)


def clickable(chart: AnyChart, field: str, *, area: bool = True) -> AnyChart:
    """Return a chart of named rows with the selection `CLICKED`: `field` of the clicked row.

    With `area`, a click anywhere in the row counts, because bars may be short, and the tooltip of
    the last layer is that of the whole row.
    """
    clicked = alt.selection_point(name=CLICKED, fields=[field])
    if not area:
        return chart.add_params(clicked)
    marks = chart.layer[-1] if isinstance(chart, alt.LayerChart) else chart
    # Altair moves data that all layers have to the chart.
    data = chart.data if marks.data is alt.Undefined else marks.data
    rows = (
        alt.Chart(data)
        .mark_rect(opacity=0)
        .encode(
            x=alt.value(0),
            x2=alt.value("width"),
            y=marks.encoding.y,
            tooltip=marks.encoding.tooltip,
        )
        .add_params(clicked)
    )
    return layered(chart.description, chart, rows)


def tips(**titles: tuple[str, str | None]) -> list[alt.Tooltip]:
    """Return the tooltip of a mark: by column its title, and number format or None for text."""
    return [
        alt.Tooltip(name, type="quantitative", title=title, format=form)
        if form
        else alt.Tooltip(name, type="nominal", title=title)
        for name, (title, form) in titles.items()
    ]


def x_amount(field: str, title: str, form: str = COUNT, **options: Any) -> alt.X:
    """Return a horizontal axis of numbers."""
    # A title that ends with the plot has the room below the names as well.
    axis = alt.Axis(labelOverlap=True, titleAnchor="end", **_ticks(form))
    lines = wrap(title, _TITLE_WIDTH)
    return alt.X(field, type="quantitative", title=lines, axis=axis, **options)


def y_amount(field: str, title: str, form: str = COUNT, **options: Any) -> alt.Y:
    """Return a vertical axis of numbers."""
    axis = alt.Axis(**_ticks(form))
    return alt.Y(field, type="quantitative", title=title, axis=axis, **options)


def stars_scale(means: Iterable[float | None]) -> alt.Scale:
    """Return the scale of means of stars: their range with a margin, at least one star wide."""
    known = [mean for mean in means if mean is not None] or [1, 5]
    low, high = min(known), max(known)
    width = min(max(1.0, 1.1 * (high - low)), 4)
    start = min(max((low + high - width) / 2, 1), 5 - width)
    return alt.Scale(
        domain=[round(start, 2), round(start + width, 2)], clamp=True, nice=False, zero=False
    )


def _ticks(form: str) -> dict[str, Any]:
    """Return ticks with different labels: whole numbers for counts, else as exact as needed."""
    if form not in (COUNT, YEAR):
        return {"format": form, "tickCount": 5}
    # As the format of an axis, "~s" would give each label the prefix of the largest one: "0k".
    # Vega ignores the smallest step between 0 and 1, so fractions get no label; a logarithmic axis
    # has empty labels already.
    hidden = "datum.label === '' || datum.value % 1"
    label = f"{hidden} ? '' : format(datum.value, '{form}')"
    return {"labelExpr": label, "tickCount": 5, "tickMinStep": 1}


def x_names(field: str, title: str | None, order: Sequence[str] | None = None) -> alt.X:
    """Return a horizontal axis of all names of an order, or else of those of the rows."""
    axis = alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=8)
    scale = alt.Scale(domain=list(order)) if order else alt.Undefined
    return alt.X(field, type="ordinal", title=title, sort=order, axis=axis, scale=scale)


def y_names(field: str, title: str | None = None) -> alt.Y:
    """Return a vertical axis of names in the order of the rows, in at most two lines each."""
    axis = alt.Axis(
        labelLimit=LABEL_WIDTH,
        labelOverlap=False,
        labelExpr=TWO_LINES,
        labelOffset=CENTRED,
        # The theme of Streamlit would move the first name down.
        labelFlush=False,
    )
    return alt.Y(field, type="nominal", title=title, sort=None, axis=axis)


def coloured(field: str, colours: Mapping[str, str], left: int = NAMES) -> alt.Color:
    """Return colours by name, with a legend below the title; see `legend_columns`."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    legend = alt.Legend(
        orient="top",
        direction="horizontal",
        columns=legend_columns(colours, left),
        labelLimit=260,
        rowPadding=2,
        symbolSize=80,
        symbolStrokeWidth=1,
        offset=4,
        padding=0,
    )
    return alt.Color(field, type="nominal", title=None, scale=scale, legend=legend)


def png_bytes(chart: AnyChart, scale: float = 2) -> bytes:
    """Return the chart as a PNG on white, `PNG_WIDTH` times `scale` pixels wide and its labels.

    Raises:
        BuildError: a limit of the memory does not allow it.
    """
    check_charts()
    return vl_convert.vegalite_to_png(chart.properties(width=PNG_WIDTH).to_json(), scale=scale)


def pictures(charts: Mapping[str, AnyChart], scale: float = 2) -> dict[str, bytes]:
    """Return the charts as PNG by name; see `png_bytes`. Without enough memory there are none."""
    try:
        return {name: png_bytes(chart, scale) for name, chart in charts.items()}
    except BuildError as error:
        _warn_once(str(error))
        return {}


@cache
def _warn_once(text: str) -> None:
    _log.warning("%s", text)
