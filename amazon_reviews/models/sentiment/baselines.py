"""What a model has to beat: the majority, and source system 1's recipe."""

import re

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import (
    ENGLISH_STOP_WORDS,
    HashingVectorizer,
    TfidfTransformer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

SOURCE_SLOTS = 1 << 18
"""Slots of Spark's HashingTF, which source system 1 left at their default."""

_PUNCTUATION = re.compile(r"[^\w\s]|_")
_DIGITS = re.compile(r"\d")


def majority(labels: NDArray[np.integer], classes: int, rows: int) -> NDArray[np.float64]:
    """The shares of the classes in `labels` as the answer to each of `rows` reviews."""
    shares = np.bincount(labels, minlength=classes) / max(1, len(labels))
    return np.tile(shares, (rows, 1))


def source_clean(text: str) -> str:
    """A text as source system 1 cleaned it.

    Punctuation and emoji went before tags and URLs were looked for, so that their pieces stay as
    words; then digits went.
    """
    return _DIGITS.sub("", _PUNCTUATION.sub(" ", text.lower()))


def source_recipe(seed: int) -> Pipeline:
    """Source system 1's model: hashed single words without stop words, idf, logistic regression.

    Takes review texts. Its labels were balanced by undersampling: see `undersample`.
    """
    return make_pipeline(
        HashingVectorizer(
            n_features=SOURCE_SLOTS,
            alternate_sign=False,
            norm=None,
            preprocessor=source_clean,
            tokenizer=str.split,
            token_pattern=None,
            stop_words=sorted(ENGLISH_STOP_WORDS),
        ),
        TfidfTransformer(norm=None),
        LogisticRegression(C=100.0, max_iter=200, random_state=seed),
    )


def undersample(labels: NDArray[np.integer], seed: int) -> NDArray[np.intp]:
    """Places of a sample in which every class is as large as the smallest, in their order."""
    random = np.random.default_rng(seed)
    places = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    fewest = min(map(len, places))
    return np.sort(np.concatenate([random.choice(of, fewest, replace=False) for of in places]))
