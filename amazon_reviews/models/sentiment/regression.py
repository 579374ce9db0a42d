"""Logistic regression that learns chunk by chunk.

Each chunk is solved to the optimum, with what was learned before as its prior: a normal
distribution for every weight, whose precision grows by the curvature of the chunk's loss
(Chapelle and Li, "An Empirical Evaluation of Thompson Sampling", 2011, algorithm 3). A single
chunk gives exactly the L2-regularised logistic regression; many need memory for one.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Floats = NDArray[np.floating]

_ITERATIONS = 60
_TOLERANCE = 1e-6


class ChunkedRegression:
    """Weights of a logistic regression without intercept: float32 means and precisions."""

    def __init__(self, features: int, strength: float) -> None:
        """`strength` is C of scikit-learn: the inverse of the prior's precision."""
        self.mean = np.zeros(features, np.float32)
        self.precision = np.full(features, 1 / strength, np.float32)

    def update(self, rows: sp.csr_array, is_positive: NDArray[np.bool_], weights: Floats) -> None:
        """Learn from rows × features, the side of each and its weight in the loss."""
        active, compact = _compact(rows)
        scale = 1 / np.sqrt(self.precision[active])
        signs = np.where(is_positive, 1, -1).astype(np.float32)
        offset = (compact @ self.mean[active]).astype(np.float64)
        whitened = compact.copy()
        whitened.data = compact.data * scale[compact.indices]
        step = _solve(whitened, signs, weights, offset)
        margins = offset + whitened @ step
        curvature = (weights * expit(margins) * expit(-margins)).astype(np.float32)
        self.mean[active] += scale * step
        compact.data **= 2
        self.precision[active] += compact.T @ curvature


def _compact(rows: sp.csr_array) -> tuple[NDArray[np.intp], sp.csr_array]:
    """The features that occur, and the rows over those only."""
    occurs = np.zeros(rows.shape[1], np.bool_)
    occurs[rows.indices] = True
    active = np.flatnonzero(occurs)
    place = np.cumsum(occurs, dtype=np.int32) - 1
    shape = (rows.shape[0], len(active))
    return active, sp.csr_array((rows.data.copy(), place[rows.indices], rows.indptr), shape=shape)


def _solve(
    rows: sp.csr_array, signs: Floats, weights: Floats, offset: Floats
) -> NDArray[np.float32]:
    """The step that minimises half its square plus the weighted log loss of offset + rows·step."""
    columns = rows.T

    def loss(step: Floats) -> tuple[float, Floats]:
        margins = signs * (offset + rows @ step.astype(np.float32))
        slopes = -weights * signs * expit(-margins)
        gradient = step + columns @ slopes.astype(np.float32)
        return 0.5 * step @ step + weights @ np.logaddexp(0, -margins), gradient

    found = minimize(
        loss,
        np.zeros(rows.shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE, "gtol": 1e-4},
    )
    return found.x.astype(np.float32)
