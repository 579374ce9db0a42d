"""The tab of a text: its sentiment and stars, and the words that decide."""

from functools import partial
from math import log
from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews.models.sentiment.texts import LONGEST, unusable_reason
from amazon_reviews.serving.charts import sentiment as charts
from amazon_reviews.serving.dashboard.components import chart, tiles
from amazon_reviews.serving.dashboard.models import sentiment_model
from amazon_reviews.serving.queries.filters import Filters

if TYPE_CHECKING:
    from amazon_reviews.models.sentiment.explanation import Explanation
    from amazon_reviews.models.sentiment.judgement import Judgements

EXAMPLES = (
    "Great value, and it works very well.",
    "It is ok I guess.",
    "Not good at all, it broke after a week.",
)
_KEY = "sentiment_text"
_THREE = TASKS["three"]


def show(filters: Filters) -> None:
    """Show the field of the text, examples to click, and the judgement of the text."""
    text = st.text_area("A sentence or a review", key=_KEY, max_chars=LONGEST)
    with st.container(horizontal=True):
        # A click anywhere ends the entry, and so makes the page judge the text.
        st.button("Judge the text")
        for example in EXAMPLES:
            enter, icon = partial(_enter, example), ":material/format_quote:"
            st.button(example, on_click=enter, type="tertiary", icon=icon)
    if not text:
        return
    if reason := unusable_reason(text):
        st.warning(f"This text cannot be labelled: {reason}.", icon=":material/block:")
        return
    # Here because they load scikit-learn, which takes seconds: see model_cache.
    from amazon_reviews.models.sentiment.explanation import explain
    from amazon_reviews.models.sentiment.judgement import Judgements

    model = sentiment_model().model
    _show_judgement(Judgements.of(model, model.scores([text])))
    _show_reasons(explain(model, text, task="binary"))


def _enter(text: str) -> None:
    st.session_state[_KEY] = text


def _show_judgement(judgement: "Judgements") -> None:
    (sentiment,), (stars,) = judgement.sentiments, judgement.likely_stars
    tiles(
        {
            "Sentiment": str(sentiment),
            "Its probability": f"{judgement.by_sentiment.max():.1%}",
            "Stars": f"{stars} ★",
            "Rather positive": f"{judgement.positive[0]:.1%}",
        }
    )
    rows = {
        "stars": [f"{star} ★" for star in range(1, 6)],
        "sentiment": [_THREE.classes[place] for place in _THREE.by_stars],
        "probability": judgement.stars[0],
    }
    chart("text_stars", charts.star_probabilities, pa.table(rows))


def _show_reasons(explanation: "Explanation") -> None:
    """Show what the prediction starts from, and what each word adds."""
    probability, label = explanation.start_probability, explanation.label
    st.caption(
        f"Start: {probability:.1%} {explanation.start} rather than the opposite, because most "
        "reviews are. The words move the probability from there."
    )
    if not explanation.has_known_words:
        st.warning(
            "The model knows no word of this text. What remains is the start, which says nothing "
            "about the text.",
            icon=":material/help:",
        )
        return
    start = log(probability / (1 - probability)) * (1 if explanation.start == label else -1)
    rows = [{"words": "start, without any word", "log_odds": start}]
    rows += [{"words": each.words, "log_odds": each.weight} for each in explanation.reasons]
    schema = pa.schema([("words", pa.string()), ("log_odds", pa.float64())])
    build = partial(charts.reasons, label=label)
    chart("reasons", build, pa.Table.from_pylist(rows, schema))
