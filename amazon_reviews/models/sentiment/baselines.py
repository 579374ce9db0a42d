"""Baselines of the sentiment model: majority, Paisa Genious recipe, TextBlob polarity."""

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import (
    ENGLISH_STOP_WORDS,
    HashingVectorizer,
    TfidfTransformer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from amazon_reviews.models.sentiment.texts import LONGEST

RECIPE_SLOTS = 1 << 18
"""Slots of Spark's HashingTF; the Paisa Genious lakehouse used the default."""

_PUNCTUATION = re.compile(r"[^\w\s]|_")
_DIGITS = re.compile(r"\d")


def majority(labels: NDArray[np.integer], classes: int, rows: int) -> NDArray[np.float64]:
    """Return the class shares in `labels` as the probabilities of each of `rows` reviews."""
    shares = np.bincount(labels, minlength=classes) / max(1, len(labels))
    return np.tile(shares, (rows, 1))


def clean_text(text: str) -> str:
    """Return a text as the Paisa Genious lakehouse cleaned it.

    It removed punctuation and emoji before it searched for tags and URLs. So the pieces of these
    remain as words. Then it removed digits.
    """
    return _DIGITS.sub("", _PUNCTUATION.sub(" ", text.lower()))


def paisa_genious_recipe(seed: int) -> Pipeline:
    """Return the model of the Paisa Genious lakehouse, not fitted.

    It takes review texts: hashed single words without stop words, idf, logistic regression. Its
    classes were balanced by undersampling, see `undersample`.
    """
    return make_pipeline(
        HashingVectorizer(
            n_features=RECIPE_SLOTS,
            alternate_sign=False,
            norm=None,
            preprocessor=clean_text,
            tokenizer=str.split,
            token_pattern=None,
            stop_words=sorted(ENGLISH_STOP_WORDS),
        ),
        TfidfTransformer(norm=None),
        LogisticRegression(C=100.0, max_iter=200, random_state=seed),
    )


def undersample(labels: NDArray[np.integer], seed: int) -> NDArray[np.intp]:
    """Return sorted positions of a random sample with equally many reviews of each class."""
    random = np.random.default_rng(seed)
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    fewest = min(map(len, by_class))
    return np.sort(np.concatenate([random.choice(p, fewest, replace=False) for p in by_class]))


def polarities(texts: Iterable[str | None]) -> NDArray[np.float64]:
    """Return the polarity of each text by TextBlob, from -1 to 1; 0 for a missing text.

    The Paisa Genious lakehouse used "polarity above 0" as its second label. The package needs no
    corpora, as its lexicon comes with it.

    Raises:
        ImportError: TextBlob is not installed.
    """
    # TextBlob loads NLTK; only an evaluation needs it.
    from textblob import TextBlob

    values = (TextBlob(text[:LONGEST]).sentiment.polarity if text else 0.0 for text in texts)
    return np.fromiter(values, np.float64)
