"""Style of all charts: colours, number formats, axes and kinds of charts.

Charts have no background, so that they fit light and dark pages. The colours are those of Okabe and
Ito, because colour-blind readers can distinguish them.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc
import vl_convert

from amazon_reviews.errors import BuildError
from amazon_reviews.memory import check_charts
from amazon_reviews.shown_text import visible_text

_log = logging.getLogger(__name__)

BLUE, VERMILLION, GREY, GREEN, SKY = "#0072B2", "#D55E00", "#8A8A8A", "#009E73", "#56B4E9"
PALE = "#B8B8B8"
"""The colour of what has no value."""

SERIES = (BLUE, VERMILLION, GREEN, "#CC79A7", "#B58900")
SENTIMENTS = {"negative": VERMILLION, "neutral": GREY, "positive": BLUE}
EXACT, SHARE, MEAN, MONEY = ",", ".1%", ".2f", "$,.2f"
COUNT, YEAR, AMOUNT, PART = "~s", "d", ",~f", "~%"
"""Formats of axes for whole numbers, years, other numbers and shares; ticks set the decimals."""

STARS = alt.Scale(domain=[1, 5], clamp=True)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEIGHT, ROW_HEIGHT = 320, 26
PNG_WIDTH = 720

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


def base(rows: Rows, title: str, height: int | alt.Step = HEIGHT) -> alt.Chart:
    """Return an empty chart of rows; `height` in pixels. Values are inlined, dates as ISO text."""
    return alt.Chart(
        alt.InlineData(values=list(rows)),
        title=alt.TitleParams(title, anchor="start", offset=12),
        description=title,
        height=height,
    )


def layered(title: str, *layers: alt.Chart) -> alt.LayerChart:
    """Return charts on top of each other, described by the title that one of them has."""
    return alt.LayerChart(layer=list(layers), description=title)


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
    axis = alt.Axis(labelOverlap=True, **_ticks(form))
    return alt.X(field, type="quantitative", title=title, axis=axis, **options)


def y_amount(field: str, title: str, form: str = COUNT, **options: Any) -> alt.Y:
    """Return a vertical axis of numbers."""
    axis = alt.Axis(**_ticks(form))
    return alt.Y(field, type="quantitative", title=title, axis=axis, **options)


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
    """Return a horizontal axis of names in the given order, or else in that of the rows."""
    axis = alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=8)
    return alt.X(field, type="ordinal", title=title, sort=order, axis=axis)


def y_names(field: str, title: str | None = None) -> alt.Y:
    """Return a vertical axis of names in the order of the rows."""
    axis = alt.Axis(labelLimit=150, labelOverlap=False)
    return alt.Y(field, type="nominal", title=title, sort=None, axis=axis)


def coloured(field: str, colours: Mapping[str, str], title: str | None = None) -> alt.Color:
    """Return colours by name, with a legend below the title."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    wide = sum(map(len, colours)) > 30
    legend = alt.Legend(
        orient="top",
        direction="horizontal",
        columns=2 if wide else 4,
        labelLimit=130,
        offset=4,
        padding=0,
    )
    return alt.Color(field, type="nominal", title=title, scale=scale, legend=legend)


def ranking(
    rows: Rows,
    title: str,
    name: str,
    value: tuple[str, str, str],
    tooltip: Sequence[alt.Tooltip],
    colour: str = BLUE,
) -> alt.Chart:
    """Return a horizontal bar for each row; `value` is column, axis title and format."""
    return (
        base(rows, title, alt.Step(ROW_HEIGHT))
        .mark_bar(color=colour)
        .encode(x=x_amount(*value), y=y_names(name), tooltip=list(tooltip))
    )


def columns(
    rows: Rows,
    title: str,
    x: alt.X,
    value: tuple[str, str, str],
    tooltip: Sequence[alt.Tooltip],
) -> alt.Chart:
    """Return a vertical bar for each row; `value` is column, axis title and format."""
    return (
        base(rows, title)
        .mark_bar(color=BLUE)
        .encode(x=x, y=y_amount(*value), tooltip=list(tooltip))
    )


def sentiment_shares(rows: Rows, title: str, x: alt.X) -> alt.Chart:
    """Return bars of full height, divided by sentiment; rows have sentiment, reviews and share."""
    return (
        base(rows, title)
        .mark_bar()
        .encode(
            x=x,
            y=y_amount("reviews", "share of the rated reviews", PART, stack="normalize"),
            color=coloured("sentiment", SENTIMENTS),
            order=alt.Order("order", type="quantitative"),
            tooltip=tips(
                label=("", None),
                sentiment=("sentiment", None),
                reviews=("reviews", EXACT),
                share=("share of the rated", SHARE),
            ),
        )
    )


def by_sentiment(rows: Rows) -> list[dict[str, Any]]:
    """Return one row per sentiment of each row; `share` is that of the rated reviews."""
    return [
        {
            "label": row["label"],
            "sentiment": sentiment,
            "order": order,
            "reviews": row[sentiment],
            "share": row[sentiment] / row["rated"],
        }
        for row in rows
        if row["rated"]
        for order, sentiment in enumerate(SENTIMENTS)
    ]


def mean_line(rows: Rows, title: str, x: alt.X, tooltip: Sequence[alt.Tooltip]) -> alt.Chart:
    """Return a line with points of mean_stars, on the whole range from 1 to 5."""
    return (
        base(rows, title)
        .mark_line(point=True, color=BLUE)
        .encode(
            x=x,
            y=y_amount("mean_stars", "mean stars", AMOUNT, scale=STARS),
            tooltip=list(tooltip),
        )
    )


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
