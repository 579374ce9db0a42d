"""Charts of the sentiment model: its evaluation, and its predictions."""

from typing import Any

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.schemas.vocabulary import NEGATIVE, UNKNOWN
from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.style import AMOUNT, EXACT, MEAN, PART, SHARE, tips
from amazon_reviews.serving.charts.timeline import every_year, years_axis
from amazon_reviews.serving.charts.wording import Heading
from amazon_reviews.serving.shown_numbers import percent

_SIZE = 260
_SOURCES = {"batch": style.BLUE, "stream": style.VERMILLION}
# Fixed colours, because those of Streamlit's dark theme would be the reverse of the light one's.
_SHARES = alt.Scale(domain=[0, 1], range=["#E6F1FA", "#0B3C66"], interpolate="rgb")
_WHITE_TEXT_FROM = 0.662
"""Up to here black, and from here white has a contrast of at least 4.5 : 1 with the cell."""


def confusion(table: pa.Table) -> alt.LayerChart:
    """Chart actual against predicted classes of one task, as shares of the actual classes."""
    rows = table.to_pylist()
    actual: dict[str, int] = {}
    for row in rows:
        actual[row["actual"]] = actual.get(row["actual"], 0) + row["reviews"]
    shares = [row | {"part": row["reviews"] / max(1, actual[row["actual"]])} for row in rows]
    order = list(actual)
    heading = Heading(
        "Predicted classes by the stars' classes",
        _recall(rows, actual),
        "each row: 100 % of the reviews with these stars",
    )
    cells = (
        style.base(shares, heading, alt.Step(48))
        .mark_rect()
        .encode(
            x=style.x_names("predicted", "predicted", order),
            y=alt.Y("actual", type="ordinal", title="by the stars", sort=order),
            color=alt.Color("part", type="quantitative", legend=None, scale=_SHARES),
            tooltip=tips(
                actual=("by the stars", None),
                predicted=("predicted", None),
                reviews=("reviews", EXACT),
                part=("share of the class", SHARE),
            ),
        )
    )
    labels = cells.mark_text().encode(
        text=alt.Text("part", type="quantitative", format=".0%"),
        color=alt.condition(
            alt.datum.part > _WHITE_TEXT_FROM, alt.value("white"), alt.value("black")
        ),
    )
    return style.layered(heading.name, cells, labels)


def _recall(rows: list[dict[str, Any]], actual: dict[str, int]) -> str:
    """Return the title with the share of the negative reviews that the model finds."""
    found = sum(r["reviews"] for r in rows if r["actual"] == r["predicted"] == NEGATIVE)
    if not actual.get(NEGATIVE):
        return "Which classes does the model confuse?"
    return f"The model finds {percent(found / actual[NEGATIVE])} of the negative reviews"


def calibration(table: pa.Table) -> alt.LayerChart:
    """Chart the accuracy per predicted probability; a calibrated model is on the diagonal."""
    scale = alt.Scale(domain=[0, 1])
    heading = Heading(
        "Predicted probability and accuracy",
        "How far can the probabilities be trusted?",
        "on the dashed line they are exactly right",
    )
    points = (
        style.base(table.to_pylist(), heading, _SIZE)
        .mark_line(point=True, color=style.BLUE)
        .encode(
            x=style.x_amount("confidence", "predicted probability", PART, scale=scale),
            y=style.y_amount("accuracy", "share that is right", PART, scale=scale),
            tooltip=tips(
                confidence=("predicted probability", SHARE),
                accuracy=("accuracy", SHARE),
                reviews=("reviews", EXACT),
            ),
        )
    )
    ends = alt.InlineData(values=[{"value": 0.0}, {"value": 1.0}])
    diagonal = (
        alt.Chart(ends)
        .mark_line(strokeDash=[4, 4], color=style.GREY)
        .encode(x=alt.X("value", type="quantitative"), y=alt.Y("value", type="quantitative"))
    )
    return style.layered(heading.name, points, diagonal)


