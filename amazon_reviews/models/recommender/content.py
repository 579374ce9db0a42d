"""Content: items like those that a user has rated well, by what they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from amazon_reviews.models.recommender.interactions import Codes, Interactions
from amazon_reviews.models.recommender.products import needed
from amazon_reviews.models.recommender.ranking import unit_rows
from amazon_reviews.models.recommender.recommender import ScoringRecommender

_SHRINK = 5.0
_MOVES = 0.5


@dataclass
class CategoryContent(ScoringRecommender):
    """Source system 2's recipe.

    A user's profile is the user's ratings, 0 where there is none, times the binary item × category
    matrix, divided by its sum; the score of an unseen item is profile times the item's row. `top`
    restricts both sides to the users and the items with most ratings, as the source does with
    1,000; other users are cold then, and other items are not recommended.
    """

    top: int | None = None

    def _fit(self, interactions: Interactions) -> None:
        self.rows_ = needed(interactions.products, "content").categories
        users = np.diff(self.seen_.indptr)
        self.users_in_, self.items_in_ = _most(users, self.top), _most(self.counts_, self.top)

    def knows_users(self, users: Codes) -> NDArray[np.bool_]:
        """Whether each user is among the `top` and has rated something."""
        return super().knows_users(users) & self.users_in_[users]

    def knows_items(self, items: Codes) -> NDArray[np.bool_]:
        """Whether something is known about each item, rated or not."""
        return (items >= 0) & (np.diff(self.rows_.indptr)[items] > 0)

    def _user_scores(self, users: Codes) -> NDArray[np.float32]:
        ratings = self.seen_[users] @ diags(self.items_in_.astype(np.float32))
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

    A rating weighs 1, and half a star more or less for each star above or below the user's mean,
    which is drawn towards the mean of all, so that what a user disliked counts against its like.
    """

    def _fit(self, interactions: Interactions) -> None:
        self.rows_ = needed(interactions.products, "content").words
        sums = np.asarray(self.seen_.sum(axis=1)).ravel()
        counts = np.diff(self.seen_.indptr)
        self.means_ = (sums + _SHRINK * self.seen_.data.mean()) / (counts + _SHRINK)

    def knows_items(self, items: Codes) -> NDArray[np.bool_]:
        """Whether something is known about each item, rated or not."""
        return (items >= 0) & (np.diff(self.rows_.indptr)[items] > 0)

    def _user_scores(self, users: Codes) -> NDArray[np.float32]:
        seen = self.seen_[users]
        means = np.repeat(self.means_[users], np.diff(seen.indptr))
        weights = (1 + _MOVES * (seen.data - means)).astype(np.float32)
        profiles = csr_matrix((weights, seen.indices, seen.indptr), seen.shape) @ self.rows_
        return (unit_rows(profiles) @ self.rows_.T).toarray().astype(np.float32)

    def _item_scores(self, items: Codes) -> NDArray[np.float32]:
        return (self.rows_[items] @ self.rows_.T).toarray().astype(np.float32)


def _most(counts: NDArray[np.intp], top: int | None) -> NDArray[np.bool_]:
    """The `top` with the highest counts, the first of equals; all if there is no limit."""
    if top is None:
        return np.ones(len(counts), bool)
    found = np.zeros(len(counts), bool)
    found[np.argsort(-counts, kind="stable")[:top]] = True
    return found
