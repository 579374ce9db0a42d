"""Charts of the reviews over time: years, months and seasons."""

from typing import Any

import altair as alt
import pyarrow as pa

from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.kinds import RATED
from amazon_reviews.serving.charts.style import AMOUNT, COUNT, EXACT, MEAN, tips
from amazon_reviews.serving.charts.timeline import (
    MONTHS,
    every_month,
    every_year,
    mark_partial,
    years_axis,
)
from amazon_reviews.serving.charts.wording import Heading, leader

_ALL_YEARS = "all years added up, partial years too"
_MONTHS = style.x_names("label", "month", style.MONTHS)


def reviews_per_year(table: pa.Table) -> style.AnyChart:
    """Chart the reviews per year, without reviews that have no date."""
    rows, value = every_year(table.to_pylist()), ("reviews", "reviews", COUNT)
    heading = Heading("Reviews per year", leader(rows, "label", "reviews", "year"))
    chart = kinds.columns(rows, heading, years_axis(rows), value, RATED)
    return mark_partial(chart, rows, chart.encoding, RATED, alt.MarkDef("bar"))


def mean_per_year(table: pa.Table) -> style.AnyChart:
    """Chart the mean stars per year."""
    rows = every_year(table.to_pylist())
    heading = Heading("Mean stars per year", "Do the stars get better or worse?")
    chart = kinds.mean_line(rows, heading, years_axis(rows), RATED)
    return mark_partial(chart, rows, chart.layer[0].encoding, RATED)


def sentiment_per_year(table: pa.Table) -> alt.Chart:
    """Chart the shares of the sentiments per year."""
    rows = every_year(table.to_pylist())
    heading = Heading("Sentiment per year", "How many reviews are negative each year?")
    return kinds.sentiment_shares(kinds.by_sentiment(rows), heading, years_axis(rows))


def reviews_per_month(table: pa.Table) -> alt.Chart:
    """Chart the reviews per month of the year, over all years."""
    value = ("reviews", "reviews", COUNT)
    title = "In which months do customers write?"
    heading = Heading("Reviews per month of the year", title, _ALL_YEARS)
    return kinds.columns(_months(table), heading, _MONTHS, value, RATED)


def mean_per_month(table: pa.Table) -> alt.LayerChart:
    """Chart the mean stars per month of the year, over all years."""
    title = "Do the stars depend on the season?"
    heading = Heading("Mean stars per month of the year", title, _ALL_YEARS)
    return kinds.mean_line(_months(table), heading, _MONTHS, RATED)


def seasonality(table: pa.Table) -> alt.LayerChart:
    """Chart the seasonal index per month with its interval: 1 is the mean month of a year."""
    rows, index = _months(table), ("seasonal_index", "times the mean month", AMOUNT)
    tooltip = [
        *RATED[:2],
        *tips(
            seasonal_index=("seasonal index", MEAN),
            low=("from", MEAN),
            high=("to", MEAN),
            whole_years=("whole years", EXACT),
        ),
    ]
    heading = Heading(
        "Seasonality",
        "Which months have more reviews than usual?",
        "whole years only; 1 is the mean; 95 % intervals",
    )
    scale = alt.Scale(zero=False)
    points = (
        style.base(rows, heading)
        .mark_point(filled=True, size=80, opacity=1, color=style.BLUE)
        .encode(x=_MONTHS, y=style.y_amount(*index, scale=scale), tooltip=tooltip)
    )
    rule = alt.Chart().mark_rule(strokeDash=[4, 4], color=style.GREY).encode(y=alt.datum(1))
    known = alt.InlineData(values=[row for row in rows if row["low"] is not None])
    intervals = (
        alt.Chart(known)
        .mark_rule(strokeWidth=3, color=style.VERMILLION)
        .encode(
            x=_MONTHS,
            y=style.y_amount("low", *index[1:], scale=scale),
            y2="high:Q",
            tooltip=tooltip,
        )
    )
    return style.layered(heading.name, rule, intervals, points)


def reviews_over_time(table: pa.Table) -> style.AnyChart:
    """Chart the reviews per year and month."""
    rows = every_month(table.to_pylist())
    chart = (
        style.base(rows, Heading("Reviews per month", "When were the reviews written?"))
        .mark_area(color=style.BLUE, opacity=0.75, line={"color": style.BLUE})
        .encode(x=MONTHS, y=style.y_amount("reviews", "reviews of the month"), tooltip=RATED)
    )
    return mark_partial(chart, rows, chart.encoding, RATED)


def mean_over_time(table: pa.Table) -> style.AnyChart:
    """Chart the mean stars per year and month."""
    rows = every_month(table.to_pylist())
    heading = Heading("Mean stars per month", "When did the stars rise or fall?")
    chart = kinds.mean_line(rows, heading, MONTHS, RATED)
    return mark_partial(chart, rows, chart.layer[0].encoding, RATED)


def _months(table: pa.Table) -> list[dict[str, Any]]:
    return [row | {"label": style.MONTHS[row["month"] - 1]} for row in table.to_pylist()]