def shares(table: pa.Table, name: str, title: str) -> style.AnyChart:
    """Chart the predicted sentiments of each category or brand, as shares of its reviews."""
    rows = [
        {**row, "label": row[name] or UNKNOWN, "rated": row["reviews"]} for row in table.to_pylist()
    ]
    bars = (
        style.base(kinds.by_sentiment(rows), Heading(title), alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("reviews", "share of the reviews", PART, stack="normalize"),
            y=style.y_names("label"),
            color=style.coloured("sentiment", style.SENTIMENTS),
            order=alt.Order("order", type="quantitative"),
            tooltip=tips(
                label=("", None),
                sentiment=("text", None),
                reviews=("reviews", EXACT),
                share=("share", SHARE),
            ),
        )
    )
    return style.clickable(bars, name, area=False)


def years(table: pa.Table) -> alt.Chart:
    """Chart the mean of the stars that are expected from the texts, by year and source."""
    rows = [
        {"source": source, **row}
        for source in dict.fromkeys(table["source"].to_pylist())
        for row in every_year(table.filter(pc.equal(table["source"], source)).to_pylist())
    ]
    title = "Do the texts get better or worse?"
    heading = Heading("Stars expected from the texts", title, "the stars that the texts suggest")
    scale = style.stars_scale(row.get("expected_stars") for row in rows)
    return (
        style.base(rows, heading)
        .mark_line(point=True)
        .encode(
            x=years_axis(rows),
            y=style.y_amount("expected_stars", "mean stars by the texts", AMOUNT, scale=scale),
            color=style.coloured("source", _SOURCES, style.NUMBERS),
            tooltip=tips(
                year=("year", None),
                source=("source", None),
                expected_stars=("expected stars", MEAN),
                mean_stars=("mean stars", MEAN),
                reviews=("reviews", EXACT),
            ),
        )
    )


def distribution(table: pa.Table, title: str) -> alt.Chart:
    """Chart the number of texts by name: their sentiment, or their stars."""
    return (
        style.base(table.to_pylist(), Heading(title), alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("texts", "texts"),
            y=style.y_names("name"),
            color=style.coloured("sentiment", style.SENTIMENTS),
            tooltip=tips(name=("", None), texts=("texts", EXACT)),
        )
    )


def star_probabilities(table: pa.Table) -> alt.Chart:
    """Chart the probability of each number of stars of one text."""
    heading = Heading("Probability of the stars", "How many stars would go with this text?")
    return (
        style.base(table.to_pylist(), heading, alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("probability", "probability", PART, scale=alt.Scale(domain=[0, 1])),
            y=style.y_names("stars"),
            color=style.coloured("sentiment", style.SENTIMENTS),
            tooltip=tips(stars=("", None), probability=("probability", SHARE)),
        )
    )


def reasons(table: pa.Table, label: str) -> alt.Chart:
    """Chart the start and the words of a text: what speaks for its label, and what against it."""
    colours = {f"for {label}": style.SENTIMENTS[label], "against": style.GREY}
    rows = [
        row | {"speaks": f"for {label}" if row["log_odds"] > 0 else "against"}
        for row in table.to_pylist()
    ]
    heading = Heading(f"What makes the text {label} or not", f"Why {label}?")
    return (
        style.base(rows, heading, alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("log_odds", f"weight towards {label}", AMOUNT),
            y=style.y_names("words"),
            color=style.coloured("speaks", colours),
            tooltip=tips(words=("", None), log_odds=("weight", MEAN)),
        )
    )


def words(table: pa.Table, title: str, colour: str) -> alt.Chart:
    """Chart words by their weight, in log-odds, times their number of places."""
    rows = [row | {"total": row["weight"] * row["places"]} for row in table.to_pylist()]
    sides = {kind: name for name, kind in style.SENTIMENTS.items()}
    heading = Heading(title, remark=f"the {len(rows)} with most weight in all reviews together")
    tooltip = tips(
        words=("", None),
        total=("weight in all reviews", ",.0f"),
        weight=("weight each time", ".2f"),
        places=("times used", EXACT),
    )
    value = ("total", f"weight towards {sides[colour]}", AMOUNT)
    return kinds.ranking(rows, heading, "words", value, tooltip, colour)
