"""What every recommender can do, and what all of them do alike: leave out, rank, fill up."""

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
    NOTHING,
    Items,
    Scores,
    best,
    rows_where,
    without,
)

_CELLS = 1 << 23

_Ranked = Callable[[Codes, int, csr_matrix], tuple[Items, Scores]]


@dataclass(frozen=True)
class Recommended:
    """Items for each of n askers, best first.

    `items` are codes, n × k, `NOTHING` where no item is left; `scores` the method's own, 0 where
    an item fills up the list by its popularity. `cold` is (n,): the method knows nothing of the
    asker, so that the whole list is made of what is popular.
    """

    items: Items
    scores: Scores
    cold: NDArray[np.bool_]


@dataclass
class Recommender(ABC):
    """Learns from interactions and recommends; a subclass says how it scores.

    Fitted attributes end with an underscore: `seen_` (users × items, ratings), `counts_` (items,)
    and `popular_`, the items by falling number of users.
    """

    rates: ClassVar[bool] = False
    """Whether `predict` gives stars."""

    def fit(self, interactions: Interactions) -> Self:
        """Learn.

        Raises:
            UnknownItemsError: there are no interactions, or the method needs products.
        """
        if not len(interactions):
            raise UnknownItemsError("there are no interactions to learn from")
        self.seen_ = interactions.matrix()
        self.counts_ = np.bincount(interactions.items, minlength=self.seen_.shape[1])
        self.popular_ = np.lexsort((np.arange(len(self.counts_)), -self.counts_)).astype(np.int32)
        self._fit(interactions)
        return self

    def recommend(self, users: ArrayLike, k: int = 10, exclude_seen: bool = True) -> Recommended:
        """The best k items, or all there are if fewer, for each user.

        Args:
            users: (n,) codes; a user that is not known, -1, is cold.
            k: how many.
            exclude_seen: leave out what the user has rated.

        Raises:
            ValueError: k is below 1, or a code is not of these interactions.
        """
        askers = _checked(users, self.seen_.shape[0], "user")
        left_out = _rows(self.seen_, askers)
        cold = ~self.knows_users(askers)
        if not exclude_seen:
            left_out = csr_matrix(left_out.shape, dtype=np.float32)
        return self._answer(askers, self._best, left_out, cold, k)

    def similar(self, items: ArrayLike, k: int = 10) -> Recommended:
        """The k items that are most like each item, itself left out; -1 is an unknown item.

        Raises:
            ValueError: k is below 1, or a code is not of these interactions.
        """
        askers = _checked(items, self.seen_.shape[1], "item")
        known = askers >= 0
        itself = csr_matrix(
            (np.ones(known.sum(), np.float32), (np.flatnonzero(known), askers[known])),
            (len(askers), self.seen_.shape[1]),
        )
        return self._answer(askers, self._most_similar, itself, ~self.knows_items(askers), k)

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """The stars that each user would give the item beside it; codes, -1 where unknown.

        Raises:
            TypeError: the method does not rate.
        """
        raise TypeError(f"{type(self).__name__} ranks, it does not rate")

    def knows_users(self, users: Codes) -> NDArray[np.bool_]:
        """Whether the method has learned something of each user; codes, -1 where unknown."""
        return (users >= 0) & (np.diff(self.seen_.indptr)[users] > 0)

    def knows_items(self, items: Codes) -> NDArray[np.bool_]:
        """Whether the method has learned something of each item; codes, -1 where unknown."""
        return (items >= 0) & (self.counts_[items] > 0)

    @abstractmethod
    def _fit(self, interactions: Interactions) -> None: ...

    @abstractmethod
    def _best(self, users: Codes, k: int, left_out: csr_matrix) -> tuple[Items, Scores]:
        """The best k items of users that the method knows, as `ranking.best` gives them."""

    @abstractmethod
    def _most_similar(self, items: Codes, k: int, left_out: csr_matrix) -> tuple[Items, Scores]:
        """The k items most like those that the method knows, as `ranking.best` gives them."""

    def _rows_at_once(self) -> int:
        return max(1, _CELLS // self.seen_.shape[1])

    def _answer(
        self, askers: Codes, ranked: _Ranked, left_out: csr_matrix, cold: NDArray[np.bool_], k: int
    ) -> Recommended:
        if k < 1:
            raise ValueError(f"k is {k}; ask for at least 1")
        k = min(k, self.seen_.shape[1])
        items = np.full((len(askers), k), NOTHING, np.int32)
        scores = np.zeros((len(askers), k), np.float32)
        warm = np.flatnonzero(~cold)
        for start in range(0, len(warm), step := self._rows_at_once()):
            rows = warm[start : start + step]
            items[rows], scores[rows] = ranked(askers[rows], k, left_out[rows])
        self._fill_up(items, left_out)
        return Recommended(items, scores, cold)

    def _fill_up(self, items: Items, left_out: csr_matrix) -> None:
        """Put the most popular items where lists end early."""
        k = items.shape[1]
        for row in np.flatnonzero(items[:, -1] == NOTHING):
            taken = left_out.indices[left_out.indptr[row] : left_out.indptr[row + 1]]
            there = items[row][items[row] != NOTHING]
            candidates = self.popular_[: k + len(taken)]
            more = candidates[~np.isin(candidates, np.concatenate([taken, there]))]
            filled = np.concatenate([there, more])[:k]
            items[row, : len(filled)] = filled


class ScoringRecommender(Recommender):
    """A recommender that scores all items, or in a sparse matrix those that are candidates."""

    @abstractmethod
    def _user_scores(self, users: Codes) -> NDArray[np.float32] | csr_matrix:
        """Users × items; a new array each time."""

    @abstractmethod
    def _item_scores(self, items: Codes) -> NDArray[np.float32] | csr_matrix:
        """Items asked for × items; a new array each time."""

    def _best(self, users: Codes, k: int, left_out: csr_matrix) -> tuple[Items, Scores]:
        return best(without(self._user_scores(users), left_out), k, self._priority())

    def _most_similar(self, items: Codes, k: int, left_out: csr_matrix) -> tuple[Items, Scores]:
        return best(without(self._item_scores(items), left_out), k, self._priority())

    def _priority(self) -> NDArray[np.int32]:
        return priority(self.popular_)


def priority(popular: Codes) -> NDArray[np.int32]:
    """For each item, (items,), how many come after it in the order `popular`."""
    places = np.empty(len(popular), np.int32)
    places[popular[::-1]] = np.arange(len(places), dtype=np.int32)
    return places


def _checked(codes: ArrayLike, known: int, noun: str) -> Codes:
    found = np.atleast_1d(np.asarray(codes, np.int32))
    if len(found) and not (found.min() >= -1 and found.max() < known):
        raise ValueError(f"a {noun} code is not between -1 and {known - 1}")
    return found


def _rows(matrix: csr_matrix, rows: Codes) -> csr_matrix:
    """The rows in the order of `rows`; an empty one for -1."""
    found = matrix[np.maximum(rows, 0)]
    return rows_where(found, np.repeat(rows >= 0, np.diff(found.indptr)))
