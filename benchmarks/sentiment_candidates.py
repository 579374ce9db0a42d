"""Classifiers of negative and positive reviews behind a common interface."""

import pickle
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline, make_union

from amazon_reviews.models.sentiment.baselines import (
    majority,
    paisa_genious_recipe,
    polarities,
    undersample,
)
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.features import Features, Weighting
from amazon_reviews.models.sentiment.storage import save
from amazon_reviews.models.sentiment.tasks import TASKS

Labels = NDArray[np.int8]


class Candidate(Protocol):
    """A classifier that gives the probability that a review is positive."""

    def fit(self, examples: Examples) -> None:
        """Train on the examples with a label of the binary task."""

    def positive(self, examples: Examples) -> NDArray[np.floating]:
        """Return the probability that each review is positive."""

    def size(self) -> int:
        """Return the size of the model file in bytes."""


class _ProjectModel:
    """The model of this project."""

    def __init__(self, *tasks: str, **parameters: Any) -> None:
        self._model = SentimentClassifier(tasks=tasks or tuple(TASKS), **parameters)

    def fit(self, examples: Examples) -> None:
        self._model.fit(examples)

    def positive(self, examples: Examples) -> NDArray[np.floating]:
        return self._model.predict_proba(examples, "binary")[:, 1]

    def size(self) -> int:
        return _file_size(lambda path: save(self._model, path))


class _Estimator:
    """A scikit-learn estimator on the rows of `features`."""

    def __init__(self, estimator: Any, features: Callable[[Examples, bool], Any]) -> None:
        self._estimator, self._features = estimator, features

    def fit(self, examples: Examples) -> None:
        known = _rated(examples)
        self._estimator.fit(self._features(known, True), _labels(known))

    def positive(self, examples: Examples) -> NDArray[np.floating]:
        rows = self._features(examples, False)
        if hasattr(self._estimator, "predict_proba"):
            return self._estimator.predict_proba(rows)[:, 1]
        return expit(self._estimator.decision_function(rows))

    def size(self) -> int:
        return len(pickle.dumps(self._estimator))


class _Hashed:
    """The features of this project: counts, weighted by tf-idf, or by log-count ratios.

    The ratios are those of Wang and Manning, "Baselines and Bigrams", 2012.
    """

    def __init__(self, weighting: str) -> None:
        self._weighting = weighting

    def __call__(self, examples: Examples, is_training: bool) -> sp.csr_array:
        counts = Features().matrix(examples.summaries, examples.texts)
        if self._weighting == "counts":
            return counts
        if is_training:
            self._idf = Weighting.of(counts)
            self._ratios = _ratios(counts, _labels(examples))
        if self._weighting == "tf-idf":
            return self._idf.apply(counts)
        lengths = np.maximum(np.sqrt(np.diff(counts.indptr)), 1)
        values = self._ratios[counts.indices] / np.repeat(lengths, np.diff(counts.indptr))
        return sp.csr_array((values, counts.indices, counts.indptr), counts.shape)


class _LakehouseModel:
    """The model of the Paisa Genious lakehouse, which reads only the review text."""

    def __init__(self) -> None:
        self._pipeline = paisa_genious_recipe(0)

    def fit(self, examples: Examples) -> None:
        known = _rated(examples)
        chosen = undersample(_labels(known), 0)
        texts = np.array(_texts(known), dtype=object)[chosen]
        self._pipeline.fit(texts, _labels(known)[chosen])

    def positive(self, examples: Examples) -> NDArray[np.floating]:
        return self._pipeline.predict_proba(_texts(examples))[:, 1]

    def size(self) -> int:
        return len(pickle.dumps(self._pipeline))


class _Majority:
    """The share of positive reviews as the probability of each review."""

    def fit(self, examples: Examples) -> None:
        self._labels = _labels(_rated(examples))

    def positive(self, examples: Examples) -> NDArray[np.floating]:
        return majority(self._labels, 2, len(examples))[:, 1]

    def size(self) -> int:
        return 8


class _TextBlob:
    """TextBlob's polarity from -1 to 1, scaled to a probability."""

    def fit(self, examples: Examples) -> None:
        """Do nothing: the polarity needs no training."""

    def positive(self, examples: Examples) -> NDArray[np.floating]:
        return np.nextafter((polarities(_joined(examples)) + 1) / 2, 0)

    def size(self) -> int:
        return 0


class _VowpalWabbit:
    """Vowpal Wabbit's adaptive gradient descent over words and pairs of text and summary."""

    def __init__(self, passes: int) -> None:
        self._passes = passes

    def fit(self, examples: Examples) -> None:
        import vowpalwabbit

        known = _rated(examples)
        labels = _labels(known)
        heavy = len(labels) / (2 * np.bincount(labels, minlength=2))
        self._model = vowpalwabbit.Workspace(
            "--loss_function logistic --link logistic -b 20 --ngram a2 --ngram s2 --quiet"
        )
        lines = [
            f"{2 * label - 1} {heavy[label]:.3f} {line}"
            for label, line in zip(labels, _namespaces(known), strict=True)
        ]
        for order in (
            np.random.default_rng(k).permutation(len(lines)) for k in range(self._passes)
        ):
            for at in order:
                self._model.learn(lines[at])

    def positive(self, examples: Examples) -> NDArray[np.floating]:
        return np.array([self._model.predict(line) for line in _namespaces(examples)])

    def size(self) -> int:
        return _file_size(lambda path: self._model.save(str(path)))


