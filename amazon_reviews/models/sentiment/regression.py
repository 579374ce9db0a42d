"""Logistic regression that learns chunk by chunk.

Each chunk is solved to the optimum. The result of earlier chunks is its prior, a normal
distribution of every weight. Its precision grows by the curvature of the chunk's loss (Chapelle
and Li, "An Empirical Evaluation of Thompson Sampling", 2011, algorithm 3). A single chunk gives
exactly the L2-regularised logistic regression; many need the memory of one.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float32]

_STEPS = 20
_INNER_STEPS = 20
_GRADIENT_SHARE = 1e-3
_RESIDUAL_SHARE = 0.5


class ChunkedRegression:
    """Weights of a logistic regression without intercept: float32 means and precisions."""

    def __init__(self, features: int, strength: float) -> None:
        """Start at 0; `strength` is C of scikit-learn, the inverse of the prior's precision."""
        self.mean = np.zeros(features, np.float32)
        self.precision = np.full(features, 1 / strength, np.float32)

    def update(self, rows: sp.csr_array, is_positive: NDArray[np.bool_], weights: Floats) -> None:
        """Learn from rows × features, the class of each row and its weight in the loss."""
        active, compact = _compact(rows)
        scale = 1 / np.sqrt(self.precision[active])
        offset = compact @ self.mean[active]
        squares = sp.csr_array((compact.data**2, compact.indices, compact.indptr), compact.shape)
        compact.data *= scale[compact.indices]
        loss = _Loss(compact, np.where(is_positive, 1, -1).astype(np.float32), weights, offset)
        step, margins = _minimise(loss)
        self.mean[active] += scale * step
        self.precision[active] += squares.T @ loss.curvature(margins)


def _compact(rows: sp.csr_array) -> tuple[NDArray[np.intp], sp.csr_array]:
    """Return the features that occur, the most frequent first, and a copy of the rows with them.

    This order keeps the weights of most words in the processor's cache.
    """
    counts = np.bincount(rows.indices, minlength=rows.shape[1])
    active = np.flatnonzero(counts)
    active = active[np.argsort(-counts[active], kind="stable")]
    place = np.zeros(rows.shape[1], np.int32)
    place[active] = np.arange(len(active), dtype=np.int32)
    shape = (rows.shape[0], len(active))
    return active, sp.csr_array((rows.data.copy(), place[rows.indices], rows.indptr), shape=shape)


class _Loss:
    """Half of a step's squared length plus the weighted log loss of offset + rows · step."""

    def __init__(self, rows: sp.csr_array, signs: Floats, weights: Floats, offset: Floats) -> None:
        self.rows, self.columns = rows, rows.T
        self.offset = offset
        self._signs, self._weights = signs, weights.astype(np.float32)

    def value(self, step: Floats, margins: Floats) -> float:
        losses = np.logaddexp(0, -self._signs * margins, dtype=np.float64)
        return 0.5 * float(step @ step) + float(self._weights @ losses)

    def gradient(self, step: Floats, margins: Floats) -> Floats:
        slopes = self._weights * self._signs * expit(-self._signs * margins)
        return step - self.columns @ slopes

    def curvature(self, margins: Floats) -> Floats:
        return self._weights * expit(margins) * expit(-margins)


def _minimise(loss: _Loss) -> tuple[Floats, Floats]:
    """Return the best step and its margins, by a truncated Newton method.

    Lin, Weng and Keerthi, "Trust Region Newton Method for Large-Scale Logistic Regression", 2008,
    with a line search instead of the trust region.
    """
    step, margins = np.zeros(loss.rows.shape[1], np.float32), loss.offset
    # Relative to the gradient of an untrained model, so that a good prior saves steps.
    tolerance = _GRADIENT_SHARE * np.linalg.norm(loss.gradient(step, np.zeros_like(margins)))
    for _ in range(_STEPS):
        gradient = loss.gradient(step, margins)
        if np.linalg.norm(gradient) <= tolerance:
            break
        change = _newton(loss, gradient, loss.curvature(margins))
        step, margins, moved = _search(loss, step, margins, change, float(gradient @ change))
        if not moved:
            break
    return step, margins


def _newton(loss: _Loss, gradient: Floats, curvature: Floats) -> Floats:
    """Return the change to about the root of the linearised gradient, by conjugate gradients."""
    change = np.zeros_like(gradient)
    residual, direction = -gradient, -gradient
    square = float(residual @ residual)
    tolerance = _RESIDUAL_SHARE**2 * square
    for _ in range(_INNER_STEPS):
        product = direction + loss.columns @ (curvature * (loss.rows @ direction))
        length = np.float32(square / float(direction @ product))
        change += length * direction
        residual = residual - length * product
        before, square = square, float(residual @ residual)
        if square <= tolerance:
            break
        direction = residual + np.float32(square / before) * direction
    return change


def _search(
    loss: _Loss, step: Floats, margins: Floats, change: Floats, slope: float
) -> tuple[Floats, Floats, bool]:
    """Apply the change, halved until the loss falls; the flag is False if it never falls."""
    value, margin_change = loss.value(step, margins), loss.rows @ change
    for halvings in range(10):
        share = np.float32(0.5**halvings)
        moved = step + share * change, margins + share * margin_change
        if loss.value(*moved) <= value + 1e-4 * float(share) * slope:
            return *moved, True
    return step, margins, False
