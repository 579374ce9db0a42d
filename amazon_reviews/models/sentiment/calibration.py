"""Calibration: probabilities from scores, fitted on the reviews of held-out users."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

# The offset of a class that did not occur: probability 0 in float32.
_NEVER = -30.0
_STRENGTH = 100.0


@dataclass(frozen=True)
class Calibration:
    """A multinomial logistic regression on scores: `slopes` classes × scores, `offsets` classes.

    With two classes and one score this is Platt's scaling.
    """

    slopes: NDArray[np.float64]
    offsets: NDArray[np.float64]

    @classmethod
    def of(
        cls, scores: NDArray[np.floating], labels: NDArray[np.integer], classes: int
    ) -> "Calibration":
        """Fit on reviews × scores that the model did not learn from, and their classes.

        A class that does not occur gets probability 0.

        Raises:
            ValueError: fewer than two classes occur.
        """
        present = np.unique(labels)
        if len(present) < 2:
            raise ValueError("held-out reviews have fewer than two classes")
        spread = np.maximum(scores.std(axis=0), 1e-6)
        fitted = LogisticRegression(C=_STRENGTH, max_iter=500).fit(scores / spread, labels)
        slopes, offsets = np.zeros((classes, scores.shape[1])), np.full(classes, _NEVER)
        # With two classes scikit-learn has the coefficients of the second one only.
        two = len(present) == 2
        slopes[present] = np.vstack([-fitted.coef_, fitted.coef_]) / 2 if two else fitted.coef_
        both = np.append(-fitted.intercept_, fitted.intercept_) / 2
        offsets[present] = both if two else fitted.intercept_
        return cls(slopes / spread, offsets)

    def probabilities(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return reviews × classes, each row with sum 1, from reviews × scores."""
        return softmax(scores @ self.slopes.T + self.offsets, axis=1)
