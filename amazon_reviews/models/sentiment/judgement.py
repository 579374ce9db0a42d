"""One judgement of each text: stars, three classes and two, which agree with each other.

Each task has a calibration of its own, so that two tasks can contradict each other. Here one
distribution of the stars answers all of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.tasks import TASKS

_STARS = np.arange(1, 6)
_THREE = TASKS["three"]
_OF_CLASS = np.array(_THREE.by_stars) == np.arange(3)[:, None]
"""True for the stars of each class: classes × stars."""


@dataclass(frozen=True)
class Judgements:
    """Probabilities of 1 to 5 stars, texts × 5, and what follows from them."""

    stars: NDArray[np.float64]

    @classmethod
    def of(cls, model: SentimentClassifier, scores: NDArray[np.floating]) -> "Judgements":
        """Return the judgements of a model's scores, texts × targets.

        The task `binary` decides between the positive and the negative stars; the task `five`
        about 3 stars, and within the two sides.

        Raises:
            ValueError: the model has not learned one of the tasks.
        """
        sides = model.calibration("binary").probabilities(scores)
        five = model.calibration("five").probabilities(scores)
        low, neutral, high = five[:, :2], five[:, 2:3], five[:, 3:]
        parts = [
            part / part.sum(axis=1, keepdims=True) * (1 - neutral) * sides[:, [side]]
            for side, part in enumerate((low, high))
        ]
        return cls(np.hstack([parts[0], neutral, parts[1]]))

    def __len__(self) -> int:
        return len(self.stars)

    @property
    def positive(self) -> NDArray[np.float64]:
        """The probabilities of 4 or 5 rather than 1 or 2 stars."""
        good, bad = self.stars[:, 3:].sum(axis=1), self.stars[:, :2].sum(axis=1)
        return good / (good + bad)

    @property
    def expected_stars(self) -> NDArray[np.float64]:
        """The means of the stars, weighted by their probabilities."""
        return self.stars @ _STARS

    @property
    def by_sentiment(self) -> NDArray[np.float64]:
        """The probabilities of negative, neutral and positive: texts × 3."""
        return self.stars @ _OF_CLASS.T

    @property
    def sentiments(self) -> NDArray[np.str_]:
        """The most probable of negative, neutral and positive."""
        return np.array(_THREE.classes)[self.by_sentiment.argmax(axis=1)]

    @property
    def likely_stars(self) -> NDArray[np.int64]:
        """The most probable stars of the most probable sentiment."""
        of_class = _OF_CLASS[self.by_sentiment.argmax(axis=1)]
        return _STARS[np.where(of_class, self.stars, -1.0).argmax(axis=1)]
