"""The base classes of all recommenders: fit, exclude items, rank, fill up with popular items."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix

from amazon_reviews.errors import UnknownItemsError
from amazon_reviews.models.recommender.interactions import Codes, Interactions
from amazon_reviews.models.recommender.ranking import (
    NO_ITEM,
    Items,
    Scores,
    best,
    rows_where,
    without,
)

LIKED = 4.0
"""Stars from which a rated item can be the reason of a recommendation."""

# Scores that are computed at once: 32 MiB of float32.
_CELLS = 1 << 23

_Ranker = Callable[[Codes, int, csr_matrix], tuple[Items, Scores]]


@dataclass(frozen=True)
class Recommendations:
    """Ranked items for each of n queried users or items, best first.

    `items` are codes, n × k, `NO_ITEM` after the last one. `scores` are the method's own, 0 for
    items that fill up the ranking by popularity. `cold` is (n,): True if the method knows nothing
    of the queried user or item, so that the whole ranking is made of popular items.
    """

    items: Items
    scores: Scores
    cold: NDArray[np.bool_]


@dataclass
class Recommender(ABC):
    """Learns from interactions and recommends; a subclass defines the ranking.

    Fitted attributes end with an underscore: `train_` (users × items, ratings), `counts_` (users
    of each item) and `popular_` (the items by falling number of users).
    """

    rates: ClassVar[bool] = False
    """True if `predict` returns stars."""

    def fit(self, interactions: Interactions) -> Self:
        """Learn from the interactions.

        Raises:
            UnknownItemsError: there are no interactions, or the method needs products.
        """
        if not len(interactions):
            raise UnknownItemsError("there are no interactions to learn from")
        self.train_ = interactions.matrix()
        self.counts_ = np.bincount(interactions.items, minlength=self.train_.shape[1])
        self.popular_ = np.lexsort((np.arange(len(self.counts_)), -self.counts_)).astype(np.int32)
        self._fit(interactions)
        return self

    def recommend(
        self, users: ArrayLike, k: int = 10, exclude_seen: bool = True
    ) -> Recommendations:
        """Return the best k items for each user, or all items if there are fewer.

        Args:
            users: (n,) codes; an unknown user, -1, is cold.
            k: the length of a ranking.
            exclude_seen: exclude the items that the user has rated.

        Raises:
            ValueError: k is below 1, or a code is not of these interactions.
        """
        queries = _checked_codes(users, self.train_.shape[0], "user")
        excluded = _rows(self.train_, queries)
        cold = ~self.knows_users(queries)
        if not exclude_seen:
            excluded = csr_matrix(excluded.shape, dtype=np.float32)
        return self._rank(queries, self.rank_items, excluded, cold, k)

    def similar(self, items: ArrayLike, k: int = 10) -> Recommendations:
        """Return the k most similar items of each item, without itself; -1 is an unknown item.

        Raises:
            ValueError: k is below 1, or a code is not of these interactions.
        """
        queries = _checked_codes(items, self.train_.shape[1], "item")
        known = queries >= 0
        itself = csr_matrix(
            (np.ones(known.sum(), np.float32), (np.flatnonzero(known), queries[known])),
            (len(queries), self.train_.shape[1]),
        )
        return self._rank(queries, self.rank_similar, itself, ~self.knows_items(queries), k)

    def reasons(self, users: Codes, items: Items) -> Items:
        """Return the user's liked item that is most similar to each item of the user's ranking.

        The result has the shape of `items`. It is `NO_ITEM` if no liked item is similar, if the
        user is unknown, or if the method has no similarities of items.
        """
        similarity = self.item_similarity()
        if similarity is None:
            return np.full(items.shape, NO_ITEM, np.int32)
        rows, targets = np.repeat(users, items.shape[1]), items.ravel()
        liked = self.train_[np.maximum(rows, 0)]
        liked.data = (liked.data >= LIKED).astype(np.float32)
        shared = similarity[np.maximum(targets, 0)].multiply(liked)
        nearest = np.asarray(shared.argmax(axis=1)).ravel()
        highest = shared.max(axis=1).toarray().ravel()
        has_reason = (highest > 0) & (targets >= 0) & (rows >= 0)
        return np.where(has_reason, nearest, NO_ITEM).astype(np.int32).reshape(items.shape)

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """Return the stars of each user for the item at the same position; -1 is unknown.

        Raises:
            TypeError: the method does not rate.
        """
        raise TypeError(f"{type(self).__name__} ranks, it does not rate")

    def knows_users(self, users: Codes) -> NDArray[np.bool_]:
        """Return True for each user that the method has learned from; -1 is unknown."""
        return (users >= 0) & (np.diff(self.train_.indptr)[users] > 0)

    def knows_items(self, items: Codes) -> NDArray[np.bool_]:
        """Return True for each item that the method has learned from; -1 is unknown."""
        return (items >= 0) & (self.counts_[items] > 0)

    @abstractmethod
    def rank_items(self, users: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Rank the best k items for users that the method knows, as `ranking.best` does.

        Items that `excluded`, users × items, stores for a user are not ranked.
        """

    @abstractmethod
    def rank_similar(self, items: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Rank the k most similar items of items that the method knows, as `ranking.best` does.

        Items that `excluded`, queried items × items, stores for an item are not ranked.
        """

    def shares(self) -> dict[str, float]:
        """Return the shares of the methods whose rankings are fused; none for a single method."""
        return {}

    def item_similarity(self) -> csr_matrix | None:
        """Return the similarities of items, items × items; None if the method has none."""
        return None

    @abstractmethod
    def _fit(self, interactions: Interactions) -> None: ...

    def _rows_at_once(self) -> int:
        return max(1, _CELLS // self.train_.shape[1])

    def _rank(
        self,
        queries: Codes,
        ranker: _Ranker,
        excluded: csr_matrix,
        cold: NDArray[np.bool_],
        k: int,
    ) -> Recommendations:
        if k < 1:
            raise ValueError(f"k is {k}; ask for at least 1")
        k = min(k, self.train_.shape[1])
        items = np.full((len(queries), k), NO_ITEM, np.int32)
        scores = np.zeros((len(queries), k), np.float32)
        warm = np.flatnonzero(~cold)
        for start in range(0, len(warm), step := self._rows_at_once()):
            rows = warm[start : start + step]
            items[rows], scores[rows] = ranker(queries[rows], k, excluded[rows])
        self._fill_up(items, excluded)
        return Recommendations(items, scores, cold)

    def _fill_up(self, items: Items, excluded: csr_matrix) -> None:
        """Append the most popular items to rankings that are not full."""
        k = items.shape[1]
        for row in np.flatnonzero(items[:, -1] == NO_ITEM):
            not_allowed = excluded.indices[excluded.indptr[row] : excluded.indptr[row + 1]]
            ranked = items[row][items[row] != NO_ITEM]
            candidates = self.popular_[: k + len(not_allowed)]
            more = candidates[~np.isin(candidates, np.concatenate([not_allowed, ranked]))]
            filled = np.concatenate([ranked, more])[:k]
            items[row, : len(filled)] = filled


class ScoringRecommender(Recommender):
    """A recommender that scores all items; a sparse matrix of scores holds the candidates only."""

    @abstractmethod
    def _user_scores(self, users: Codes) -> NDArray[np.float32] | csr_matrix:
        """Return the scores of users × items in a new array."""

    @abstractmethod
    def _item_scores(self, items: Codes) -> NDArray[np.float32] | csr_matrix:
        """Return the scores of queried items × items in a new array."""

    def rank_items(self, users: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Rank items by the scores of users."""
        return best(without(self._user_scores(users), excluded), k, priority(self.popular_))

    def rank_similar(self, items: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Rank items by the scores of items."""
        return best(without(self._item_scores(items), excluded), k, priority(self.popular_))


def priority(popular: Codes) -> NDArray[np.int32]:
    """Return, for each item, the number of items that come after it in the order `popular`."""
    places = np.empty(len(popular), np.int32)
    places[popular[::-1]] = np.arange(len(places), dtype=np.int32)
    return places


def _checked_codes(values: ArrayLike, known: int, noun: str) -> Codes:
    codes = np.atleast_1d(np.asarray(values, np.int32))
    if len(codes) and not (codes.min() >= -1 and codes.max() < known):
        raise ValueError(f"a {noun} code is not between -1 and {known - 1}")
    return codes


def _rows(matrix: csr_matrix, rows: Codes) -> csr_matrix:
    """Return the rows in the order of `rows`; an empty row for -1."""
    selected = matrix[np.maximum(rows, 0)]
    return rows_where(selected, np.repeat(rows >= 0, np.diff(selected.indptr)))
