"""Popularity: what most people rate, of late, or in the categories that a user rates."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from amazon_reviews.models.recommender.interactions import (
    NO_TIME,
    SECONDS_A_DAY,
    Codes,
    Interactions,
)
from amazon_reviews.models.recommender.products import needed
from amazon_reviews.models.recommender.ranking import NOTHING, Items, Scores, best, without
from amazon_reviews.models.recommender.recommender import ScoringRecommender


@dataclass
class Popularity(ScoringRecommender):
    """The items with most users.

    `overall` counts every user alike. `recent` halves a rating's weight every `half_life` days
    before the latest. `category` multiplies an item's share within its main category by the
    share of that category in the user's ratings.
    """

    kind: Literal["overall", "recent", "category"] = "overall"
    half_life: float = 180.0

    def _fit(self, interactions: Interactions) -> None:
        weights = self._weights(interactions.times)
        counts = np.bincount(interactions.items, weights, minlength=self.seen_.shape[1])
        self.scores_ = (counts / counts.max()).astype(np.float32)
        self.categories_ = np.zeros(len(counts), np.int32)
        if self.kind == "category":
            self.categories_ = needed(interactions.products, "popularity by category").main
            totals = np.bincount(self.categories_, counts)[self.categories_]
            self.scores_ = (counts / np.maximum(totals, 1)).astype(np.float32)

    def _weights(self, times: NDArray[np.int64]) -> NDArray[np.float64] | None:
        known = times != NO_TIME
        if self.kind != "recent" or not known.any():
            return None
        age = (times[known].max() - times[known]) / SECONDS_A_DAY
        weights = np.zeros(len(times))
        weights[known] = 0.5 ** (age / self.half_life)
        return weights

    def _best(self, users: Codes, k: int, left_out: csr_matrix) -> tuple[Items, Scores]:
        if self.kind != "overall":
            return super()._best(users, k, left_out)
        # Whatever is left out, the best are among so many.
        first = self.popular_[: k + int(np.diff(left_out.indptr).max(initial=0))]
        scores = np.tile(self.scores_[first], (len(users), 1))
        last_first = np.arange(len(first), dtype=np.int32)[::-1]
        places, found = best(without(scores, left_out[:, first]), k, last_first)
        return np.where(places == NOTHING, NOTHING, first[places]), found

    def _user_scores(self, users: Codes) -> NDArray[np.float32]:
        if self.kind != "category":
            return np.tile(self.scores_, (len(users), 1))
        shares = self._by_category(self.seen_[users])
        return np.asarray(shares[:, self.categories_] * self.scores_, np.float32)

    def _item_scores(self, items: Codes) -> NDArray[np.float32]:
        same = self.categories_[items][:, None] == self.categories_
        return np.asarray(same * self.scores_, np.float32)

    def _by_category(self, seen: csr_matrix) -> NDArray[np.float32]:
        """Users × categories: the share of each in what the user has rated."""
        rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
        counts = np.zeros((seen.shape[0], self.categories_.max() + 1), np.float32)
        np.add.at(counts, (rows, self.categories_[seen.indices]), 1)
        return counts / counts.sum(axis=1, keepdims=True)
