"""A grid of parameters, cross-validated over folds of users, as source system 1 searched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import Metrics, metrics
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.splits import user_folds
from amazon_reviews.models.sentiment.tasks import LEFT_OUT, task_named

GRID: Mapping[str, Sequence[Any]] = {"strength": (10.0, 50.0, 200.0), "bits": (18, 20)}


@dataclass(frozen=True)
class Trial:
    """Parameters, and the metrics of each fold."""

    parameters: dict[str, Any]
    folds: tuple[Metrics, ...]

    @property
    def log_loss(self) -> float:
        """The mean over the folds."""
        return float(np.mean([fold.log_loss for fold in self.folds]))


def search(
    examples: Examples,
    task: str = "binary",
    grid: Mapping[str, Sequence[Any]] = GRID,
    folds: int = 3,
    seed: int = 0,
) -> list[Trial]:
    """Measure every combination of the grid on each fold of users; the lowest log loss first.

    Raises:
        ValueError: as `SentimentClassifier.fit`, or a fold has no reviews of the task.
    """
    fold = user_folds(examples.users, folds, seed)
    trials = [
        Trial(
            parameters, tuple(_measure(examples, fold == k, task, parameters) for k in range(folds))
        )
        for parameters in ParameterGrid(grid)
    ]
    return sorted(trials, key=lambda trial: trial.log_loss)


def _measure(
    examples: Examples, is_test: np.ndarray, task: str, parameters: dict[str, Any]
) -> Metrics:
    model = SentimentClassifier(tasks=(task,), **parameters).fit(examples.where(~is_test))
    labels = task_named(task).labels(examples.stars)
    of_task = is_test & (labels != LEFT_OUT)
    if not of_task.any():
        raise ValueError("a fold of users has no reviews of the task")
    return metrics(labels[of_task], model.predict_proba(examples.where(of_task)))
