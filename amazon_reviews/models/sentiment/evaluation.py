"""How good probabilities are: one set of figures for every model."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score, log_loss, roc_auc_score

from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.tasks import LEFT_OUT, Task

BINS = 15
FEWEST_REVIEWS = 5
"""Reviews of a user that count for `worst_decile_of_users`."""

Labels = NDArray[np.integer]
Probabilities = NDArray[np.floating]


@dataclass(frozen=True)
class Metrics:
    """Figures over some reviews; `auc` is None where not all classes occur, all are None for none.

    `auc` is one class against the rest, averaged over the classes; `ece` is the expected
    calibration error of the predicted class's probability.
    """

    rows: int
    auc: float | None
    accuracy: float | None
    macro_f1: float | None
    log_loss: float | None
    ece: float | None


@dataclass(frozen=True)
class Evaluation:
    """A model measured on reviews, in all and apart.

    `skipped` are reviews that the task leaves out, unrated ones included. `confusion` has the true
    classes in its rows, the predicted in its columns. `per_star` and `per_group` have the metrics
    of the reviews of each. `worst_decile_of_users` is the mean accuracy of the tenth of users with
    the lowest, of those with at least `FEWEST_REVIEWS` reviews; None where there are none.
    """

    task: str
    model_version: str
    skipped: int
    metrics: Metrics
    confusion: list[list[int]]
    per_star: dict[str, Metrics]
    per_group: dict[str, Metrics]
    worst_decile_of_users: float | None

    def summary(self) -> dict[str, Any]:
        """What `amazon-reviews sentiment evaluate` prints."""
        return {
            "task": self.task,
            **asdict(self.metrics),
            "skipped": self.skipped,
            "model_version": self.model_version,
        }

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        return asdict(self)


def evaluate(
    examples: Examples, probabilities: Probabilities, task: Task, model_version: str
) -> Evaluation:
    """Measure probabilities, examples × classes, against the stars.

    Raises:
        ValueError: there are not as many probabilities as examples, or not as many as classes.
    """
    if probabilities.shape != (len(examples), len(task.classes)):
        raise ValueError(
            f"{probabilities.shape} probabilities for {len(examples)} examples"
            f" and {len(task.classes)} classes"
        )
    labels = task.labels(examples.stars)
    known = labels != LEFT_OUT
    labels, chances = labels[known], probabilities[known]
    stars = examples.stars[known].astype("U3")
    groups = examples.groups.fill_null("").to_numpy(zero_copy_only=False)[known]
    return Evaluation(
        task=task.name,
        model_version=model_version,
        skipped=int(len(examples) - known.sum()),
        metrics=metrics(labels, chances),
        confusion=confusion_matrix(
            labels, chances.argmax(axis=1), labels=range(len(task.classes))
        ).tolist()
        if len(labels)
        else [],
        per_star=_apart(labels, chances, stars),
        per_group=_apart(labels, chances, groups),
        worst_decile_of_users=_worst_decile(
            labels == chances.argmax(axis=1),
            examples.users.fill_null("").to_numpy(zero_copy_only=False)[known],
        ),
    )


def metrics(labels: Labels, probabilities: Probabilities) -> Metrics:
    """The figures of labels and probabilities, reviews × classes."""
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
    """Expected calibration error over 15 even bins of the predicted class's probability.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3.
    """
    confidence = probabilities.max(axis=1)
    gap = confidence - (probabilities.argmax(axis=1) == labels)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, weights=gap, minlength=BINS)).sum() / len(labels))


def reliability(labels: Labels, probabilities: Probabilities) -> pd.DataFrame:
    """The bins of `calibration_error` that have reviews: confidence, accuracy, rows."""
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


def _apart(labels: Labels, probabilities: Probabilities, by: NDArray) -> dict[str, Metrics]:
    places = pd.Series(np.arange(len(by))).groupby(by).indices
    return {str(name): metrics(labels[of], probabilities[of]) for name, of in places.items()}


def _worst_decile(right: NDArray[np.bool_], users: NDArray) -> float | None:
    shares = pd.Series(right).groupby(users).agg(["mean", "size"])
    means = np.sort(shares["mean"][shares["size"] >= FEWEST_REVIEWS].to_numpy())
    worst = means[: -(-len(means) // 10)]
    return float(worst.mean()) if len(worst) else None
