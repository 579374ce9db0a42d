"""Data quality & pipeline: what came in, what was refused, how fresh it is."""

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from amazon_reviews.serving.charts import pipeline as charts
from amazon_reviews.serving.dashboard.components import chart, compact, note, sections, table, tiles
from amazon_reviews.serving.dashboard.warehouse import ask
from amazon_reviews.serving.queries import pipeline
from amazon_reviews.serving.queries.filters import Filters


def show(filters: Filters) -> None:
    """One tab per question."""
    note(filters)
    contents = {
        "Books": _books,
        "Refused lines": _rejected,
        "Missing values": _missing,
        "Freshness": _freshness,
        "Runs": _runs,
    }
    sections("quality", contents, filters)


def _books(filters: Filters) -> None:
    rows = ask(pipeline.books)
    off = pc.sum(pc.invert(rows["balanced"])).as_py() or 0
    tiles({"Accounts": compact(rows.num_rows), "Not balanced": compact(off)})
    layers = list(dict.fromkeys(rows["layer"].to_pylist()))
    layer = st.selectbox("Layer", layers, index=max(len(layers) - 1, 0) if layers else None)
    chart("books", charts.books, _only(rows, "layer", layer))
    st.caption("lines = kept + duplicates + rejected, for every partition of every table.")
    table("pipeline_reconciliation", rows)


def _rejected(filters: Filters) -> None:
    rows = ask(pipeline.rejected)
    if not rows.num_rows:
        st.success("No line was refused.", icon=":material/check:")
        return
    chart("rejected", charts.rejected, rows)
    table("rejected_lines", rows)


def _missing(filters: Filters) -> None:
    rows = ask(pipeline.source_columns)
    for name in sorted(set(rows["table"].to_pylist())):
        chart(f"missing_{name}", charts.missing, _only(rows, "table", name))
    st.caption(
        "Absent, null or empty in the source. Beyond the dashed line at 70 % a column is "
        "called mostly missing."
    )
    table("source_columns", rows)


def _freshness(filters: Filters) -> None:
    rows = ask(pipeline.freshness)
    chart("freshness", charts.freshness, rows)
    table("batch_and_stream", rows)
    stream = ask(pipeline.stream)
    if not stream.num_rows:
        st.info("No stream was read yet.", icon=":material/info:")
        return
    events, lost, waiting = (
        pc.sum(stream[name]).as_py() for name in ("events", "lost", "lag_events")
    )
    newest, oldest = (pc.max(stream[name]).as_py() for name in ("newest_event_at", "lag_seconds"))
    tiles(
        {
            "Events": compact(events),
            "Lost": compact(lost),
            "Waiting in the hub": compact(waiting),
            "Lag in seconds": compact(oldest),
        }
    )
    if newest:
        st.caption(f"The hub got the newest event that was read on {newest:%d %B %Y at %H:%M} UTC.")
    table("stream_partitions", stream)


def _runs(filters: Filters) -> None:
    rows = ask(pipeline.runs)
    chart("runs", charts.runs, rows)
    first = ["status", "job", "seconds"]
    table("last_runs", rows.select(first + [n for n in rows.column_names if n not in first]))


def _only(rows: pa.Table, column: str, value: str | None) -> pa.Table:
    return rows.filter(pc.equal(rows[column], pa.scalar(value, pa.string())))
