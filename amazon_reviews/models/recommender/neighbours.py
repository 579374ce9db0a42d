"""Neighbour methods: items rated by the same users, and users who rated the same items."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from implicit.nearest_neighbours import all_pairs_knn, bm25_weight
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from amazon_reviews.models.recommender.interactions import Codes, Interactions, tie_break
from amazon_reviews.models.recommender.ranking import (
    Items,
    Scores,
    best,
    pattern,
    unit_rows,
    without,
)
from amazon_reviews.models.recommender.recommender import ScoringRecommender

_ROWS = 2_048


@dataclass
class ItemNeighbours(ScoringRecommender):
    """The neighbours of the items that a user rated, by the sum of their similarities.

    Similarity is the cosine of the users of two items, or BM25 (`k1`, `b`), computed by the
    `implicit` package. BM25 gives more weight to users with few ratings and less to popular items.
    Each item has at most `neighbours` neighbours. At most the `most_of_a_user` latest ratings of a
    user count, since time grows with their square.
    """

    weighting: Literal["cosine", "bm25"] = "bm25"
    neighbours: int = 200
    k1: float = 1.2
    b: float = 0.4
    most_of_a_user: int = 1_000

    def _fit(self, interactions: Interactions) -> None:
        latest = interactions.latest(self.most_of_a_user)
        by_item = latest.matrix(np.ones(len(latest))).T.tocsr()
        if self.weighting == "bm25":
            weighted = bm25_weight(by_item, self.k1, self.b)
        else:
            weighted = unit_rows(by_item)
        # One neighbour more, as each item is also its own.
        nearest = all_pairs_knn(
            weighted.T.tocsr().astype(np.float64), self.neighbours + 1, show_progress=False
        )
        others, shape = nearest.row != nearest.col, nearest.shape
        places = (nearest.row[others], nearest.col[others])
        values = nearest.data.astype(np.float32)[others]
        # Twice as large as the matrix that is built from its values.
        del nearest
        self.similarity_ = csr_matrix((values, places), shape)

    def item_similarity(self) -> csr_matrix:
        """Return the similarities of each item and its neighbours."""
        return self.similarity_

    def _rows_at_once(self) -> int:
        return _ROWS

    def _user_scores(self, users: Codes) -> csr_matrix:
        return (pattern(self.train_[users]) @ self.similarity_).tocsr()

    def _item_scores(self, items: Codes) -> csr_matrix:
        return self.similarity_[items]


@dataclass
class UserNeighbours(ScoringRecommender):
    """The items that the nearest users, by the cosine of ratings, have rated.

    The model holds ratings only, and finds neighbours at query time. Candidates are a random
    sample of at most `most_of_an_item` users of each item; the nearest `neighbours` of them count.
    """

    neighbours: int = 100
    most_of_an_item: int = 1_000

    def _fit(self, interactions: Interactions) -> None:
        self.unit_ = unit_rows(self.train_)
        order = np.lexsort((tie_break(interactions), interactions.items))
        starts = np.concatenate([[0], np.cumsum(self.counts_)])[:-1]
        places = np.arange(len(order)) - starts[interactions.items[order]]
        sample = order[places < self.most_of_an_item]
        in_sample = csr_matrix(
            (np.ones(len(sample)), (interactions.users[sample], interactions.items[sample])),
            self.train_.shape,
        )
        self.candidates_ = csr_matrix(self.unit_.multiply(in_sample).T, dtype=np.float32)

    def _rows_at_once(self) -> int:
        return _ROWS // 8

    def _user_scores(self, users: Codes) -> csr_matrix:
        shape = (len(users), self.train_.shape[0])
        itself = csr_matrix((np.ones(len(users)), (np.arange(len(users)), users)), shape)
        similarity = without((self.unit_[users] @ self.candidates_).tocsr(), itself)
        nearest, scores = best(similarity, self.neighbours, np.arange(shape[1], dtype=np.int32))
        return (_as_matrix(nearest, scores, shape[1]) @ pattern(self.train_)).tocsr()

    def _item_scores(self, items: Codes) -> csr_matrix:
        return (self.candidates_[items] @ self.unit_).tocsr()


def _as_matrix(items: Items, scores: Scores, columns: int) -> csr_matrix:
    rows, places = np.nonzero(items >= 0)
    values = (scores[rows, places], (rows, items[rows, places]))
    return csr_matrix(values, (len(items), columns))


@dataclass
class ItemRegression(ScoringRecommender):
    """EASE: the ridge regression of each item's users on the users of all other items.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019, in closed form. Limited to
    the `most_items` items with most users, as time grows with the cube of their number. Each item
    has the `neighbours` weights that are furthest from 0.
    """

    regularization: float = 300.0
    most_items: int = 3_000
    neighbours: int = 200

    def _fit(self, interactions: Interactions) -> None:
        chosen = np.sort(self.popular_[: self.most_items])
        rated = pattern(self.train_)[:, chosen]
        gram = (rated.T @ rated).astype(np.float64).toarray()
        gram[np.diag_indices_from(gram)] += self.regularization
        weights = np.linalg.inv(gram)
        del gram
        weights /= -np.diag(weights)
        np.fill_diagonal(weights, 0)
        self.weights_ = _spread(_strongest(weights, self.neighbours), chosen, len(self.counts_))

    def item_similarity(self) -> csr_matrix:
        """Return the weights of each item in the regressions of the others."""
        return self.weights_

    def _rows_at_once(self) -> int:
        return _ROWS

    def _user_scores(self, users: Codes) -> csr_matrix:
        return (pattern(self.train_[users]) @ self.weights_).tocsr()

    def _item_scores(self, items: Codes) -> csr_matrix:
        return self.weights_[items]


def _strongest(weights: NDArray[np.float64], most: int) -> csr_matrix:
    """Return the `most` values of each row that are furthest from 0."""
    cut = max(0, weights.shape[1] - most)
    parts = []
    for start in range(0, len(weights), _ROWS // 8):
        rows = weights[start : start + _ROWS // 8]
        least = np.partition(np.abs(rows), cut, axis=1)[:, cut : cut + 1] if cut else 0
        parts.append(csr_matrix(np.where(np.abs(rows) >= least, rows, 0), dtype=np.float32))
    return csr_matrix(vstack(parts))


def _spread(matrix: csr_matrix, places: Codes, size: int) -> csr_matrix:
    """Return a size × size matrix with the rows and columns of `matrix` at these places."""
    values = matrix.tocoo()
    return csr_matrix((values.data, (places[values.row], places[values.col])), (size, size))
