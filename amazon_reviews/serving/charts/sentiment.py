"""Charts of the sentiment model: how good it is, and what it says."""

import altair as alt
import pyarrow as pa

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts import style
from amazon_reviews.serving.charts.style import AMOUNT, EXACT, MEAN, PART, SHARE, tips

_SIZE = 260
# Colours of its own, so that they are the same in the light and the dark theme.
_SHARES = alt.Scale(domain=[0, 1], range=["#E6F1FA", "#0B3C66"], interpolate="rgb")
_WHITE_TEXT_FROM = 0.662
"""Up to here black, and from here white has a contrast of at least 4.5 : 1 with the cell."""


def confusion(table: pa.Table) -> alt.LayerChart:
    """Actual against predicted classes of one task, as parts of the actual ones."""
    rows = table.to_pylist()
    actual: dict[str, int] = {}
    for row in rows:
        actual[row["actual"]] = actual.get(row["actual"], 0) + row["reviews"]
    shown = [row | {"part": row["reviews"] / max(1, actual[row["actual"]])} for row in rows]
    order = list(actual)
    cells = (
        style.base(shown, "Predicted classes by the stars' classes", alt.Step(48))
        .mark_rect()
        .encode(
            x=style.x_names("predicted", "predicted", order),
            y=alt.Y("actual", type="ordinal", title="by the stars", sort=order),
            color=alt.Color("part", type="quantitative", legend=None, scale=_SHARES),
            tooltip=tips(
                actual=("by the stars", None),
                predicted=("predicted", None),
                reviews=("reviews", EXACT),
                part=("part of the class", SHARE),
            ),
        )
    )
    labels = cells.mark_text().encode(
        text=alt.Text("part", type="quantitative", format=".0%"),
        color=alt.condition(
            alt.datum.part > _WHITE_TEXT_FROM, alt.value("white"), alt.value("black")
        ),
    )
    return style.layered("Predicted classes by the stars' classes", cells, labels)


def calibration(table: pa.Table) -> alt.LayerChart:
    """How often answers of a confidence are right; on the diagonal it says what it knows."""
    scale = alt.Scale(domain=[0, 1])
    points = (
        style.base(table.to_pylist(), "Confidence and how often it is right", _SIZE)
        .mark_line(point=True, color=style.BLUE)
        .encode(
            x=style.x_amount("confidence", "probability given", PART, scale=scale),
            y=style.y_amount("accuracy", "part that is right", PART, scale=scale),
            tooltip=tips(
                confidence=("probability given", SHARE),
                accuracy=("right", SHARE),
                reviews=("reviews", EXACT),
            ),
        )
    )
    ends = alt.InlineData(values=[{"at": 0.0}, {"at": 1.0}])
    diagonal = (
        alt.Chart(ends)
        .mark_line(strokeDash=[4, 4], color=style.GREY)
        .encode(x=alt.X("at", type="quantitative"), y=alt.Y("at", type="quantitative"))
    )
    return style.layered("Confidence and how often it is right", points, diagonal)


def judged(table: pa.Table, name: str, title: str) -> alt.Chart:
    """What the texts of each category, brand or product say, as parts of its reviews."""
    rows = [
        {**row, "label": row[name] or UNKNOWN, "rated": row["reviews"]} for row in table.to_pylist()
    ]
    bars = style.by_sentiment(rows)
    return (
        style.base(bars, title, alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("reviews", "part of the reviews", PART, stack="normalize"),
            y=style.y_names("label"),
            color=style.coloured("sentiment", style.SENTIMENTS),
            order=alt.Order("order", type="quantitative"),
            tooltip=tips(
                label=("", None),
                sentiment=("text", None),
                reviews=("reviews", EXACT),
                share=("part", SHARE),
            ),
        )
    )


def years(table: pa.Table) -> alt.Chart:
    """Mean of the stars that the texts make probable, by year and source."""
    return (
        style.base(table.to_pylist(), "Stars that the texts make probable")
        .mark_line(point=True)
        .encode(
            x=style.x_names("year", None),
            y=style.y_amount("expected_stars", "expected stars", AMOUNT, scale=style.STARS),
            color=style.coloured("source", {"batch": style.BLUE, "stream": style.VERMILLION}),
            tooltip=tips(
                year=("year", None),
                source=("source", None),
                expected_stars=("expected stars", MEAN),
                mean_stars=("mean stars", MEAN),
                reviews=("reviews", EXACT),
            ),
        )
    )


def distribution(table: pa.Table) -> alt.Chart:
    """How many texts are of each class."""
    return (
        style.base(table.to_pylist(), "What the texts say", alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("texts", "texts"),
            y=style.y_names("label"),
            color=style.coloured("label", style.SENTIMENTS),
            tooltip=tips(label=("", None), texts=("texts", EXACT)),
        )
    )


def reasons(table: pa.Table, label: str) -> alt.Chart:
    """The words of a text that speak for its label, and those that speak against it."""
    colours = {f"for {label}": style.SENTIMENTS[label], "against": style.GREY}
    rows = [
        row | {"speaks": f"for {label}" if row["log_odds"] > 0 else "against"}
        for row in table.to_pylist()
    ]
    return (
        style.base(rows, "The words that decided", alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("log_odds", "log-odds that the words add", AMOUNT),
            y=style.y_names("words"),
            color=style.coloured("speaks", colours),
            tooltip=tips(words=("", None), log_odds=("log-odds", MEAN)),
        )
    )


def words(table: pa.Table, title: str, colour: str) -> alt.Chart:
    """Words by what they add up to: log-odds times places."""
    rows = [row | {"adds": row["weight"] * row["places"]} for row in table.to_pylist()]
    tooltip = tips(
        words=("", None),
        adds=("adds in all", ",.0f"),
        weight=("each", ".2f"),
        places=("places", EXACT),
    )
    return style.ranking(
        rows, title, "words", ("adds", "log-odds in all places", AMOUNT), tooltip, colour
    )
