"""Charts of the customers who write the reviews."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pyarrow as pa

from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.style import AMOUNT, COUNT, EXACT, MEAN, PART, SHARE, tips
from amazon_reviews.serving.charts.wording import Heading


def summaries(table: pa.Table, most: int = 20) -> alt.Chart:
    """Chart the most used summaries."""
    tooltip = tips(
        summary=("summary", None),
        reviews=("reviews", EXACT),
        share=("share of all reviews", SHARE),
        mean_stars=("mean stars", MEAN),
    )
    value = ("reviews", "reviews", COUNT)
    rows = table.slice(0, most).to_pylist()
    heading = Heading("Most used summaries", "Which summaries are used most?", _first(rows))
    return kinds.ranking(rows, heading, "summary", value, tooltip)


def phrases(table: pa.Table, most: int = 20) -> alt.Chart:
    """Chart the customers who repeat one summary most often."""
    rows = [
        row | {"phrase": f"no. {row['place']}: {row['summary']}"}
        for row in table.slice(0, most).to_pylist()
    ]
    tooltip = tips(
        summary=("summary", None), place=("customer no.", EXACT), uses=("reviews", EXACT)
    )
    value = ("uses", "reviews with this summary", COUNT)
    title = "Which customers repeat one summary?"
    heading = Heading("Phrases that customers repeat", title, _first(rows))
    return kinds.ranking(rows, heading, "phrase", value, tooltip)


def reviewer_names(table: pa.Table, most: int = 20) -> alt.Chart:
    """Chart the names with most reviews, as shares of all reviews."""
    tooltip = tips(
        reviewer_name=("name", None), reviews=("reviews", EXACT), share=("share of all", ".2%")
    )
    value = ("share", "share of all reviews", PART)
    rows = table.slice(0, most).to_pylist()
    title = "Which names write most reviews?"
    heading = Heading("Names with most reviews", title, _first(rows))
    return kinds.ranking(rows, heading, "reviewer_name", value, tooltip)


def helpful_votes(table: pa.Table) -> alt.Chart:
    """Chart the mean helpful votes per stars, in two ways.

    One mean is of the reviews with votes, the other of all reviews, missing votes counted as one.
    """
    kinds = {
        "mean_votes": "of reviews with votes",
        "mean_votes_missing_as_one": "missing counts as one",
    }
    rows = [
        row | {"label": _stars(row["stars"]), "kind": kind, "mean": row[column]}
        for row in table.to_pylist()
        for column, kind in kinds.items()
    ]
    colours = dict(zip(kinds.values(), (style.BLUE, style.GREY), strict=True))
    return (
        style.base(
            rows, Heading("Helpful votes per stars", "Which reviews do readers find helpful?")
        )
        .mark_bar()
        .encode(
            x=style.x_names("label", "stars", list(dict.fromkeys(row["label"] for row in rows))),
            xOffset=alt.XOffset("kind", type="nominal", sort=list(kinds.values())),
            y=style.y_amount("mean", "mean helpful votes", AMOUNT),
            color=style.coloured("kind", colours, style.NUMBERS),
            tooltip=tips(
                label=("stars", None),
                kind=("mean", None),
                mean=("votes", MEAN),
                voted=("reviews with votes", EXACT),
                reviews=("reviews", EXACT),
            ),
        )
    )


def _first(rows: Sequence[Mapping[str, Any]]) -> str:
    return f"the {len(rows)} with most"


def _stars(stars: float | None) -> str:
    return "unrated" if stars is None else f"{stars:g} ★"
