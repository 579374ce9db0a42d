"""Least squares of many rows at once, the repeated step of all factorisations of ratings."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Factors = NDArray[np.float32]

# Numbers in the normal equations of one block: small enough for the processor's cache.
_CELLS = 1 << 19
_SWEEPS = 10
_TOLERANCE = 1e-3


def solve_rows(
    ratings: csr_matrix,
    features: Factors,
    ridge: NDArray[np.float32],
    *,
    ridge_a_rating: float = 0.0,
    non_negative: bool = False,
    start: Factors | None = None,
    jobs: int = 2,
) -> Factors:
    """Return the ridge regression of each row's ratings on the features of their columns, rows × f.

    Only stored values of `ratings`, rows × columns, are ratings; `features` are columns × f,
    `ridge` is (f,). Row r minimises the sum over its n ratings of (rating - x·features)² +
    Σ ridge·x² + ridge_a_rating·n·Σ x². With `non_negative`, x is at least 0, and the search begins
    at `start`, rows × f. A row without ratings is 0. All normal equations of a block of rows come
    from one sparse product with the features' outer products. `jobs` blocks are solved at once.
    """
    f = features.shape[1]
    upper, size = np.triu_indices(f), max(1, _CELLS // (f * f))
    outer = np.take(features, upper[0], axis=1)
    for first in range(0, len(outer), size):
        # In blocks, as a second factor of this size would take as much memory again.
        outer[first : first + size] *= features[first : first + size, upper[1]]
    solutions = np.zeros((ratings.shape[0], f), np.float32)

    def solve(rows: slice) -> None:
        part = ratings[rows]
        pattern = csr_matrix((np.ones_like(part.data), part.indices, part.indptr), part.shape)
        grams = np.empty((part.shape[0], f, f), np.float32)
        grams[:, upper[0], upper[1]] = grams[:, upper[1], upper[0]] = pattern @ outer
        counts = np.diff(part.indptr)
        diagonal = ridge + np.float32(ridge_a_rating) * counts[:, None]
        grams[:, np.arange(f), np.arange(f)] += np.where(counts[:, None] > 0, diagonal, 1)
        right = part @ features
        if non_negative:
            solutions[rows] = _non_negative(grams, right, None if start is None else start[rows])
        else:
            solutions[rows] = _solve(grams, right)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(solve, (slice(k, k + size) for k in range(0, ratings.shape[0], size))))
    return solutions


def _solve(grams: NDArray[np.float32], right: Factors) -> Factors:
    return np.linalg.solve(grams, right[..., None])[..., 0]


def _non_negative(grams: NDArray[np.float32], right: Factors, start: Factors | None) -> Factors:
    """Solve by cyclic coordinate descent; the problem is strictly convex, so it has one minimum."""
    solutions = _solve(grams, right)
    rows = np.flatnonzero((solutions < 0).any(axis=1))
    solutions[rows] = np.maximum(solutions if start is None else start, 0)[rows]
    tolerance = _TOLERANCE * max(float(np.abs(solutions).max(initial=0)), _TOLERANCE)
    for _ in range(_SWEEPS):
        if not len(rows):
            break
        x, gram, target = solutions[rows], grams[rows], right[rows]
        for j in range(x.shape[1]):
            gradient = target[:, j] - np.einsum("rf,rf->r", gram[:, j], x)
            x[:, j] = np.maximum(x[:, j] + gradient / gram[:, j, j], 0)
        moved = np.abs(x - solutions[rows]).max(axis=1) > tolerance
        solutions[rows] = x
        rows = rows[moved]
    return solutions
