"""Kinds of charts: bars, shares of sentiments, means over time, and estimates with intervals."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pyarrow as pa

from amazon_reviews.serving.charts import style
from amazon_reviews.serving.charts.style import (
    AMOUNT,
    EXACT,
    MEAN,
    PART,
    SENTIMENTS,
    SHARE,
    Rows,
    tips,
)
from amazon_reviews.serving.charts.wording import Heading

FEW_REVIEWS = 30
"""Rated reviews below which a mean or a share is marked.

With the usual deviation of 1.1 stars, the 95 % interval of a mean of 30 is 0.4 stars either way.
"""
_FEW = alt.datum.rated < FEW_REVIEWS

RATED = tips(
    label=("", None),
    reviews=("reviews", EXACT),
    rated=("rated reviews", EXACT),
    mean_stars=("mean stars", MEAN),
)
"""The tooltip of the ratings of a row with a label."""

ADJUSTED = tips(
    reviews=("reviews", EXACT), mean_stars=("mean stars", MEAN), shrunk_stars=("adjusted", MEAN)
)
"""The tooltip of a row with an adjusted mean."""


def ranking(
    rows: Rows,
    heading: Heading,
    name: str,
    value: tuple[str, str, str],
    tooltip: Sequence[alt.Tooltip],
    colour: str = style.BLUE,
) -> alt.Chart:
    """Return a horizontal bar for each row; `value` is column, axis title and format."""
    return (
        style.base(rows, heading, alt.Step(style.ROW_HEIGHT))
        .mark_bar(color=colour)
        .encode(x=style.x_amount(*value), y=style.y_names(name), tooltip=list(tooltip))
    )


def columns(
    rows: Rows,
    heading: Heading,
    x: alt.X,
    value: tuple[str, str, str],
    tooltip: Sequence[alt.Tooltip],
) -> alt.Chart:
    """Return a vertical bar for each row; `value` is column, axis title and format."""
    return (
        style.base(rows, heading)
        .mark_bar(color=style.BLUE)
        .encode(x=x, y=style.y_amount(*value), tooltip=list(tooltip))
    )


def estimates(
    rows: Rows,
    heading: Heading,
    name: str,
    value: tuple[str, str, str],
    ends: tuple[str, str],
    tooltip: Sequence[alt.Tooltip],
    colour: str | alt.Color = style.BLUE,
    reference: float | None = None,
) -> alt.LayerChart:
    """Return a point with its interval for each row.

    `value` is column, axis title and format; `ends` are the columns of the interval. A dashed line
    shows the reference.
    """
    column, title, form = value
    points = style.base(rows, heading, alt.Step(style.ROW_HEIGHT)).encode(
        y=style.y_names(name),
        color=alt.value(colour) if isinstance(colour, str) else colour,
        tooltip=list(tooltip),
    )
    intervals = points.mark_rule(strokeWidth=3).encode(
        x=style.x_amount(ends[0], title, form), x2=alt.X2(ends[1])
    )
    layers = [intervals, points.mark_point(filled=True, size=80, opacity=1).encode(x=f"{column}:Q")]
    if reference is not None:
        line = alt.Chart().mark_rule(strokeDash=[4, 4], color=style.GREY)
        layers.insert(0, line.encode(x=alt.datum(reference)))
    return style.layered(heading.name, *layers)


def sentiment_shares(rows: Rows, heading: Heading, names: alt.X | alt.Y) -> alt.Chart:
    """Return bars of full length, divided by sentiment, of rows of `by_sentiment`.

    A bar of few reviews is pale.
    """
    heading = heading.noting(_few(rows, f"pale: fewer than {FEW_REVIEWS} rated reviews"))
    share = ("reviews", "share of the rated reviews", PART)
    left = style.NAMES if isinstance(names, alt.Y) else style.NUMBERS
    if isinstance(names, alt.Y):
        bars = style.base(rows, heading, alt.Step(style.ROW_HEIGHT)).encode(
            names, style.x_amount(*share, stack="normalize")
        )
    else:
        bars = style.base(rows, heading).encode(names, style.y_amount(*share, stack="normalize"))
    return bars.mark_bar().encode(
        color=style.coloured("sentiment", SENTIMENTS, left),
        opacity=alt.condition(_FEW, alt.value(0.45), alt.value(1)),
        order=alt.Order("order", type="quantitative"),
        tooltip=style.tips(
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


def mean_line(
    rows: Rows, heading: Heading, x: alt.X, tooltip: Sequence[alt.Tooltip]
) -> alt.LayerChart:
    """Return a line with points of mean_stars.

    A point of few reviews is hollow. The line ends at a row without a mean.
    """
    heading = heading.noting(_few(rows, f"hollow: fewer than {FEW_REVIEWS} rated reviews"))
    scale = style.stars_scale(row.get("mean_stars") for row in rows)
    line = (
        style.base(rows, heading)
        .mark_line(color=style.BLUE)
        .encode(x=x, y=style.y_amount("mean_stars", "mean stars", AMOUNT, scale=scale))
    )
    colour = alt.condition(_FEW, alt.value("transparent"), alt.value(style.BLUE))
    points = line.mark_point(color=style.BLUE, size=40).encode(fill=colour, tooltip=list(tooltip))
    return style.layered(heading.name, line, points)


def _few(rows: Rows, remark: str) -> str:
    """Return the remark on marks of few reviews, if there are any."""
    return remark if any(0 < row["rated"] < FEW_REVIEWS for row in rows) else ""


def top(table: pa.Table, column: str, most: int) -> list[dict[str, Any]]:
    """Return the rows with most of a column, at most `most`."""
    rows = [row for row in table.to_pylist() if row[column] is not None]
    return sorted(rows, key=lambda row: -row[column])[:most]


def largest(rows: list[dict[str, Any]], table: pa.Table) -> str:
    """Return the remark that rows are left out; the table itself may be cut, so without a total."""
    return f"the {len(rows)} largest" if len(rows) < table.num_rows else ""
