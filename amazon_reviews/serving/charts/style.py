"""Style of all charts: colours, number formats, axes and kinds of charts.

Charts have no background, so that they fit light and dark pages. The colours are those of Okabe and
Ito, because colour-blind readers can distinguish them.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from textwrap import wrap
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

FEW_REVIEWS = 30
"""Rated reviews below which a mean or a share is marked.

With the usual deviation of 1.1 stars, the 95 % interval of a mean of 30 is 0.4 stars either way.
"""
FEW = alt.datum.rated < FEW_REVIEWS

STARS = alt.Scale(domain=[1, 5], clamp=True)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEIGHT, ROW_HEIGHT = 320, 28
# A phone has room for lines of 22 characters beside a plot, a desktop and a picture for 44.
_NARROW = "isFinite(containerSize()[0]) && containerSize()[0] < 500"
_LINES = (
    f"split(trim(replace(datum.label, regexp('(.{{1,' + ({_NARROW} ? 22 : 44) + "
    "'})(\\\\s+|$)', 'g'), '$1\\n')), '\\n')"
)
_TWO_LINES = f"length({_LINES}) > 2 ? [{_LINES}[0], {_LINES}[1] + '…'] : {_LINES}"
# Vega puts the first line at the middle of the row, so that the second needs room below.
_CENTRED = {"condition": {"test": f"length({_LINES}) > 1", "value": -6}, "value": 0}
_LABEL_WIDTH = alt.ExprRef(f"{_NARROW} ? 150 : 280")
_TITLE_WIDTH = 40
PNG_WIDTH = 720
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


def base(
    rows: Rows, title: str, height: int | alt.Step = HEIGHT, remark: str | None = None
) -> alt.Chart:
    """Return an empty chart of rows, with a remark below its title; `height` in pixels.

    Values are inlined, dates as ISO text.
    """
    return alt.Chart(
        alt.InlineData(values=list(rows)),
        title=alt.TitleParams(
            title,
            anchor="start",
            offset=12,
            subtitle=remark or alt.Undefined,
            subtitleColor=GREY,
            subtitleFontSize=12,
        ),
        description=title,
        height=height,
    )


def cut(title: str, number: int, whole: int) -> str:
    """Return the title of a chart of `number` rows of `whole`; it says if rows are left out."""
    return title if number == whole else f"{title}: the {number} largest of {whole}"


def marked(rows: Rows, remark: str) -> str | None:
    """Return the remark on marks of few reviews, if there are any."""
    return remark if any(0 < row["rated"] < FEW_REVIEWS for row in rows) else None


def layered(title: str, *layers: AnyChart) -> alt.LayerChart:
    """Return charts on top of each other, described by the title that one of them has."""
    return alt.LayerChart(layer=list(layers), description=title)


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
    axis = alt.Axis(labelOverlap=True, **_ticks(form))
    lines = wrap(title, _TITLE_WIDTH)
    return alt.X(field, type="quantitative", title=lines, axis=axis, **options)


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
    """Return a horizontal axis of all names of an order, or else of those of the rows."""
    axis = alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=8)
    scale = alt.Scale(domain=list(order)) if order else alt.Undefined
    return alt.X(field, type="ordinal", title=title, sort=order, axis=axis, scale=scale)


def y_names(field: str, title: str | None = None) -> alt.Y:
    """Return a vertical axis of names in the order of the rows, in at most two lines each."""
    axis = alt.Axis(
        labelLimit=_LABEL_WIDTH,
        labelOverlap=False,
        labelExpr=_TWO_LINES,
        labelOffset=_CENTRED,
        # The theme of Streamlit would move the first name down.
        labelFlush=False,
    )
    return alt.Y(field, type="nominal", title=title, sort=None, axis=axis)


def coloured(field: str, colours: Mapping[str, str], title: str | None = None) -> alt.Color:
    """Return colours by name, with a legend below the title."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    longest = max(map(len, colours), default=0)
    legend = alt.Legend(
        orient="top",
        direction="horizontal",
        columns=4 if sum(map(len, colours)) < 28 else 2 if longest <= 20 else 1,
        labelLimit=260,
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


def sentiment_shares(rows: Rows, title: str, names: alt.X | alt.Y) -> alt.Chart:
    """Return bars of full length, divided by sentiment, of rows of `by_sentiment`.

    A bar of few reviews is pale.
    """
    remark = marked(rows, f"pale: fewer than {FEW_REVIEWS} rated reviews")
    share = ("reviews", "share of the rated reviews", PART)
    if isinstance(names, alt.Y):
        bars = base(rows, title, alt.Step(ROW_HEIGHT), remark).encode(
            names, x_amount(*share, stack="normalize")
        )
    else:
        bars = base(rows, title, remark=remark).encode(names, y_amount(*share, stack="normalize"))
    return bars.mark_bar().encode(
        color=coloured("sentiment", SENTIMENTS),
        opacity=alt.condition(FEW, alt.value(0.45), alt.value(1)),
        order=alt.Order("order", type="quantitative"),
        tooltip=tips(
            label=("", None),
            sentiment=("sentiment", None),
            reviews=("reviews", EXACT),
            share=("share of the rated", SHARE),
            rated=("rated reviews", EXACT),
        ),
    )


def by_sentiment(rows: Rows) -> list[dict[str, Any]]:
    """Return one row per sentiment of each row; `share` is that of the rated reviews."""
    return [
        {
            **row,
            "sentiment": sentiment,
            "order": order,
            "reviews": row[sentiment],
            "share": row[sentiment] / row["rated"],
        }
        for row in rows
        if row["rated"]
        for order, sentiment in enumerate(SENTIMENTS)
    ]


def mean_line(rows: Rows, title: str, x: alt.X, tooltip: Sequence[alt.Tooltip]) -> alt.LayerChart:
    """Return a line with points of mean_stars, on the whole range from 1 to 5.

    A point of few reviews is hollow. The line ends at a row without a mean.
    """
    remark = marked(rows, f"hollow: fewer than {FEW_REVIEWS} rated reviews")
    line = (
        base(rows, title, remark=remark)
        .mark_line(color=BLUE)
        .encode(x=x, y=y_amount("mean_stars", "mean stars", AMOUNT, scale=STARS))
    )
    colour = alt.condition(FEW, alt.value("transparent"), alt.value(BLUE))
    points = line.mark_point(color=BLUE, size=40).encode(fill=colour, tooltip=list(tooltip))
    return layered(title, line, points)


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
