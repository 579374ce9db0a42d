"""A CSV file of texts: judged row by row, shown, and given back."""

import hashlib
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from amazon_reviews.errors import InputFileError
from amazon_reviews.serving.charts import sentiment as charts
from amazon_reviews.serving.charts import style
from amazon_reviews.serving.dashboard.components import chart, compact, tiles
from amazon_reviews.serving.dashboard.models import sentiment_in_use
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.sentiment_csv import predict_csv

SHOWN_ROWS = 1_000
_FEWEST_PLACES = 2
_WORDS = 20


@dataclass(frozen=True)
class _Judged:
    """The file that is given back, its rows that were judged and refused, and their words."""

    csv: bytes
    judged: int
    refused: int
    labels: dict[str, int]
    words: pa.Table


def show(filters: Filters) -> None:
    """Take a file, judge it, and show what came out."""
    uploaded = st.file_uploader("CSV file with a column `text`", type="csv", key="sentiment_csv")
    if uploaded is None:
        return
    content = uploaded.getvalue()
    try:
        found = _judged_once(uploaded.name, content)
    except InputFileError as error:
        st.error(str(error), icon=":material/error:")
        return
    tiles({"Judged": compact(found.judged), "Refused": compact(found.refused)})
    st.download_button(
        "Download the rows with their labels",
        found.csv,
        f"judged_{uploaded.name}",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    rows = pa.table({"label": list(found.labels), "texts": list(found.labels.values())})
    chart("file_labels", charts.distribution, rows)
    if found.words.num_rows:
        title = "What makes these texts negative"
        build = partial(charts.words, title=title, colour=style.SENTIMENTS["negative"])
        chart("file_words", build, found.words)
    st.dataframe(_read(found.csv).slice(0, SHOWN_ROWS), hide_index=True)
    if found.judged + found.refused > SHOWN_ROWS:
        st.caption(f"The first {SHOWN_ROWS:,} rows; the download has all of them.")


def _judged_once(name: str, content: bytes) -> _Judged:
    """Kept for the session, so that a look at another tab does not judge the file again."""
    model = sentiment_in_use()
    key = (hashlib.sha256(content).digest(), model.stored.version)
    known = st.session_state.get("judged_file")
    if known is None or known[0] != key:
        st.session_state["judged_file"] = known = (key, _judge(name, content))
    found: _Judged = known[1]
    return found


def _judge(name: str, content: bytes) -> _Judged:
    from amazon_reviews.models.sentiment.examples import Examples
    from amazon_reviews.models.sentiment.explanation import strongest_words

    model, lines = sentiment_in_use().model, max(1, content.count(b"\n"))
    with tempfile.TemporaryDirectory() as folder, st.spinner("Judging"):
        source, out = Path(folder) / "file.csv", Path(folder) / "judged.csv"
        source.write_bytes(content)
        bar = st.progress(0.0)
        try:
            done = predict_csv(model, source, out, lambda rows: _advance(bar, rows / lines), name)
        finally:
            bar.empty()
        answer = out.read_bytes()
    rows = _read(answer)
    label, text = rows.column(done.label), rows.column(done.text)
    counts = pc.value_counts(label.drop_null()).to_pylist()
    labels = {found["values"]: found["counts"] for found in counts if found["values"]}
    negative = text.filter(pc.fill_null(pc.equal(label, "negative"), False))
    examples = Examples.from_arrow(pa.table({"review_text": negative}))
    found = strongest_words(model, examples, "binary", _WORDS, _FEWEST_PLACES, by="sum")
    strong = [
        {"words": word.words, "weight": word.weight, "places": word.count}
        for word in found
        if word.label == "negative"
    ]
    schema = pa.schema([("words", pa.string()), ("weight", pa.float64()), ("places", pa.int64())])
    words = pa.Table.from_pylist(strong, schema)
    return _Judged(answer, done.judged, done.refused, labels, words)


def _advance(bar: DeltaGenerator, part: float) -> None:
    bar.progress(min(1.0, part))


def _read(content: bytes) -> pa.Table:
    """The rows of a file that the program wrote, all as texts, under names that differ."""
    names = pa_csv.open_csv(pa.BufferReader(content)).schema.names
    options = pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    rows = pa_csv.read_csv(pa.BufferReader(content), parse_options=parse, convert_options=options)
    count = Counter(names)
    unlike = (f"{name} ({k})" if count[name] > 1 else name for k, name in enumerate(names, 1))
    return rows.rename_columns(list(unlike))
