"""Predictions of a model for chunks of reviews, and the comparison of two models."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import Metrics, metrics
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.tasks import IGNORED, Task

_LEAST = 1e-15
# In standard errors: a new model is worse only if that is nearly certain.
_WORSE_ERRORS, _BETTER_ERRORS = 2.0, 1.0


@dataclass(frozen=True)
class Predictions:
    """True classes of reviews and the predicted probabilities of each class.

    `skipped` is the number of reviews that the task ignores.
    """

    labels: NDArray[np.int8]
    probabilities: NDArray[np.float64]
    skipped: int

    def metrics(self) -> Metrics:
        """Return the metrics over all reviews."""
        return metrics(self.labels, self.probabilities)

    def losses(self) -> NDArray[np.float64]:
        """Return the log loss of each review."""
        of_true_class = self.probabilities[np.arange(len(self.labels)), self.labels]
        return -np.log(np.maximum(of_true_class, _LEAST))


class Comparison(NamedTuple):
    """Log losses of a new and an old model, and the verdict on the new one.

    A new model with an insignificant difference is not better, and it is not worse.
    """

    new: float
    old: float
    better: bool
    not_worse: bool


def predict_chunks(
    model: SentimentClassifier, chunks: Iterable[Examples], task: Task
) -> Predictions:
    """Predict chunk by chunk; memory holds only labels and probabilities of earlier chunks.

    Raises:
        ValueError: the model has not learned the task.
    """
    labels = [np.zeros(0, np.int8)]
    probabilities = [np.zeros((0, len(task.classes)))]
    skipped = 0
    for chunk in chunks:
        chunk_labels = task.labels(chunk.stars)
        known = chunk_labels != IGNORED
        labels.append(chunk_labels[known])
        probabilities.append(model.predict_proba(chunk.where(known), task.name))
        skipped += int((~known).sum())
    return Predictions(np.concatenate(labels), np.concatenate(probabilities), skipped)


def compare(new: Predictions, old: Predictions) -> Comparison:
    """Compare the log losses of two models on the same reviews, review by review.

    The new model is worse if its mean is higher by more than two standard errors of the
    difference. It is better if its mean is lower by more than one. A smaller difference could have
    the opposite sign on other reviews.
    """
    if not len(new.labels):
        return Comparison(float("nan"), float("nan"), False, True)
    difference = new.losses() - old.losses()
    errors = difference.mean() / max(difference.std() / np.sqrt(len(difference)), _LEAST)
    better, worse = bool(errors < -_BETTER_ERRORS), bool(errors > _WORSE_ERRORS)
    return Comparison(float(new.losses().mean()), float(old.losses().mean()), better, not worse)
