"""The best of many scores, row by row, in a deterministic order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

NO_ITEM = -1
"""Marks an empty place of a ranking."""
# Sparse matrices cannot subtract infinity from a missing value.
_NEVER = np.float32(1e30)
_CHUNK = 128

Items = NDArray[np.int32]
Scores = NDArray[np.float32]


def best(
    scores: NDArray[np.float32] | csr_matrix, k: int, priority: NDArray[np.int32]
) -> tuple[Items, Scores]:
    """Return the k highest scores of each row, highest first: items and scores, both rows × k.

    Among equal scores the item with the higher priority, (items,) from 0 up, comes first. A score
    of minus infinity, or a missing value of a sparse matrix, is no candidate. Places without a
    candidate are `NO_ITEM`, with a score of 0.
    """
    if isinstance(scores, csr_matrix):
        return _best_sparse(scores, k, priority)
    return _best_dense(scores, k, priority)


def best_by_chunks(scores: Scores, k: int) -> tuple[Items, Scores]:
    """Return the k highest scores of each row, as `best`, but with equal scores in any order.

    The k highest scores are in the k chunks of columns with the highest maxima.
    """
    rows, width = scores.shape
    chunks = width // _CHUNK
    if chunks <= 2 * k:
        return best_of(scores, min(k, width), np.zeros(width, np.int32))
    whole = chunks * _CHUNK
    highest = scores[:, :whole].reshape(rows, chunks, _CHUNK).max(axis=2)
    top = np.argpartition(highest, -k, axis=1)[:, -k:]
    within = (top[:, :, None] * _CHUNK + np.arange(_CHUNK)).reshape(rows, -1)
    rest = np.broadcast_to(np.arange(whole, width), (rows, width - whole))
    columns = np.hstack([within, rest]).astype(np.int32)
    candidates = np.take_along_axis(scores, columns, axis=1)
    return best_of(candidates, k, np.zeros(columns.shape[1], np.int32), columns)


def without(
    scores: NDArray[np.float32] | csr_matrix, excluded: csr_matrix
) -> NDArray[np.float32] | csr_matrix:
    """Return the scores without candidates that `excluded` stores, row by row.

    A dense array of scores is changed in place.
    """
    if isinstance(scores, csr_matrix):
        return (scores - pattern(excluded) * _NEVER).tocsr()
    rows = np.repeat(np.arange(excluded.shape[0]), np.diff(excluded.indptr))
    scores[rows, excluded.indices] = -np.inf
    return scores


def pattern(matrix: csr_matrix) -> csr_matrix:
    """Return 1 for each stored value of the matrix."""
    ones = np.ones(len(matrix.data), np.float32)
    return csr_matrix((ones, matrix.indices, matrix.indptr), matrix.shape)


def unit_rows(matrix: csr_matrix) -> csr_matrix:
    """Return the rows divided by their lengths; a row of zeros stays."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags(1 / np.where(lengths > 0, lengths, 1)) @ matrix, dtype=np.float32)


def rows_where(matrix: csr_matrix, mask: NDArray[np.bool_]) -> csr_matrix:
    """Return the matrix with the stored values that `mask`, (stored,), selects."""
    ends = np.concatenate([[0], np.cumsum(mask)])[matrix.indptr]
    return csr_matrix((matrix.data[mask], matrix.indices[mask], ends), matrix.shape)


def best_of(
    scores: Scores, k: int, priority: Items, items: Items | None = None
) -> tuple[Items, Scores]:
    """Return the k highest scores of each row, as `best`.

    `priority`, of each column or each score, is at least 0. `items` are the codes of the scores in
    their shape, if these are not the columns. There may be fewer columns than k.
    """
    bits = np.ascontiguousarray(scores + np.float32(0), np.float32).view(np.int32)
    ordered = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    # One integer per score sorts both at once: the score in the high bits, the priority below.
    keys = (ordered.astype(np.int64) << 32) | priority
    if k < keys.shape[1]:
        top = np.argpartition(keys, -k, axis=1)[:, -k:]
    else:
        top = np.broadcast_to(np.arange(keys.shape[1]), keys.shape)
    order = np.argsort(-np.take_along_axis(keys, top, axis=1), axis=1)
    top = np.take_along_axis(top, order, axis=1)
    top_scores = np.take_along_axis(scores, top, axis=1)
    codes = top if items is None else np.take_along_axis(items, top, axis=1)
    valid = np.isfinite(top_scores)
    return _padded(np.where(valid, codes, NO_ITEM), k), _padded(np.where(valid, top_scores, 0), k)


def _padded(values: NDArray[Any], k: int) -> NDArray[Any]:
    missing = max(0, k - values.shape[1])
    fill = NO_ITEM if values.dtype.kind == "i" else 0
    dtype = np.int32 if values.dtype.kind == "i" else np.float32
    return np.pad(values, ((0, 0), (0, missing)), constant_values=fill).astype(dtype)


def _best_sparse(scores: csr_matrix, k: int, priority: Items) -> tuple[Items, Scores]:
    """Rank rows of similar lengths together, so that short rows are not padded to the longest."""
    items = np.full((scores.shape[0], k), NO_ITEM, np.int32)
    top_scores = np.zeros((scores.shape[0], k), np.float32)
    sizes = np.frexp(np.diff(scores.indptr))[1]
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        items[rows], top_scores[rows] = _best_stored(scores[rows], k, priority)
    return items, top_scores


def _best_stored(scores: csr_matrix, k: int, priority: Items) -> tuple[Items, Scores]:
    """Rank the stored values of each row, moved to its beginning."""
    lengths = np.diff(scores.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(rows)) - scores.indptr[rows]
    shape = (len(lengths), int(lengths.max(initial=1)))
    moved, items = np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int32)
    moved[rows, places] = np.where(scores.data > -_NEVER / 2, scores.data, -np.inf)
    items[rows, places] = scores.indices
    return best_of(moved, k, priority[items], items)


def _best_dense(scores: Scores, k: int, priority: Items) -> tuple[Items, Scores]:
    """Rank the scores that are not below the k-th highest maximum of chunks of columns.

    There are at least k such scores, unless there are fewer candidates.
    """
    rows, width = scores.shape
    chunks = width // _CHUNK
    if chunks <= 2 * k:
        return best_of(scores, min(k, width), priority)
    highest = scores[:, : chunks * _CHUNK].reshape(rows, chunks, _CHUNK).max(axis=2)
    reached = np.partition(highest, -k, axis=1)[:, -k, None]
    candidates = scores >= np.maximum(reached, -_NEVER)
    ends = np.concatenate([[0], np.cumsum(candidates.sum(axis=1))])
    columns = np.nonzero(candidates)[1]
    return _best_sparse(csr_matrix((scores[candidates], columns, ends), scores.shape), k, priority)
