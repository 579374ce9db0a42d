"""Factorisations: ALS of ratings, as in the Paisa Genious lakehouse, and of implicit feedback."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from amazon_reviews.models.recommender.interactions import Codes, Interactions, tie_break
from amazon_reviews.models.recommender.least_squares import solve_rows
from amazon_reviews.models.recommender.ranking import (
    Items,
    Scores,
    best_by_chunks,
    pattern,
    without,
)
from amazon_reviews.models.recommender.recommender import Recommender


class FactorModel(Recommender):
    """Scores are products of `user_factors_` (users × f) and `item_factors_` (items × f)."""

    user_factors_: NDArray[np.float32]
    item_factors_: NDArray[np.float32]

    def knows_users(self, users: Codes) -> NDArray[np.bool_]:
        """Return True for each user with factors."""
        return super().knows_users(users) & self.user_factors_[users].any(axis=1)

    def rank_items(self, users: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Rank items by the product of factors."""
        scores = self.user_factors_[users] @ self.item_factors_.T
        return best_by_chunks(without(scores, excluded), k)

    def rank_similar(self, items: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Rank items by the cosine of item factors."""
        unit = self._unit_item_factors()
        return best_by_chunks(without(unit[items] @ unit.T, excluded), k)

    def _unit_item_factors(self) -> NDArray[np.float32]:
        lengths = np.linalg.norm(self.item_factors_, axis=1, keepdims=True)
        return np.asarray(self.item_factors_ / np.where(lengths > 0, lengths, 1), np.float32)


@dataclass
class ExplicitALS(FactorModel):
    """Alternating least squares of ratings; the regularisation grows with the ratings of a row.

    Zhou et al., "Large-scale Parallel Collaborative Filtering for the Netflix Prize", 2008, as in
    Spark ML. The defaults are those of the Paisa Genious lakehouse. `balanced` learns, as there,
    from a random sample with equally many ratings of each number of stars. Unknown users and items
    get the mean rating.
    """

    rates: ClassVar[bool] = True

    factors: int = 25
    regularization: float = 0.09
    iterations: int = 5
    non_negative: bool = True
    balanced: bool = False
    seed: int = 0

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def _fit(self, interactions: Interactions) -> None:
        learned = _balanced(interactions, self.seed) if self.balanced else interactions
        ratings = learned.matrix()
        self.mean_ = np.asarray(ratings.data.mean(), np.float32)
        by_item = ratings.T.tocsr()
        random = np.random.default_rng(self.seed)
        items = np.abs(random.normal(size=(ratings.shape[1], self.factors)))
        items /= np.linalg.norm(items, axis=1, keepdims=True)
        items = items.astype(np.float32)
        users = self._solve(ratings, items)
        for _ in range(self.iterations - 1):
            items = self._solve(by_item, users, items)
            users = self._solve(ratings, items, users)
        items = self._solve(by_item, users, items)
        self.user_factors_, self.item_factors_ = users, items

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """Return the stars of each user for the item at the same position; -1 is unknown."""
        user_codes, item_codes = np.asarray(users, np.int32), np.asarray(items, np.int32)
        u, i = self.user_factors_[user_codes], self.item_factors_[item_codes]
        known = (user_codes >= 0) & (item_codes >= 0) & u.any(axis=1) & i.any(axis=1)
        return np.where(known, np.einsum("nf,nf->n", u, i), self.mean_).astype(np.float32)

    def _solve(
        self,
        ratings: csr_matrix,
        features: NDArray[np.float32],
        start: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        return solve_rows(
            ratings,
            features,
            np.zeros(self.factors, np.float32),
            ridge_a_rating=self.regularization,
            non_negative=self.non_negative,
            start=start,
        )


@dataclass
class ImplicitALS(FactorModel):
    """ALS of implicit feedback: each rating counts with confidence 1 + `alpha`, for any stars.

    Hu et al., "Collaborative Filtering for Implicit Feedback Datasets", 2008; solved by conjugate
    gradients in the `implicit` package. The regularisation is multiplied by the mean number of
    ratings of users and items, so that one value serves sparse and dense data.
    """

    factors: int = 64
    regularization: float = 3.0
    alpha: float = 10.0
    iterations: int = 15
    seed: int = 0

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def _fit(self, interactions: Interactions) -> None:
        model = AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.regularization * self._mean_count(),
            alpha=self.alpha,
            iterations=self.iterations,
            random_state=self.seed,
        )
        model.fit(pattern(self.train_), show_progress=False)
        self.user_factors_, self.item_factors_ = model.user_factors, model.item_factors

    def _mean_count(self) -> float:
        """Return the geometric mean of the mean ratings per user and the mean ratings per item."""
        users = np.count_nonzero(np.diff(self.train_.indptr))
        return self.train_.nnz / float(np.sqrt(users * np.count_nonzero(self.counts_)))


def _balanced(interactions: Interactions, seed: int) -> Interactions:
    """Return a random sample with equally many ratings of each number of stars."""
    _, stars, counts = np.unique(interactions.ratings, return_inverse=True, return_counts=True)
    order = np.lexsort((tie_break(interactions, seed), stars))
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    places = np.arange(len(order)) - starts[stars[order]]
    return interactions.where(np.sort(order[places < counts.min()]))
