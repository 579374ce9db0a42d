"""Charts of streaming titles."""

from typing import Any

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.schemas.vocabulary import PLATFORMS
from amazon_reviews.serving.charts import style
from amazon_reviews.serving.charts.style import AMOUNT, COUNT, EXACT, PART, SHARE, YEAR, tips
from amazon_reviews.serving.charts.wording import Heading, cut

PLATFORM_COLOURS: dict[str, str] = dict(zip(PLATFORMS, style.SERIES[:4], strict=True))
_RATINGS = alt.Scale(domain=[0.5, 5])
_TYPES = {"movie": style.BLUE, "tv show": style.VERMILLION}


def missing(table: pa.Table) -> alt.Chart:
    """Chart the share of a platform's titles without a value, per column of the source."""
    rows = [row | {"share": row["missing"] / row["titles"]} for row in table.to_pylist()]
    heading = Heading("Missing values", "Which columns are empty?")
    return (
        style.base(rows, heading, alt.Step(10))
        .mark_bar()
        .encode(
            x=style.x_amount("share", "share of the platform's titles", PART),
            y=style.y_names("source_column"),
            yOffset=alt.YOffset("platform", type="nominal"),
            color=_platform(),
            tooltip=tips(
                platform=("platform", None),
                source_column=("column", None),
                share=("missing", SHARE),
                missing=("titles without it", EXACT),
            ),
        )
    )


def types(table: pa.Table) -> alt.Chart:
    """Chart the titles per platform, films and series."""
    tooltip = tips(platform=("platform", None), type=("type", None), titles=("titles", EXACT))
    return (
        style.base(
            table.to_pylist(), Heading("Titles per platform", "Who has more films or series?")
        )
        .mark_bar()
        .encode(
            x=style.x_names("platform", None),
            y=style.y_amount("titles", "titles", COUNT),
            color=style.coloured("type", _TYPES, style.NUMBERS),
            tooltip=tooltip,
        )
    )


def mean_ratings(table: pa.Table) -> alt.Chart:
    """Chart the mean of all ratings per platform."""
    rated = table.filter(pc.is_valid(table["mean_rating"]))
    tooltip = tips(
        platform=("platform", None),
        mean_rating=("mean rating", ".3f"),
        ratings=("ratings", EXACT),
        rated=("rated titles", EXACT),
    )
    heading = Heading("Mean rating per platform", "Do the ratings of the platforms differ?")
    return (
        style.base(rated.to_pylist(), heading)
        .mark_point(filled=True, size=120, color=style.BLUE)
        .encode(
            x=style.x_names("platform", None),
            y=style.y_amount("mean_rating", "mean rating", AMOUNT, scale=_RATINGS),
            tooltip=tooltip,
        )
    )


def scores(table: pa.Table) -> alt.Chart:
    """Chart the titles per mean rating to one decimal."""
    heading = Heading("Titles per mean rating", "How well are the titles rated?")
    return _lines(table, heading, "score", "mean rating", AMOUNT, step=0.1)


def years(table: pa.Table) -> alt.Chart:
    """Chart the titles per year of release."""
    heading = Heading("Titles per year of release", "How old are the titles?")
    return _lines(table, heading, "year", "year of release")


def years_added(table: pa.Table) -> alt.Chart:
    """Chart the titles per year in which the platform added them."""
    heading = Heading("Titles per year added", "When did the platforms add their titles?")
    return _lines(table, heading, "year", "year added")


def minutes(table: pa.Table) -> alt.Chart:
    """Chart the titles per band of ten minutes."""
    heading = Heading("Durations in minutes", "How long are the films?", "in bands of ten minutes")
    return _lines(table, heading, "minutes", "minutes, from", step=10)


def seasons(table: pa.Table) -> alt.Chart:
    """Chart the titles per number of seasons."""
    heading = Heading("Durations in seasons", "How many seasons do series have?")
    return _lines(table, heading, "seasons", "seasons")


def maturity(table: pa.Table, most: int = 15) -> alt.Chart:
    """Chart the titles per maturity rating, the rating with most titles first."""
    totals: dict[str, int] = {}
    for row in table.to_pylist():
        totals[row["rating"]] = totals.get(row["rating"], 0) + row["titles"]
    order = sorted(totals, key=lambda name: (-totals[name], name))[:most]
    rows = sorted(
        (row for row in table.to_pylist() if row["rating"] in order),
        key=lambda row: order.index(row["rating"]),
    )
    title = "Which audiences are the titles for?"
    heading = Heading("Maturity ratings", title, cut(len(order), len(totals)))
    return (
        style.base(rows, heading, alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("titles", "titles", COUNT),
            y=style.y_names("rating"),
            color=_platform(),
            tooltip=tips(
                platform=("platform", None), rating=("rating", None), titles=("titles", EXACT)
            ),
        )
    )


def _lines(
    table: pa.Table, heading: Heading, x: str, name: str, form: str = YEAR, step: float = 1
) -> alt.Chart:
    """Return a chart with a line of titles for each platform; `x` is in whole steps."""
    return (
        style.base(_every_step(table, x, step), heading)
        .mark_line(point=alt.OverlayMarkDef(size=18))
        .encode(
            x=style.x_amount(x, name, form, scale=alt.Scale(zero=False)),
            y=style.y_amount("titles", "titles", COUNT),
            color=_platform(),
            tooltip=[
                *tips(platform=("platform", None)),
                *tips(**{x: (name, form)}),
                *tips(titles=("titles", EXACT)),
            ],
        )
    )


def _every_step(table: pa.Table, x: str, step: float) -> list[dict[str, Any]]:
    """Return the rows, and one of 0 titles for each step between two rows of a platform."""
    by_platform: dict[str, dict[int, dict[str, Any]]] = {}
    for row in table.to_pylist():
        by_platform.setdefault(row["platform"], {})[round(row[x] / step)] = row
    return [
        rows.get(place, {"platform": platform, x: round(place * step, 1), "titles": 0})
        for platform, rows in by_platform.items()
        for place in range(min(rows), max(rows) + 1)
    ]


def _platform() -> alt.Color:
    return style.coloured("platform", PLATFORM_COLOURS, style.NUMBERS)
