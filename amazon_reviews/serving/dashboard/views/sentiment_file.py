"""The tab of a CSV file of texts: it is labelled row by row, shown, and offered to download."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from amazon_reviews.errors import InputFileError
from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews.schemas.vocabulary import NEGATIVE
from amazon_reviews.serving.charts import sentiment as charts
from amazon_reviews.serving.charts import style
from amazon_reviews.serving.dashboard.components import chart, compact, tiles
from amazon_reviews.serving.dashboard.models import sentiment_model
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.sentiment_csv import predict_csv
from amazon_reviews.shown_text import markdown_text

VISIBLE_ROWS = 1_000
EXAMPLE = (
    "example.csv",
    b"""id,text
1,"Great value, and it works very well."
2,"Love it, my kids use it every day."
3,"It is ok I guess."
4,"Does what it should, but the cable is short."
5,"Not good at all, it broke after a week."
6,"Waste of money. I want a refund."
7,"Arrived on time and fits perfectly."
8,12345
""",
)
_THREE = TASKS["three"]
_FEWEST_PLACES = 2
_WORDS = 20


@dataclass(frozen=True)
class _Labelled:
    """The labelled file, its numbers of labelled and rejected rows, and what is charted of it.

    `sentiments` and `stars` are numbers of texts; `words` are those of the negative ones.
    """

    csv: bytes
    labelled: int
    rejected: int
    sentiments: pa.Table
    stars: pa.Table
    words: pa.Table


def show(filters: Filters) -> None:
    """Show the upload of a file, and the labels of its rows."""
    uploaded = st.file_uploader("CSV file with a column `text`", type="csv", key="sentiment_csv")
    if uploaded:
        name, content = uploaded.name, uploaded.getvalue()
    elif st.toggle("Show an example", key="sentiment_example_file"):
        name, content = EXAMPLE
    else:
        return
    try:
        labelled = _label_once(name, content)
    except InputFileError as error:
        st.error(markdown_text(error), icon=":material/error:")
        return
    tiles({"Labelled": compact(labelled.labelled), "Rejected": compact(labelled.rejected)})
    st.download_button(
        "Download the rows with their labels",
        labelled.csv,
        f"labelled_{name}",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    by_sentiment = partial(charts.distribution, title="Sentiment of the texts")
    chart("file_labels", by_sentiment, labelled.sentiments)
    by_stars = partial(charts.distribution, title="Stars of the texts")
    chart("file_stars", by_stars, labelled.stars)
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
    sentiment, stars = (rows.column(at).to_pylist() for at in (done.sentiment, done.stars))
    text = rows.column(done.text)
    is_negative = [each == NEGATIVE for each in sentiment]
    negative = text.filter(pa.array(is_negative, pa.bool_()))
    examples = Examples.from_arrow(pa.table({"review_text": negative}))
    strongest = strongest_words(model, examples, "binary", _WORDS, _FEWEST_PLACES, by="sum")
    negative_words = [
        {"words": word.words, "weight": word.weight, "places": word.count}
        for word in strongest
        if word.label == "negative"
    ]
    schema = pa.schema([("words", pa.string()), ("weight", pa.float64()), ("places", pa.int64())])
    words = pa.Table.from_pylist(negative_words, schema)
    sentiments = _counts(sentiment, {name: name for name in _THREE.classes})
    classes = {str(star): _THREE.classes[place] for star, place in enumerate(_THREE.by_stars, 1)}
    return _Labelled(
        csv, done.labelled, done.rejected, sentiments, _counts(stars, classes, " ★"), words
    )


def _counts(values: Sequence[str | None], classes: Mapping[str, str], unit: str = "") -> pa.Table:
    """Return the number of texts of each name; `classes` has the sentiment of the names."""
    count = Counter(values)
    return pa.table(
        {
            "name": [f"{name}{unit}" for name in classes],
            "sentiment": list(classes.values()),
            "texts": [count[name] for name in classes],
        }
    )


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
