"""The best of many scores, row by row, always in the same order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

NOTHING = -1
"""Stands in a list of items where there is no item."""
_NEVER = np.float32(1e30)
_CHUNK = 128

Items = NDArray[np.int32]
Scores = NDArray[np.float32]


def best(
    scores: NDArray[np.float32] | csr_matrix, k: int, priority: NDArray[np.int32]
) -> tuple[Items, Scores]:
    """The k highest scores of each row, highest first: items and scores, both rows × k.

    Of equal scores the item with the higher priority, (items,) from 0 up, comes first. A score of
    minus infinity, or none in a sparse matrix, is no candidate: `NOTHING`, with a score of 0.
    """
    if isinstance(scores, csr_matrix):
        return _best_sparse(scores, k, priority)
    return _best_dense(scores, k, priority)


def best_by_chunks(scores: Scores, k: int) -> tuple[Items, Scores]:
    """The k highest scores of each row of many, as `best`, but of equal scores any comes first.

    The k highest lie in the k chunks of columns whose highest scores are highest.
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
    found = np.take_along_axis(scores, columns, axis=1)
    return best_of(found, k, np.zeros(columns.shape[1], np.int32), columns)


def without(
    scores: NDArray[np.float32] | csr_matrix, left_out: csr_matrix
) -> NDArray[np.float32] | csr_matrix:
    """The scores with those made no candidates that `left_out` stores, row by row."""
    if isinstance(scores, csr_matrix):
        return (scores - pattern(left_out) * _NEVER).tocsr()
    rows = np.repeat(np.arange(left_out.shape[0]), np.diff(left_out.indptr))
    scores[rows, left_out.indices] = -np.inf
    return scores


def pattern(matrix: csr_matrix) -> csr_matrix:
    """1 where the matrix stores a value."""
    ones = np.ones(len(matrix.data), np.float32)
    return csr_matrix((ones, matrix.indices, matrix.indptr), matrix.shape)


def unit_rows(matrix: csr_matrix) -> csr_matrix:
    """The rows divided by their lengths; a row of zeros stays."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags(1 / np.where(lengths > 0, lengths, 1)) @ matrix, dtype=np.float32)


def rows_where(matrix: csr_matrix, kept: NDArray[np.bool_]) -> csr_matrix:
    """The matrix with some of its stored values, (stored,), and no others."""
    ends = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return csr_matrix((matrix.data[kept], matrix.indices[kept], ends), matrix.shape)


def best_of(
    scores: Scores, k: int, priority: Items, items: Items | None = None
) -> tuple[Items, Scores]:
    """The k highest scores of each row, as `best` gives them.

    `priority`, of each column or each score, is at least 0; `items` are the codes of the scores,
    in their shape, where these are not the columns. There may be fewer columns than k.
    """
    bits = np.ascontiguousarray(scores + np.float32(0), np.float32).view(np.int32)
    ordered = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    # One whole number for each score: its order above, the priority below.
    keys = (ordered.astype(np.int64) << 32) | priority
    if k < keys.shape[1]:
        top = np.argpartition(keys, -k, axis=1)[:, -k:]
    else:
        top = np.broadcast_to(np.arange(keys.shape[1]), keys.shape)
    order = np.argsort(-np.take_along_axis(keys, top, axis=1), axis=1)
    top = np.take_along_axis(top, order, axis=1)
    found = np.take_along_axis(scores, top, axis=1)
    named = top if items is None else np.take_along_axis(items, top, axis=1)
    there = np.isfinite(found)
    return _padded(np.where(there, named, NOTHING), k), _padded(np.where(there, found, 0), k)


def _padded(values: NDArray[Any], k: int) -> NDArray[Any]:
    missing = max(0, k - values.shape[1])
    fill = NOTHING if values.dtype.kind == "i" else 0
    dtype = np.int32 if values.dtype.kind == "i" else np.float32
    return np.pad(values, ((0, 0), (0, missing)), constant_values=fill).astype(dtype)


def _best_sparse(scores: csr_matrix, k: int, priority: Items) -> tuple[Items, Scores]:
    """Rows of like lengths together, so that short ones are not made as long as the longest."""
    items = np.full((scores.shape[0], k), NOTHING, np.int32)
    found = np.zeros((scores.shape[0], k), np.float32)
    sizes = np.frexp(np.diff(scores.indptr))[1]
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        items[rows], found[rows] = _best_stored(scores[rows], k, priority)
    return items, found


def _best_stored(scores: csr_matrix, k: int, priority: Items) -> tuple[Items, Scores]:
    """By the stored values of each row, moved to its beginning."""
    lengths = np.diff(scores.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(rows)) - scores.indptr[rows]
    shape = (len(lengths), int(lengths.max(initial=1)))
    moved, items = np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int32)
    moved[rows, places] = np.where(scores.data > -_NEVER / 2, scores.data, -np.inf)
    items[rows, places] = scores.indices
    return best_of(moved, k, priority[items], items)


def _best_dense(scores: Scores, k: int, priority: Items) -> tuple[Items, Scores]:
    """Among the scores that are not below the k-th highest of what chunks of columns reach.

    There are at least k such, unless there are fewer candidates.
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
