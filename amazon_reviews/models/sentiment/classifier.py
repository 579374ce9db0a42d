"""The sentiment model: a scikit-learn classifier that learns from chunks of reviews."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Self, TypeAlias

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from amazon_reviews.models.sentiment.calibration import Calibration
from amazon_reviews.models.sentiment.examples import Examples, in_chunks
from amazon_reviews.models.sentiment.features import Features, Weighting
from amazon_reviews.models.sentiment.tasks import IGNORED, TASKS, Task, task_named
from amazon_reviews.models.sentiment.texts import Texts
from amazon_reviews.models.sentiment.training import (
    TARGETS,
    TARGETS_OF_TASK,
    Chunk,
    Learner,
    chunked,
)

BALANCES = ("weights", "undersampling", "none")
SHARE_BINS = 10
"""Equal bands of the probability of the class positive; `shares_` has the share of each."""

_FOLDS = 5
# Of a long stream every tenth user calibrates.
_HELD_OUT = 10
_SCORED_AT_ONCE = 8_192
_MOST_CALIBRATION_ROWS = 200_000

Reviews: TypeAlias = Examples | Texts


class SentimentClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Hashed words and pairs of words, tf-idf, one logistic regression per target, calibrated.

    Args:
        tasks: names of the tasks to learn; the first is the default task of `predict`.
        bits: the model has 2 ** bits feature slots.
        strength: C of the regressions.
        balance: "weights" (equal weight for every class), "undersampling" or "none".
        chunk_rows: reviews that are solved together; memory grows with it.
        jobs: regressions that are fitted at the same time.
        seed: seed of the users' folds and of the undersampling.

    Attributes:
        targets_: names of the binary targets, in the order of the scores.
        idf_: float32, one for each slot.
        weights_: float32, slots + 1 (the constant) × targets.
        calibrations_: the calibration of each task.
        rows_: rated reviews in the training data, including those that only calibrate.
        shares_: shares of the calibration reviews in `SHARE_BINS` equal bands of the probability
            of the first task's last class.
    """

    def __init__(
        self,
        tasks: Sequence[str] = tuple(TASKS),
        bits: int = 20,
        strength: float = 50.0,
        balance: str = "weights",
        chunk_rows: int = 50_000,
        jobs: int = 1,
        seed: int = 0,
    ) -> None:
        self.tasks = tasks
        self.bits = bits
        self.strength = strength
        self.balance = balance
        self.chunk_rows = chunk_rows
        self.jobs = jobs
        self.seed = seed

    def fit(self, examples: Examples | Iterable[Examples], y: None = None) -> Self:
        """Learn from examples, or from chunks of examples; unrated reviews are ignored.

        A single chunk is cross-fitted over folds of its users for calibration. In a longer stream
        the reviews of every tenth user only calibrate.

        Raises:
            ValueError: a task or balance is unknown, there are no examples, or not two classes.
        """
        self._check_parameters()
        self.targets_ = self._targets()
        stream = chunked(in_chunks(examples), Features(self.bits), self.chunk_rows, self.seed)
        first = next(stream, None)
        if first is None:
            raise ValueError("no rated review to learn from")
        self.idf_ = Weighting.of(first.counts).idf
        second = next(stream, None)
        if second is None:
            held_out, stars = self._learn_chunk(first)
        else:
            held_out, stars = self._learn_stream(itertools.chain([first, second], stream))
        self.calibrations_ = {
            name: _calibrated(task_named(name), held_out, stars) for name in self.tasks
        }
        self.classes_ = self.task_classes()
        last = self.calibration().probabilities(held_out)[:, -1]
        self.shares_ = np.histogram(last, SHARE_BINS, (0, 1))[0] / len(last)
        return self

    def scores(self, reviews: Reviews) -> NDArray[np.float32]:
        """Return the scores of the targets: reviews × targets. Texts alone have no summary."""
        check_is_fitted(self)
        if isinstance(reviews, Examples):
            summaries, texts = reviews.summaries, reviews.texts
        else:
            summaries, texts = pa.nulls(len(reviews), pa.large_string()), reviews
        features = Features(self.bits)
        parts = []
        for begin in range(0, len(texts), _SCORED_AT_ONCE):
            end = begin + _SCORED_AT_ONCE
            counts = features.matrix(summaries[begin:end], texts[begin:end])
            parts.append(self.weighted(counts) @ self.weights_)
        return np.concatenate(parts or [np.zeros((0, len(self.targets_)), np.float32)])

    def predict_proba(self, reviews: Reviews, task: str | None = None) -> NDArray[np.float64]:
        """Return probabilities: reviews × classes of the task, each row with sum 1.

        Raises:
            ValueError: the model has not learned the task.
        """
        return self.calibration(task).probabilities(self.scores(reviews))

    def predict(self, reviews: Reviews, task: str | None = None) -> NDArray[np.str_]:
        """Return the most probable class of each review.

        Raises:
            ValueError: the model has not learned the task.
        """
        return self.task_classes(task)[self.predict_proba(reviews, task).argmax(axis=1)]

    def task_classes(self, task: str | None = None) -> NDArray[np.str_]:
        """Return the classes of a task, in the order of `predict_proba`'s columns."""
        return np.array(task_named(task or self.tasks[0]).classes)

    def calibration(self, task: str | None = None) -> Calibration:
        """Return the calibration of a task.

        Raises:
            ValueError: the model has not learned the task.
        """
        check_is_fitted(self)
        name = task_named(task or self.tasks[0]).name
        if name not in self.calibrations_:
            raise ValueError(f"the model has not learned {name!r}, only {', '.join(self.tasks)}")
        return self.calibrations_[name]

    def weighted(self, counts: sp.csr_array) -> sp.csr_array:
        """Return counts of slots as weighted rows, the input of the regressions."""
        return Weighting(self.idf_).apply(counts)

    def _check_parameters(self) -> None:
        if not self.tasks:
            raise ValueError("no task to learn")
        for name in self.tasks:
            task_named(name)
        if self.balance not in BALANCES:
            raise ValueError(f"unknown balance {self.balance!r}: use one of {', '.join(BALANCES)}")

    def _targets(self) -> tuple[str, ...]:
        needed = {target for name in self.tasks for target in TARGETS_OF_TASK[name]}
        return tuple(target for target in TARGETS if target in needed)

    def _learner(self) -> Learner:
        width = (1 << self.bits) + 1
        return Learner(self.targets_, width, self.strength, self.balance, self.seed)

    def _learn_chunk(self, chunk: Chunk) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        rows = self.weighted(chunk.counts)
        held_out = np.zeros((len(chunk), len(self.targets_)), np.float32)
        folds = chunk.keys % np.uint64(_FOLDS)
        for fold in range(_FOLDS):
            test = np.flatnonzero(folds == fold)
            train = np.flatnonzero(folds != fold)
            learner = self._learner()
            learner.learn(rows[train], chunk.stars[train], self.jobs)
            held_out[test] = rows[test] @ learner.weights()
        learner = self._learner()
        learner.learn(rows, chunk.stars, self.jobs)
        self.weights_, self.rows_ = _rounded(learner.weights()), len(chunk)
        return held_out, chunk.stars

    def _learn_stream(self, chunks: Iterator[Chunk]) -> tuple[NDArray[np.float32], NDArray]:
        learner, self.rows_ = self._learner(), 0
        calibration: list[Chunk] = []
        for chunk in chunks:
            rows, held_out = self.weighted(chunk.counts), chunk.keys % np.uint64(_HELD_OUT) == 0
            train = np.flatnonzero(~held_out)
            learner.learn(rows[train], chunk.stars[train], self.jobs)
            self.rows_ += len(chunk)
            if sum(map(len, calibration)) < _MOST_CALIBRATION_ROWS:
                calibration.append(chunk.where(held_out))
        self.weights_ = _rounded(learner.weights())
        parts = [self.weighted(chunk.counts) @ self.weights_ for chunk in calibration]
        return np.concatenate(parts), np.concatenate([chunk.stars for chunk in calibration])


def _rounded(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights in the precision of the file, so that a saved model predicts the same."""
    return weights.astype(np.float16).astype(np.float32)


def _calibrated(task: Task, scores: NDArray[np.float32], stars: NDArray) -> Calibration:
    labels = task.labels(stars)
    of_task = labels != IGNORED
    return Calibration.of(scores[of_task], labels[of_task], len(task.classes))
