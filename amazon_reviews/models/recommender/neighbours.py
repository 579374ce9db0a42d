"""Neighbours: items rated by the same users, and users who rated the same items."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from implicit.nearest_neighbours import all_pairs_knn, bm25_weight
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from amazon_reviews.models.recommender.interactions import Codes, Interactions, tie_break
from amazon_reviews.models.recommender.ranking import (
    Items,
    Scores,
    best,
    pattern,
    rows_where,
    unit_rows,
    without,
)
from amazon_reviews.models.recommender.recommender import ScoringRecommender

_ROWS = 2_048


@dataclass
class ItemNeighbours(ScoringRecommender):
    """A user gets the neighbours of what the user has rated, by the sum of their likeness.

    Items are alike by the cosine of their users, or by BM25, where a rare user's word counts more
    and a popular item's less (`k1`, `b`; the computing is the `implicit` package's). Each item
    keeps its `neighbours` nearest. At most the `most_of_a_user` latest ratings of a user count,
    since time grows with their square.
    """

    weighting: Literal["cosine", "bm25"] = "bm25"
    neighbours: int = 200
    k1: float = 1.2
    b: float = 0.4
    most_of_a_user: int = 1_000

    def _fit(self, interactions: Interactions) -> None:
        kept = interactions.latest(self.most_of_a_user)
        by_item = kept.matrix(np.ones(len(kept))).T.tocsr()
        if self.weighting == "bm25":
            weighted = bm25_weight(by_item, self.k1, self.b)
        else:
            weighted = unit_rows(by_item)
        every = all_pairs_knn(
            weighted.T.tocsr().astype(np.float64), self.neighbours + 1, show_progress=False
        ).tocsr()
        rows = np.repeat(np.arange(every.shape[0]), np.diff(every.indptr))
        self.alike_ = csr_matrix(rows_where(every, every.indices != rows), dtype=np.float32)

    def _rows_at_once(self) -> int:
        return _ROWS

    def _user_scores(self, users: Codes) -> csr_matrix:
        return (pattern(self.seen_[users]) @ self.alike_).tocsr()

    def _item_scores(self, items: Codes) -> csr_matrix:
        return self.alike_[items]


@dataclass
class UserNeighbours(ScoringRecommender):
    """A user gets what the nearest users, by cosine of ratings, have rated.

    Nothing is kept but the ratings: neighbours are looked for when they are asked for, among at
    most `most_of_an_item` users of each item, drawn by lot, and `neighbours` of them count.
    """

    neighbours: int = 100
    most_of_an_item: int = 1_000

    def _fit(self, interactions: Interactions) -> None:
        self.unit_ = unit_rows(self.seen_)
        order = np.lexsort((tie_break(interactions), interactions.items))
        starts = np.concatenate([[0], np.cumsum(self.counts_)])[:-1]
        places = np.arange(len(order)) - starts[interactions.items[order]]
        kept = order[places < self.most_of_an_item]
        drawn = csr_matrix(
            (np.ones(len(kept)), (interactions.users[kept], interactions.items[kept])),
            self.seen_.shape,
        )
        self.candidates_ = csr_matrix(self.unit_.multiply(drawn).T, dtype=np.float32)

    def _rows_at_once(self) -> int:
        return _ROWS // 8

    def _user_scores(self, users: Codes) -> csr_matrix:
        shape = (len(users), self.seen_.shape[0])
        itself = csr_matrix((np.ones(len(users)), (np.arange(len(users)), users)), shape)
        alike = without((self.unit_[users] @ self.candidates_).tocsr(), itself)
        nearest, scores = best(alike, self.neighbours, np.arange(shape[1], dtype=np.int32))
        return (_as_matrix(nearest, scores, shape[1]) @ pattern(self.seen_)).tocsr()

    def _item_scores(self, items: Codes) -> csr_matrix:
        by_item = self.candidates_[items]
        return (by_item @ self.unit_).tocsr()


def _as_matrix(items: Items, scores: Scores, columns: int) -> csr_matrix:
    rows, places = np.nonzero(items >= 0)
    found = (scores[rows, places], (rows, items[rows, places]))
    return csr_matrix(found, (len(items), columns))


@dataclass
class ItemRegression(ScoringRecommender):
    """Each item's users from those of all others: the ridge regression EASE, in closed form.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019. Among the `most_items`
    with most users, as time grows with their cube; of each item the `neighbours` weights that are
    furthest from 0 are kept.
    """

    regularization: float = 300.0
    most_items: int = 3_000
    neighbours: int = 200

    def _fit(self, interactions: Interactions) -> None:
        chosen = np.sort(self.popular_[: self.most_items])
        rated = pattern(self.seen_)[:, chosen]
        gram = (rated.T @ rated).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += self.regularization
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        self.weights_ = _spread(_strongest(weights, self.neighbours), chosen, len(self.counts_))

    def _rows_at_once(self) -> int:
        return _ROWS

    def _user_scores(self, users: Codes) -> csr_matrix:
        return (pattern(self.seen_[users]) @ self.weights_).tocsr()

    def _item_scores(self, items: Codes) -> csr_matrix:
        return self.weights_[items]


def _strongest(weights: NDArray[np.float64], most: int) -> csr_matrix:
    """Of each row the `most` values furthest from 0."""
    cut = max(0, weights.shape[1] - most)
    least = np.partition(np.abs(weights), cut, axis=1)[:, cut : cut + 1] if cut else 0
    return csr_matrix(np.where(np.abs(weights) >= least, weights, 0), dtype=np.float32)


def _spread(matrix: csr_matrix, places: Codes, size: int) -> csr_matrix:
    """The matrix with its rows and columns at these places of one of size × size."""
    found = matrix.tocoo()
    return csr_matrix((found.data, (places[found.row], places[found.col])), (size, size))
