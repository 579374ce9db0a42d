"""Metrics of predicted probabilities, the same for every model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score, log_loss, roc_auc_score

from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.tasks import IGNORED, Task

BINS = 15
FEWEST_REVIEWS = 5
"""Reviews that a user needs to count for `worst_decile_of_users`."""

Labels = NDArray[np.integer]
Probabilities = NDArray[np.floating]


@dataclass(frozen=True)
class Metrics:
    """Metrics over some reviews; all are None without reviews.

    `auc` is one class against the rest, averaged over the classes; it is None if a class does not
    occur. `ece` is the expected calibration error of the predicted class's probability.
    """

    rows: int
    auc: float | None
    accuracy: float | None
    macro_f1: float | None
    log_loss: float | None
    ece: float | None


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a model on all reviews and on parts of them.

    `skipped` is the number of reviews that the task ignores, including unrated ones. `confusion`
    has a row per true class and a column per predicted class. `per_star` and `per_group` have the
    metrics of each number of stars and of each group. `worst_decile_of_users` is the mean accuracy
    of the tenth of users with the lowest accuracy, among users with at least `FEWEST_REVIEWS`
    reviews; None if there are no such users.
    """

    task: str
    model_version: str
    skipped: int
    metrics: Metrics
    confusion: list[list[int]]
    per_star: dict[str, Metrics]
    per_group: dict[str, Metrics]
    worst_decile_of_users: float | None


def evaluate(
    examples: Examples, probabilities: Probabilities, task: Task, model_version: str
) -> Evaluation:
    """Evaluate probabilities, examples × classes, against the stars.

    Raises:
        ValueError: the shape of the probabilities is not examples × classes.
    """
    if probabilities.shape != (len(examples), len(task.classes)):
        raise ValueError(
            f"{probabilities.shape} probabilities for {len(examples)} examples"
            f" and {len(task.classes)} classes"
        )
    labels = task.labels(examples.stars)
    known = labels != IGNORED
    labels, probabilities = labels[known], probabilities[known]
    predicted = probabilities.argmax(axis=1)
    stars = examples.stars[known].astype("U3")
    groups = examples.groups.fill_null("").to_numpy(zero_copy_only=False)[known]
    return Evaluation(
        task=task.name,
        model_version=model_version,
        skipped=int(len(examples) - known.sum()),
        metrics=metrics(labels, probabilities),
        confusion=confusion_matrix(labels, predicted, labels=range(len(task.classes))).tolist()
        if len(labels)
        else [],
        per_star=_metrics_by(stars, labels, probabilities),
        per_group=_metrics_by(groups, labels, probabilities),
        worst_decile_of_users=_worst_decile(
            labels == predicted,
            examples.users.fill_null("").to_numpy(zero_copy_only=False)[known],
        ),
    )


def metrics(labels: Labels, probabilities: Probabilities) -> Metrics:
    """Return the metrics of labels and probabilities, reviews × classes."""
    if not len(labels):
        return Metrics(0, None, None, None, None, None)
    predicted = probabilities.argmax(axis=1)
    classes = range(probabilities.shape[1])
    return Metrics(
        rows=len(labels),
        auc=_auc(labels, probabilities),
        accuracy=float((labels == predicted).mean()),
        macro_f1=float(f1_score(labels, predicted, average="macro")),
        log_loss=float(log_loss(labels, probabilities, labels=list(classes))),
        ece=calibration_error(labels, probabilities),
    )


def calibration_error(labels: Labels, probabilities: Probabilities) -> float:
    """Return the expected calibration error over 15 equal bins of the highest probability.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3.
    """
    confidence = probabilities.max(axis=1)
    gap = confidence - (probabilities.argmax(axis=1) == labels)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, weights=gap, minlength=BINS)).sum() / len(labels))


def reliability(labels: Labels, probabilities: Probabilities) -> pd.DataFrame:
    """Return the bins of `calibration_error` with reviews: confidence, accuracy, rows."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    table = pd.DataFrame({"bin": bins, "confidence": confidence, "accuracy": right})
    means = table.groupby("bin").mean()
    return means.assign(rows=table.groupby("bin").size()).reset_index(drop=True)


def _auc(labels: Labels, probabilities: Probabilities) -> float | None:
    classes = probabilities.shape[1]
    if len(np.unique(labels)) < classes:
        return None
    if classes == 2:
        return float(roc_auc_score(labels, probabilities[:, 1]))
    return float(np.mean([roc_auc_score(labels == k, probabilities[:, k]) for k in range(classes)]))


def _metrics_by(keys: NDArray, labels: Labels, probabilities: Probabilities) -> dict[str, Metrics]:
    """Return the metrics of the reviews of each key."""
    rows_of = pd.Series(np.arange(len(keys))).groupby(keys).indices
    return {str(key): metrics(labels[rows], probabilities[rows]) for key, rows in rows_of.items()}


def _worst_decile(right: NDArray[np.bool_], users: NDArray) -> float | None:
    shares = pd.Series(right).groupby(users).agg(["mean", "size"])
    means = np.sort(shares["mean"][shares["size"] >= FEWEST_REVIEWS].to_numpy())
    worst = means[: -(-len(means) // 10)]
    return float(worst.mean()) if len(worst) else None
