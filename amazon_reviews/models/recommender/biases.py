"""Matrix factorisation with biases, as the SVD of source system 3, solved in closed form."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from amazon_reviews.models.recommender.factors import FactorModel
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.models.recommender.least_squares import Factors, solve_rows


@dataclass
class BiasedFactors(FactorModel):
    """A rating is the mean, a bias of the user, one of the item, and a product of factors.

    Koren et al., "Matrix Factorization Techniques for Recommender Systems", 2009, equation 5;
    fitted by alternating least squares, a user's bias and factors at once, then an item's, so that
    it takes few rounds and no learning rate. Without factors the biases are left. Ratings that are
    predicted keep within those that were seen; an unknown user or item counts as an average one.
    """

    rates: ClassVar[bool] = True

    factors: int = 16
    regularization: float = 8.0
    bias_regularization: float = 4.0
    iterations: int = 8
    seed: int = 0

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def _fit(self, interactions: Interactions) -> None:
        ratings = self.seen_
        self.range_ = np.asarray([ratings.data.min(), ratings.data.max()], np.float32)
        self.mean_ = np.asarray(ratings.data.mean(dtype=np.float64), np.float32)
        centred = _shifted(ratings, -self.mean_)
        by_item = centred.T.tocsr()
        random = np.random.default_rng(self.seed)
        items = random.normal(0, 0.1, (ratings.shape[1], self.factors + 1)).astype(np.float32)
        items[:, -1] = self._solve(by_item, np.ones((ratings.shape[0], 1), np.float32))[:, 0]
        users = np.zeros((ratings.shape[0], self.factors + 1), np.float32)
        for _ in range(self.iterations):
            users = self._solve(_less(centred, items[:, -1]), _with_one(items))
            items = self._solve(_less(by_item, users[:, -1]), _with_one(users))
        self.user_biases_ = users[:, -1].copy()
        self.user_factors_, self.item_factors_ = _with_one(users), items

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """The stars that each user would give the item beside it; codes, -1 where unknown."""
        of_users, of_items = np.asarray(users, np.int32), np.asarray(items, np.int32)
        u = np.where(of_users[:, None] >= 0, self.user_factors_[of_users], 0)
        u[:, -1] = 1
        i = np.where(of_items[:, None] >= 0, self.item_factors_[of_items], 0)
        biases = np.where(of_users >= 0, self.user_biases_[of_users], 0)
        found = self.mean_ + biases + np.einsum("nf,nf->n", u, i)
        return np.clip(found, *self.range_).astype(np.float32)

    def _unit(self) -> Factors:
        factors = self.item_factors_[:, :-1]
        lengths = np.linalg.norm(factors, axis=1, keepdims=True)
        return np.ascontiguousarray(factors / np.where(lengths > 0, lengths, 1))

    def _solve(self, ratings: csr_matrix, features: Factors) -> Factors:
        ridge = np.full(features.shape[1], self.regularization, np.float32)
        ridge[-1] = self.bias_regularization
        return solve_rows(ratings, features, ridge)


def _with_one(factors: Factors) -> Factors:
    """The factors with 1 in the place of the bias."""
    found = factors.copy()
    found[:, -1] = 1
    return found


def _less(ratings: csr_matrix, biases: NDArray[np.float32]) -> csr_matrix:
    """The ratings less the bias of their column."""
    return _shifted(ratings, -biases[ratings.indices])


def _shifted(ratings: csr_matrix, by: NDArray[np.float32]) -> csr_matrix:
    return csr_matrix((ratings.data + by, ratings.indices, ratings.indptr), ratings.shape)
