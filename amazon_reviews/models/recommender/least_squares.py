"""Least squares of many rows at once: the step that all factorisations of ratings repeat."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Factors = NDArray[np.float32]

_CELLS = 1 << 19
_SWEEPS = 10
_ENOUGH = 1e-3


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
    """The ridge regression of each row's ratings on the features of their columns, rows × f.

    Of `ratings`, rows × columns, only what is stored was rated; `features` are columns × f, `ridge`
    is (f,). Row r minimises the sum over its n ratings of (rating - x·features)² + Σ ridge·x² +
    ridge_a_rating·n·Σ x², with x at least 0 if `non_negative`, which is looked for from `start`
    on, rows × f; a row without ratings is 0. All normal equations of a block of rows come from one
    sparse product with the features' outer products; `jobs` blocks are solved at once.
    """
    f = features.shape[1]
    upper = np.triu_indices(f)
    outer = np.ascontiguousarray(features[:, upper[0]] * features[:, upper[1]])
    found = np.zeros((ratings.shape[0], f), np.float32)

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
            found[rows] = _non_negative(grams, right, None if start is None else start[rows])
        else:
            found[rows] = _solve(grams, right)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(solve, _blocks(ratings.shape[0], max(1, _CELLS // (f * f)))))
    return found


def _blocks(rows: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, rows, size))


def _solve(grams: NDArray[np.float32], right: Factors) -> Factors:
    return np.linalg.solve(grams, right[..., None])[..., 0]


def _non_negative(grams: NDArray[np.float32], right: Factors, start: Factors | None) -> Factors:
    """Cyclic coordinate descent; the problem is strictly convex, so it nears the one minimum."""
    found = _solve(grams, right)
    rows = np.flatnonzero((found < 0).any(axis=1))
    found[rows] = np.maximum(found if start is None else start, 0)[rows]
    enough = _ENOUGH * max(float(np.abs(found).max(initial=0)), _ENOUGH)
    for _ in range(_SWEEPS):
        if not len(rows):
            break
        x, gram, wanted = found[rows], grams[rows], right[rows]
        for j in range(x.shape[1]):
            gradient = wanted[:, j] - np.einsum("rf,rf->r", gram[:, j], x)
            x[:, j] = np.maximum(x[:, j] + gradient / gram[:, j, j], 0)
        moved = np.abs(x - found[rows]).max(axis=1) > enough
        found[rows] = x
        rows = rows[moved]
    return found
