"""Charts of the pipeline: reconciliation, rejected lines, missing values, freshness and runs."""

from typing import Any

import altair as alt
import pyarrow as pa

from amazon_reviews.schemas.vocabulary import MOSTLY_MISSING
from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.style import AMOUNT, EXACT, PART, SHARE, tips
from amazon_reviews.serving.charts.wording import Heading
from amazon_reviews.serving.shown_numbers import percent

_UTC = alt.Scale(type="utc")
_DAY_MILLISECONDS = 86_400_000
_OUTCOMES = {"kept": style.BLUE, "duplicates": style.GREY, "rejected": style.VERMILLION}


def reconciliation(table: pa.Table) -> alt.Chart:
    """Chart the shares of kept, duplicate and rejected lines of every partition of a table."""
    rows = [
        row
        | {
            "name": f"{row['table']} {row['partition']}",
            "outcome": name,
            "part": row[name],
            "share": row[name] / row["lines"],
        }
        for row in table.to_pylist()
        if row["lines"]
        for name in _OUTCOMES
    ]
    parts = {name: sum(row[name] for row in table.to_pylist()) for name in _OUTCOMES}
    lines, title = sum(parts.values()), ""
    if lines:
        title = f"{percent(parts['kept'] / lines)} of {lines:,} lines were kept"
    return (
        style.base(rows, Heading("Reconciliation of the lines", title), alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("share", "share of the lines of the partition", PART),
            y=style.y_names("name"),
            color=style.coloured("outcome", _OUTCOMES),
            tooltip=tips(
                name=("partition", None),
                outcome=("outcome", None),
                share=("share", SHARE),
                part=("lines", EXACT),
                lines=("of", EXACT),
            ),
        )
    )


def rejected(table: pa.Table) -> alt.Chart:
    """Chart the rejected lines by reason and table."""
    names = dict.fromkeys(table["table"].to_pylist())
    title = f"Lines that were rejected: {sum(table['lines'].to_pylist()):,}"
    heading = Heading("Rejected lines by reason", title)
    return (
        style.base(table.to_pylist(), heading, alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("lines", "rejected lines", aggregate="sum"),
            y=style.y_names("reason"),
            color=style.coloured("table", dict(zip(names, style.SERIES, strict=False))),
            tooltip=[
                *tips(reason=("reason", None), table=("table", None)),
                alt.Tooltip("lines", type="quantitative", aggregate="sum", format=EXACT),
            ],
        )
    )


def missing(table: pa.Table) -> alt.LayerChart:
    """Chart the missing share of the columns of one dataset, with the 70 % line."""
    tooltip = tips(
        column=("column", None),
        missing_share=("missing", SHARE),
        missing=("lines without it", EXACT),
        lines=("of", EXACT),
    )
    (name,) = table["table"].unique().to_pylist() or [""]
    empty = table["mostly_missing"].to_pylist().count(True)
    heading = Heading(
        f"Missing values in {name}" if name else "Missing values",
        f"{empty} of {table.num_rows} columns of {name} are mostly empty",
        f"beyond the dashed line, at {MOSTLY_MISSING:.0%}",
    )
    bars = kinds.ranking(
        table.to_pylist(),
        heading,
        "column",
        ("missing_share", "share of the lines", PART),
        tooltip,
    ).encode(
        color=alt.condition(
            alt.datum.mostly_missing, alt.value(style.VERMILLION), alt.value(style.BLUE)
        )
    )
    line = alt.Chart().mark_rule(strokeDash=[4, 4], color=style.GREY)
    return style.layered(heading.name, bars, line.encode(x=alt.datum(MOSTLY_MISSING)))


def freshness(table: pa.Table) -> alt.Chart:
    """Chart the days from the first to the newest review, per source."""
    rows = _with_texts(table, "first_on", "last_on", "newest_event_at")
    return (
        style.base(rows, Heading("Days of the reviews", "How new are the reviews?"), alt.Step(34))
        .mark_bar(color=style.BLUE, minBandSize=4)
        .encode(
            x=alt.X(
                "first_on",
                type="temporal",
                title="day of the review",
                scale=_UTC,
                axis=alt.Axis(
                    format="%d %b %Y", tickCount=5, tickMinStep=_DAY_MILLISECONDS, labelOverlap=True
                ),
            ),
            x2="last_on:T",
            y=style.y_names("source"),
            tooltip=tips(
                source=("source", None),
                reviews=("reviews", EXACT),
                first_on=("first", None),
                last_on=("newest", None),
            ),
        )
    )


def runs(table: pa.Table) -> alt.Chart:
    """Chart the seconds of the newest runs, by their status."""
    rows = _with_texts(table, "started_at", "ended_at")
    colours = {"SUCCESS": style.BLUE, "FAILURE": style.VERMILLION, "CANCELED": style.GREY}
    others = {row["status"]: style.GREEN for row in rows if row["status"] not in colours}
    failed = sum(row["status"] == "FAILURE" for row in rows)
    heading = Heading("Newest runs", f"{failed} of the newest {len(rows)} runs failed")
    return (
        style.base(rows, heading)
        .mark_circle(size=80)
        .encode(
            x=alt.X("started_at", type="temporal", title="start (UTC)", scale=_UTC),
            y=style.y_amount("seconds", "seconds", AMOUNT),
            color=style.coloured("status", colours | others, style.NUMBERS),
            tooltip=tips(
                job=("job", None),
                assets=("assets", None),
                status=("status", None),
                seconds=("seconds", ".1f"),
            ),
        )
    )


def _with_texts(table: pa.Table, *instants: str) -> list[dict[str, Any]]:
    """Return the rows with days and instants as ISO text."""
    return [
        row | {name: row[name] and row[name].isoformat() for name in instants}
        for row in table.to_pylist()
    ]
