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
from amazon_reviews.models.sentiment.folds import NO_FOLD, Folds, Keys, fold_of
from amazon_reviews.models.sentiment.splits import user_keys
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
# Two halves cost as much as the final weights; five folds would cost four times as much.
_STREAM_FOLDS = 2
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
        folds_: the weights that did not learn from a fold of the users.
        calibrations_: the calibration of each task.
        rows_: rated reviews in the training data, including those that only calibrate.
        only_generated_: True if the caller of `fit` found that all of them are generated.
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

        A single chunk is cross-fitted over five folds of its users, which calibrate. A longer
        stream is cross-fitted over two folds, and the reviews of every tenth user only calibrate.

        Raises:
            ValueError: a task or balance is unknown, there are no examples, or not two classes.
        """
        self._check_parameters()
        self.targets_, self.only_generated_ = self._targets(), False
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
            return self._scores(reviews.summaries, reviews.texts)
        return self._scores(pa.nulls(len(reviews), pa.large_string()), reviews)

    def out_of_fold_scores(
        self, examples: Examples
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return scores as `scores`, but by weights that did not learn from a review's user.

        The second array is True for the reviews that a fold's weights scored: the final weights
        learned from their users.
        """
        check_is_fitted(self)
        folds = self.folds_.folds(user_keys(examples.users, self.seed))
        return self._scores(examples.summaries, examples.texts, folds), folds != NO_FOLD

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

    def _scores(
        self, summaries: Texts, texts: Texts, folds: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Return scores: by the final weights, or by those of the folds for reviews with one."""
        features = Features(self.bits)
        scores = np.zeros((len(texts), len(self.targets_)), np.float32)
        for begin in range(0, len(texts), _SCORED_AT_ONCE):
            part = slice(begin, begin + _SCORED_AT_ONCE)
            rows = self.weighted(features.matrix(summaries[part], texts[part]))
            scores[part] = rows @ self.weights_
            if folds is not None:
                has_fold = folds[part, None] != NO_FOLD
                by_fold = self.folds_.scores(rows, folds[part])
                scores[part] = np.where(has_fold, by_fold, scores[part])
        return scores

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
        rows, folds = self.weighted(chunk.counts), fold_of(chunk.keys, _FOLDS)

        def learned(places: NDArray[np.intp]) -> NDArray[np.float32]:
            learner = self._learner()
            learner.learn(rows[places], chunk.stars[places], self.jobs)
            return learner.weights()

        by_fold = (learned(np.flatnonzero(folds != fold)) for fold in range(_FOLDS))
        self._finish(learned(np.arange(len(chunk))), by_fold, chunk.keys)
        self.rows_ = len(chunk)
        return self.folds_.scores(rows, folds), chunk.stars

    def _learn_stream(self, chunks: Iterator[Chunk]) -> tuple[NDArray[np.float32], NDArray]:
        final, self.rows_ = self._learner(), 0
        learners = [self._learner() for _ in range(_STREAM_FOLDS)]
        calibration: list[Chunk] = []
        learned: list[Keys] = []
        for chunk in chunks:
            rows, held_out = self.weighted(chunk.counts), chunk.keys % np.uint64(_HELD_OUT) == 0
            folds = np.where(held_out, NO_FOLD, fold_of(chunk.keys, _STREAM_FOLDS))
            train = np.flatnonzero(~held_out)
            final.learn(rows[train], chunk.stars[train], self.jobs)
            for fold, learner in enumerate(learners):
                others = np.flatnonzero((folds != fold) & ~held_out)
                learner.learn(rows[others], chunk.stars[others], self.jobs)
            learned.append(chunk.keys[train])
            self.rows_ += len(chunk)
            if sum(map(len, calibration)) < _MOST_CALIBRATION_ROWS:
                calibration.append(chunk.where(held_out))
        by_fold = (learner.weights() for learner in learners)
        self._finish(final.weights(), by_fold, np.concatenate(learned))
        parts = [self.weighted(chunk.counts) @ self.weights_ for chunk in calibration]
        return np.concatenate(parts), np.concatenate([chunk.stars for chunk in calibration])

    def _finish(
        self, final: NDArray[np.float32], by_fold: Iterable[NDArray[np.float32]], keys: Keys
    ) -> None:
        """Keep the final weights, which learned from the users with these keys, and the folds'."""
        self.folds_ = Folds.of(final, by_fold, keys)
        self.weights_ = _rounded(final)


def _rounded(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights in the precision of the file, so that a saved model predicts the same."""
    return weights.astype(np.float16).astype(np.float32)


def _calibrated(task: Task, scores: NDArray[np.float32], stars: NDArray) -> Calibration:
    labels = task.labels(stars)
    of_task = labels != IGNORED
    return Calibration.of(scores[of_task], labels[of_task], len(task.classes))
