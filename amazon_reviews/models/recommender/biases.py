"""Matrix factorisation with biases, the SVD of the streaming-titles recommender, in closed form."""

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
    """Ratings as the sum of mean, user bias, item bias and a product of factors.

    Koren et al., "Matrix Factorization Techniques for Recommender Systems", 2009, equation 5.
    Fitted by alternating least squares: bias and factors of the users together, then those of the
    items. That takes few rounds and no learning rate. With 0 factors only the biases remain.
    Predictions stay within the range of the training ratings. An unknown user or item has a bias
    and factors of 0.
    """

    rates: ClassVar[bool] = True

    factors: int = 16
    regularization: float = 8.0
    bias_regularization: float = 4.0
    iterations: int = 8
    seed: int = 0

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def _fit(self, interactions: Interactions) -> None:
        ratings = self.train_
        self.range_ = np.asarray([ratings.data.min(), ratings.data.max()], np.float32)
        self.mean_ = np.asarray(ratings.data.mean(dtype=np.float64), np.float32)
        centred = _shifted(ratings, -self.mean_)
        by_item = centred.T.tocsr()
        random = np.random.default_rng(self.seed)
        items = random.normal(0, 0.1, (ratings.shape[1], self.factors + 1)).astype(np.float32)
        items[:, -1] = self._solve(by_item, np.ones((ratings.shape[0], 1), np.float32))[:, 0]
        users = np.zeros((ratings.shape[0], self.factors + 1), np.float32)
        for _ in range(self.iterations):
            users = self._solve(_minus_biases(centred, items[:, -1]), _with_unit_bias(items))
            items = self._solve(_minus_biases(by_item, users[:, -1]), _with_unit_bias(users))
        self.user_biases_ = users[:, -1].copy()
        self.user_factors_, self.item_factors_ = _with_unit_bias(users), items

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """Return the stars of each user for the item at the same position; -1 is unknown."""
        user_codes, item_codes = np.asarray(users, np.int32), np.asarray(items, np.int32)
        u = np.where(user_codes[:, None] >= 0, self.user_factors_[user_codes], 0)
        u[:, -1] = 1
        i = np.where(item_codes[:, None] >= 0, self.item_factors_[item_codes], 0)
        biases = np.where(user_codes >= 0, self.user_biases_[user_codes], 0)
        stars = self.mean_ + biases + np.einsum("nf,nf->n", u, i)
        return np.clip(stars, *self.range_).astype(np.float32)

    def _unit_item_factors(self) -> Factors:
        factors = self.item_factors_[:, :-1]
        lengths = np.linalg.norm(factors, axis=1, keepdims=True)
        return np.ascontiguousarray(factors / np.where(lengths > 0, lengths, 1))

    def _solve(self, ratings: csr_matrix, features: Factors) -> Factors:
        ridge = np.full(features.shape[1], self.regularization, np.float32)
        ridge[-1] = self.bias_regularization
        return solve_rows(ratings, features, ridge)


def _with_unit_bias(factors: Factors) -> Factors:
    """Return the factors with 1 instead of the bias, the last column."""
    features = factors.copy()
    features[:, -1] = 1
    return features


def _minus_biases(ratings: csr_matrix, biases: NDArray[np.float32]) -> csr_matrix:
    """Return the ratings minus the bias of their column."""
    return _shifted(ratings, -biases[ratings.indices])


def _shifted(ratings: csr_matrix, by: NDArray[np.float32]) -> csr_matrix:
    return csr_matrix((ratings.data + by, ratings.indices, ratings.indptr), ratings.shape)
