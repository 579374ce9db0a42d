"""Data quality & pipeline: reconciliation, rejected lines, missing values, freshness, runs."""

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from amazon_reviews.serving.charts import pipeline as charts
from amazon_reviews.serving.dashboard.components import chart, compact, sections, table, tiles
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import pipeline
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.shown_text import visible_text


def show() -> None:
    """Show the tabs of the page."""
    tabs = {
        "Reconciliation": _reconciliation,
        "Rejected lines": _rejected,
        "Missing values": _missing,
        "Freshness": _freshness,
        "Runs": _runs,
    }
    sections("quality", {name: (content, ()) for name, content in tabs.items()})


def _reconciliation(filters: Filters) -> None:
    rows = read(pipeline.reconciliation)
    unbalanced = pc.sum(pc.invert(rows["balanced"])).as_py() or 0
    tiles({"Partitions": compact(rows.num_rows), "Not balanced": compact(unbalanced)})
    layers = list(dict.fromkeys(rows["layer"].to_pylist()))
    layer = st.selectbox("Layer", layers, index=max(len(layers) - 1, 0) if layers else None)
    of_layer = _only(rows, "layer", layer)
    if text := most_duplicates(of_layer):
        st.info(text, icon=":material/content_copy:")
    chart("reconciliation", charts.reconciliation, of_layer)
    st.caption("A partition of a table is balanced if lines = kept + duplicates + rejected.")
    table("pipeline_reconciliation", rows)


def most_duplicates(rows: pa.Table) -> str:
    """Return a sentence on the partition with the largest share of duplicates; '' without any."""
    partitions = [row for row in rows.to_pylist() if row["duplicates"]]
    if not partitions:
        return ""
    row = max(partitions, key=lambda row: row["duplicate_share"])
    return (
        f"Largest share of duplicates: {row['duplicate_share']:.1%} of the lines of "
        f"{row['table']} `{visible_text(row['partition'])}` ({row['duplicates']:,} of "
        f"{row['lines']:,})."
    )


def _rejected(filters: Filters) -> None:
    rows = read(pipeline.rejected)
    if not rows.num_rows:
        st.success("No line was rejected.", icon=":material/check:")
        return
    chart("rejected", charts.rejected, rows)
    table("rejected_lines", rows)


def _missing(filters: Filters) -> None:
    rows = read(pipeline.source_columns)
    for name in sorted(set(rows["table"].to_pylist())):
        chart(f"missing_{name}", charts.missing, _only(rows, "table", name))
    st.caption(
        "Values that are absent, null or empty in the source. A column beyond the dashed line at "
        "70 % counts as mostly missing."
    )
    table("source_columns", rows)


def _freshness(filters: Filters) -> None:
    rows = read(pipeline.freshness)
    chart("freshness", charts.freshness, rows)
    table("batch_and_stream", rows)
    stream = read(pipeline.stream)
    if not stream.num_rows:
        st.info("No stream has been read yet.", icon=":material/info:")
        return
    events, lost, waiting = (
        pc.sum(stream[name]).as_py() for name in ("events", "lost", "lag_events")
    )
    newest, lag = (pc.max(stream[name]).as_py() for name in ("newest_event_at", "lag_seconds"))
    tiles(
        {
            "Events": compact(events),
            "Lost": compact(lost),
            "Waiting in the hub": compact(waiting),
            "Lag in seconds": compact(lag),
        }
    )
    if newest:
        st.caption(
            f"The newest event that was read reached the hub on {newest:%d %B %Y at %H:%M} UTC."
        )
    table("stream_partitions", stream)


def _runs(filters: Filters) -> None:
    rows = read(pipeline.runs)
    chart("runs", charts.runs, rows)
    first = ["status", "job", "seconds"]
    table("last_runs", rows.select(first + [n for n in rows.column_names if n not in first]))


def _only(rows: pa.Table, column: str, value: str | None) -> pa.Table:
    return rows.filter(pc.equal(rows[column], pa.scalar(value, pa.string())))
