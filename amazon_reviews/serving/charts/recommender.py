"""Charts of the training data of recommenders, and of their evaluation."""

import altair as alt
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.style import AMOUNT, EXACT, tips
from amazon_reviews.serving.charts.wording import Heading

CORNER = 100
"""Rows and columns of a matrix in its spy plot."""

_QUESTIONS = {
    "ndcg@10": "Which method puts the right products first?",
    "recall@10": "Which method finds most of the right products?",
    "hit_rate@10": "Which method finds a right product for most customers?",
    "map@10": "Which method has fewest wrong products before the right ones?",
    "coverage@10": "Which method recommends most of the products?",
    "novelty@10": "Which method recommends less known products?",
}
"""The question that a figure answers, by its name."""

_POINTS = 300
_SQUARE = 360


def long_tail(counts: NDArray[np.integer], title: str) -> alt.Chart:
    """Chart the number of values of each row or column, the fullest first, on logarithmic axes."""
    ordered = np.sort(counts[counts > 0])[::-1]
    places = np.unique(np.geomspace(1, max(1, len(ordered)), _POINTS).astype(int))
    rows = [{"place": int(k), "values": int(ordered[k - 1])} for k in places if k <= len(ordered)]
    log = alt.Scale(type="log")
    return (
        style.base(rows, Heading(title))
        .mark_line(color=style.BLUE)
        .encode(
            x=style.x_amount("place", "place by ratings", scale=log),
            y=style.y_amount("values", "ratings", scale=log),
            tooltip=tips(place=("place", EXACT), values=("ratings", EXACT)),
        )
    )


def corner(rows: NDArray[np.integer], columns: NDArray[np.integer], title: str) -> alt.Chart:
    """Chart the fullest rows and columns as a spy plot.

    `rows` and `columns` are the row and the column of each stored value.
    """
    row_place, column_place = _fullest(rows), _fullest(columns)
    values = [
        {"row": int(row_place[r]), "column": int(column_place[c])}
        for r, c in zip(rows, columns, strict=True)
        if row_place[r] < CORNER and column_place[c] < CORNER
    ]
    scale = alt.Scale(domain=[0, CORNER], nice=False)
    down = alt.Scale(domain=[0, CORNER], nice=False, reverse=True)
    return (
        style.base(values, Heading(title), _SQUARE)
        .mark_square(color=style.BLUE, size=12, opacity=1)
        .encode(
            x=style.x_amount("column", f"the {CORNER} fullest columns", scale=scale),
            y=style.y_amount("row", f"the {CORNER} fullest rows", scale=down),
        )
    )


def methods(table: pa.Table, figure: str, title: str) -> alt.LayerChart:
    """Chart a figure of every method with its confidence interval, the best first."""
    rows = sorted(table.to_pylist(), key=lambda row: -row["value"])
    heading = Heading(title, _QUESTIONS.get(figure, ""), f"{title}, with 95 % intervals")
    tooltip = tips(
        method=("method", None),
        value=(figure, ".4f"),
        low=("from", ".4f"),
        high=("to", ".4f"),
    )
    value, ends = ("value", figure, AMOUNT), ("low", "high")
    return kinds.estimates(rows, heading, "method", value, ends, tooltip)


def _fullest(codes: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return for each code its place in the order of its number of values, from 0."""
    counts = np.bincount(codes)
    places = np.empty(len(counts), int)
    places[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return places
