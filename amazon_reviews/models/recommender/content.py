"""Content methods: items similar to those that a user liked, by categories and words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from amazon_reviews.models.recommender.interactions import Codes, Interactions
from amazon_reviews.models.recommender.products import require_products
from amazon_reviews.models.recommender.ranking import unit_rows
from amazon_reviews.models.recommender.recommender import ScoringRecommender

# Ratings at the overall mean that are added to each user's own.
_SHRINK = 5.0
_STAR_WEIGHT = 0.5


@dataclass
class CategoryContent(ScoringRecommender):
    """The content-based method of the Inteligencia Colectiva warehouse.

    A user's profile is the row of the user's ratings, 0 if missing, times the binary item ×
    category matrix, divided by its sum. The score of a new item is the profile times the item's
    row. `top` keeps only the users and the items with most ratings, 1,000 of each in the original.
    Other users are cold then, and other items are not recommended.
    """

    top: int | None = None

    def _fit(self, interactions: Interactions) -> None:
        self.rows_ = require_products(interactions.products, "content").categories
        users = np.diff(self.train_.indptr)
        self.users_in_, self.items_in_ = _is_top(users, self.top), _is_top(self.counts_, self.top)

    def knows_users(self, users: Codes) -> NDArray[np.bool_]:
        """Return True for each user with ratings who is among the `top`."""
        return super().knows_users(users) & self.users_in_[users]

    def knows_items(self, items: Codes) -> NDArray[np.bool_]:
        """Return True for each item with product data, rated or not."""
        return (items >= 0) & (np.diff(self.rows_.indptr)[items] > 0)

    def _user_scores(self, users: Codes) -> NDArray[np.float32]:
        ratings = self.train_[users] @ diags(self.items_in_.astype(np.float32))
        profiles = ratings @ self.rows_
        sums = np.asarray(profiles.sum(axis=1)).ravel()
        profiles = diags(1 / np.where(sums > 0, sums, 1)) @ profiles
        scores = (profiles @ self.rows_.T).toarray().astype(np.float32)
        scores[:, ~self.items_in_] = -np.inf
        return scores

    def _item_scores(self, items: Codes) -> NDArray[np.float32]:
        rows = unit_rows(self.rows_)
        return (rows[items] @ rows.T).toarray().astype(np.float32)


@dataclass
class WordContent(ScoringRecommender):
    """Items by the TF-IDF of categories, brand, words of the title and band of the price.

    A rating weighs 1 plus half of its difference to the user's mean, so that a disliked item
    lowers the scores of similar ones. The mean is shrunk towards the mean of all users, as users
    with few ratings have unreliable means.
    """

    def _fit(self, interactions: Interactions) -> None:
        self.rows_ = require_products(interactions.products, "content").words
        sums = np.asarray(self.train_.sum(axis=1)).ravel()
        counts = np.diff(self.train_.indptr)
        self.means_ = (sums + _SHRINK * self.train_.data.mean()) / (counts + _SHRINK)

    def knows_items(self, items: Codes) -> NDArray[np.bool_]:
        """Return True for each item with product data, rated or not."""
        return (items >= 0) & (np.diff(self.rows_.indptr)[items] > 0)

    def _user_scores(self, users: Codes) -> NDArray[np.float32]:
        rated = self.train_[users]
        means = np.repeat(self.means_[users], np.diff(rated.indptr))
        weights = (1 + _STAR_WEIGHT * (rated.data - means)).astype(np.float32)
        profiles = csr_matrix((weights, rated.indices, rated.indptr), rated.shape) @ self.rows_
        return (unit_rows(profiles) @ self.rows_.T).toarray().astype(np.float32)

    def _item_scores(self, items: Codes) -> NDArray[np.float32]:
        return (self.rows_[items] @ self.rows_.T).toarray().astype(np.float32)


def _is_top(counts: NDArray[np.intp], top: int | None) -> NDArray[np.bool_]:
    """Return True for the `top` highest counts, the first of equals; for all without a limit."""
    if top is None:
        return np.ones(len(counts), bool)
    is_top = np.zeros(len(counts), bool)
    is_top[np.argsort(-counts, kind="stable")[:top]] = True
    return is_top
