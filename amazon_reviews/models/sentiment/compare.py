"""A model's answers to chunks of reviews, measured, and two models compared on the same ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import Metrics, metrics
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.tasks import LEFT_OUT, Task

_LEAST = 1e-15
_WORSE_ERRORS, _BETTER_ERRORS = 2.0, 1.0


@dataclass(frozen=True)
class Answers:
    """True classes of reviews and what a model gives each class; `skipped` the task leaves out."""

    labels: NDArray[np.int8]
    chances: NDArray[np.float64]
    skipped: int

    def metrics(self) -> Metrics:
        """The figures over all of them."""
        return metrics(self.labels, self.chances)

    def losses(self) -> NDArray[np.float64]:
        """The log loss of each review."""
        given = self.chances[np.arange(len(self.labels)), self.labels]
        return -np.log(np.maximum(given, _LEAST))


class Comparison(NamedTuple):
    """Log losses of a new and an old model, and whether the new one is better, or is no worse.

    A model that is neither better nor worse is both not better and not worse.
    """

    new: float
    old: float
    better: bool
    not_worse: bool


def answers(model: SentimentClassifier, chunks: Iterable[Examples], task: Task) -> Answers:
    """What the model answers, chunk by chunk; of a chunk only labels and probabilities are kept.

    Raises:
        ValueError: it has not learned the task.
    """
    labels = [np.zeros(0, np.int8)]
    chances = [np.zeros((0, len(task.classes)))]
    skipped = 0
    for chunk in chunks:
        of_chunk = task.labels(chunk.stars)
        known = of_chunk != LEFT_OUT
        labels.append(of_chunk[known])
        chances.append(model.predict_proba(chunk.where(known), task.name))
        skipped += int((~known).sum())
    return Answers(np.concatenate(labels), np.concatenate(chances), skipped)


def compare(new: Answers, old: Answers) -> Comparison:
    """Compare two models' log losses on the same reviews, review by review.

    The new one is worse where its mean is higher by more than two standard errors of the
    difference, and better where it is lower by more than one: less than that, other reviews of
    the same kind might well have said the opposite.
    """
    if not len(new.labels):
        return Comparison(float("nan"), float("nan"), False, True)
    difference = new.losses() - old.losses()
    errors = difference.mean() / max(difference.std() / np.sqrt(len(difference)), _LEAST)
    better, worse = bool(errors < -_BETTER_ERRORS), bool(errors > _WORSE_ERRORS)
    return Comparison(float(new.losses().mean()), float(old.losses().mean()), better, not worse)