class _FastText:
    """fastText's supervised classifier with pairs of words."""

    def fit(self, examples: Examples) -> None:
        import fasttext

        known = _rated(examples)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            for label, words in zip(_labels(known), _plain(known), strict=True):
                file.write(f"__label__{label} {words}\n")
            file.flush()
            self._model = fasttext.train_supervised(
                file.name,
                epoch=10,
                lr=0.5,
                wordNgrams=2,
                dim=30,
                bucket=200_000,
                thread=1,
                verbose=0,
                seed=0,
            )

    def positive(self, examples: Examples) -> NDArray[np.floating]:
        return np.array([self._positive(words) for words in _plain(examples)])

    def size(self) -> int:
        return _file_size(lambda path: self._model.save_model(str(path)))

    def _positive(self, words: str) -> float:
        # `predict` of the Python class does not work with numpy 2.
        by_label = {
            label: probability
            for probability, label in self._model.f.predict(words, 2, 0.0, "ignore")
        }
        return float(np.clip(by_label.get("__label__1", 0.0), 0, 1))


def _file_size(save_to: Callable[[Path], Any]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.bin"
        save_to(path)
        return path.stat().st_size


def _text_regression(characters: bool) -> _Estimator:
    kinds = [("word", (1, 2)), ("char_wb", (3, 5))][: 1 + characters]
    features = make_union(
        *(TfidfVectorizer(analyzer=kind, ngram_range=n, sublinear_tf=True) for kind, n in kinds)
    )
    regression = LogisticRegression(C=10, solver="liblinear", class_weight="balanced")
    return _Estimator(make_pipeline(features, regression), lambda examples, _: _joined(examples))


def _sgd(loss: str) -> _Estimator:
    weighted = SGDClassifier(loss=loss, alpha=3e-6, average=True, class_weight="balanced")
    estimator = weighted.set_params(max_iter=20, tol=None, random_state=0)
    return _Estimator(estimator, _Hashed("tf-idf"))


def _liblinear(strength: float, weighting: str) -> _Estimator:
    regression = LogisticRegression(C=strength, solver="liblinear", class_weight="balanced")
    return _Estimator(regression, _Hashed(weighting))


CANDIDATES: dict[str, Callable[[], Candidate]] = {
    "majority": _Majority,
    "TextBlob polarity": _TextBlob,
    "Paisa Genious lakehouse": _LakehouseModel,
    "tf-idf words 1-2, liblinear": lambda: _text_regression(characters=False),
    "tf-idf words 1-2 + characters 3-5": lambda: _text_regression(characters=True),
    "project features, complement NB": lambda: _Estimator(ComplementNB(), _Hashed("counts")),
    "project features, NB-SVM": lambda: _liblinear(1.0, "ratios"),
    "project features, SGD log": lambda: _sgd("log_loss"),
    "project features, SGD hinge": lambda: _sgd("hinge"),
    "project features, liblinear": lambda: _liblinear(50.0, "tf-idf"),
    "Vowpal Wabbit, 1 pass": lambda: _VowpalWabbit(1),
    "Vowpal Wabbit, 8 passes": lambda: _VowpalWabbit(8),
    "fastText": _FastText,
    "project, binary only": lambda: _ProjectModel("binary"),
    "project, in chunks of 4,000": lambda: _ProjectModel(chunk_rows=4_000),
    "project": _ProjectModel,
}


def _labels(examples: Examples) -> Labels:
    return TASKS["binary"].labels(examples.stars)


def _rated(examples: Examples) -> Examples:
    return examples.where(_labels(examples) >= 0)


def _ratios(counts: sp.csr_array, labels: Labels) -> NDArray[np.floating]:
    present = sp.csr_array((np.ones_like(counts.data), counts.indices, counts.indptr), counts.shape)
    negative, positive = (1 + np.asarray(present[labels == k].sum(axis=0)).ravel() for k in (0, 1))
    return np.log(positive / positive.sum()) - np.log(negative / negative.sum())


def _texts(examples: Examples) -> list[str]:
    return [text or "" for text in examples.texts.to_pylist()]


def _joined(examples: Examples) -> list[str]:
    summaries = examples.summaries.to_pylist()
    return [f"{head or ''} {body}" for head, body in zip(summaries, _texts(examples), strict=True)]


def _words(text: str | None) -> str:
    return " ".join(re.findall(r"[\w']+|[!?]+", (text or "").lower()))


def _plain(examples: Examples) -> list[str]:
    return [_words(text) for text in _joined(examples)]


def _namespaces(examples: Examples) -> list[str]:
    pairs = zip(examples.summaries.to_pylist(), examples.texts.to_pylist(), strict=True)
    return [
        f"|a {_words(head)} {_words(body)} |s {_words(head)}".replace(":", " ")
        for head, body in pairs
    ]
