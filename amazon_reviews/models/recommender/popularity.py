"""Popularity methods: most rated items overall, recently, or in the user's categories."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from amazon_reviews.models.recommender.interactions import (
    MISSING_TIME,
    SECONDS_A_DAY,
    Codes,
    Interactions,
)
from amazon_reviews.models.recommender.products import require_products
from amazon_reviews.models.recommender.ranking import NO_ITEM, Items, Scores, best, without
from amazon_reviews.models.recommender.recommender import ScoringRecommender


@dataclass
class Popularity(ScoringRecommender):
    """The items with most users.

    `overall` gives every user the same weight. `recent` halves a rating's weight for every
    `half_life` days before the latest. `category` multiplies an item's share within its main
    category by the share of that category in the user's ratings.
    """

    kind: Literal["overall", "recent", "category"] = "overall"
    half_life: float = 180.0

    def _fit(self, interactions: Interactions) -> None:
        weights = self._weights(interactions.times)
        counts = np.bincount(interactions.items, weights, minlength=self.train_.shape[1])
        self.scores_ = (counts / counts.max()).astype(np.float32)
        self.categories_ = np.zeros(len(counts), np.int32)
        if self.kind == "category":
            self.categories_ = require_products(
                interactions.products, "popularity by category"
            ).main
            totals = np.bincount(self.categories_, counts)[self.categories_]
            self.scores_ = (counts / np.maximum(totals, 1)).astype(np.float32)

    def _weights(self, times: NDArray[np.int64]) -> NDArray[np.float64] | None:
        known = times != MISSING_TIME
        if self.kind != "recent" or not known.any():
            return None
        age = (times[known].max() - times[known]) / SECONDS_A_DAY
        weights = np.zeros(len(times))
        weights[known] = 0.5 ** (age / self.half_life)
        return weights

    def rank_items(self, users: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Rank items by their share of users."""
        if self.kind != "overall":
            return super().rank_items(users, k, excluded)
        # The ranking is the same for all, so k items and as many as are excluded are enough.
        first = self.popular_[: k + int(np.diff(excluded.indptr).max(initial=0))]
        scores = np.tile(self.scores_[first], (len(users), 1))
        last_first = np.arange(len(first), dtype=np.int32)[::-1]
        places, top_scores = best(without(scores, excluded[:, first]), k, last_first)
        return np.where(places == NO_ITEM, NO_ITEM, first[places]), top_scores

    def _user_scores(self, users: Codes) -> NDArray[np.float32]:
        if self.kind != "category":
            return np.tile(self.scores_, (len(users), 1))
        shares = self._category_shares(self.train_[users])
        return np.asarray(shares[:, self.categories_] * self.scores_, np.float32)

    def _item_scores(self, items: Codes) -> NDArray[np.float32]:
        same = self.categories_[items][:, None] == self.categories_
        return np.asarray(same * self.scores_, np.float32)

    def _category_shares(self, ratings: csr_matrix) -> NDArray[np.float32]:
        """Return the share of each category in each user's ratings, users × categories."""
        rows = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
        counts = np.zeros((ratings.shape[0], self.categories_.max() + 1), np.float32)
        np.add.at(counts, (rows, self.categories_[ratings.indices]), 1)
        return counts / counts.sum(axis=1, keepdims=True)
