"""The tab of a CSV file of texts: it is labelled row by row, shown, and offered to download."""

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
from amazon_reviews.serving.dashboard.models import sentiment_model
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.sentiment_csv import predict_csv
from amazon_reviews.shown_text import markdown_text

VISIBLE_ROWS = 1_000
_FEWEST_PLACES = 2
_WORDS = 20


@dataclass(frozen=True)
class _Labelled:
    """The labelled file, its numbers of labelled and rejected rows, labels and words."""

    csv: bytes
    labelled: int
    rejected: int
    labels: dict[str, int]
    words: pa.Table


def show(filters: Filters) -> None:
    """Show the upload of a file, and the labels of its rows."""
    uploaded = st.file_uploader("CSV file with a column `text`", type="csv", key="sentiment_csv")
    if uploaded is None:
        return
    content = uploaded.getvalue()
    try:
        labelled = _label_once(uploaded.name, content)
    except InputFileError as error:
        st.error(markdown_text(error), icon=":material/error:")
        return
    tiles({"Labelled": compact(labelled.labelled), "Rejected": compact(labelled.rejected)})
    st.download_button(
        "Download the rows with their labels",
        labelled.csv,
        f"labelled_{uploaded.name}",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    labels = labelled.labels
    rows = pa.table({"label": list(labels), "texts": list(labels.values())})
    chart("file_labels", charts.distribution, rows)
    if labelled.words.num_rows:
        title = "Words of the negative texts"
        build = partial(charts.words, title=title, colour=style.SENTIMENTS["negative"])
        chart("file_words", build, labelled.words)
    st.dataframe(style.visible(_read(labelled.csv).slice(0, VISIBLE_ROWS)), hide_index=True)
    if labelled.labelled + labelled.rejected > VISIBLE_ROWS:
        st.caption(f"The first {VISIBLE_ROWS:,} rows; the download has all rows.")


def _label_once(name: str, content: bytes) -> _Labelled:
    """Return the labelled file from the session, so that opening a tab does not label it again."""
    model = sentiment_model()
    key = (hashlib.sha256(content).digest(), model.stored.version)
    last_key, labelled = st.session_state.get("labelled_file", (None, None))
    if labelled is None or last_key != key:
        labelled = _label(name, content)
        st.session_state["labelled_file"] = key, labelled
    return labelled


def _label(name: str, content: bytes) -> _Labelled:
    # Here because they load scikit-learn, which takes seconds: see model_cache.
    from amazon_reviews.models.sentiment.examples import Examples
    from amazon_reviews.models.sentiment.explanation import strongest_words

    model, lines = sentiment_model().model, max(1, content.count(b"\n"))
    with tempfile.TemporaryDirectory() as folder, st.spinner("Labelling"):
        source, out = Path(folder) / "file.csv", Path(folder) / "labelled.csv"
        source.write_bytes(content)
        bar = st.progress(0.0)
        try:
            done = predict_csv(model, source, out, lambda rows: _advance(bar, rows / lines), name)
        finally:
            bar.empty()
        csv = out.read_bytes()
    rows = _read(csv)
    label, text = rows.column(done.label), rows.column(done.text)
    counts = pc.value_counts(label.drop_null()).to_pylist()
    labels = {each["values"]: each["counts"] for each in counts if each["values"]}
    negative = text.filter(pc.fill_null(pc.equal(label, "negative"), False))
    examples = Examples.from_arrow(pa.table({"review_text": negative}))
    strongest = strongest_words(model, examples, "binary", _WORDS, _FEWEST_PLACES, by="sum")
    negative_words = [
        {"words": word.words, "weight": word.weight, "places": word.count}
        for word in strongest
        if word.label == "negative"
    ]
    schema = pa.schema([("words", pa.string()), ("weight", pa.float64()), ("places", pa.int64())])
    words = pa.Table.from_pylist(negative_words, schema)
    return _Labelled(csv, done.labelled, done.rejected, labels, words)


def _advance(bar: DeltaGenerator, part: float) -> None:
    bar.progress(min(1.0, part))


def _read(content: bytes) -> pa.Table:
    """Return the rows of a labelled file, all as texts, with unique column names."""
    names = pa_csv.open_csv(pa.BufferReader(content)).schema.names
    options = pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    rows = pa_csv.read_csv(pa.BufferReader(content), parse_options=parse, convert_options=options)
    count = Counter(names)
    unique = (f"{name} ({k})" if count[name] > 1 else name for k, name in enumerate(names, 1))
    return rows.rename_columns(list(unique))
