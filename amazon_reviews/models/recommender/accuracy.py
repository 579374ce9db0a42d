"""How well ratings are predicted: held-out shares, and cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.interactions import Interactions

SHARES = (0.01, 0.05, 0.15, 0.25, 0.5)
"""Shares of the ratings that source system 3 holds out."""


class Predictor(Protocol):
    """Predicts stars by codes of users and items, as a recommender that rates."""

    def fit(self, interactions: Interactions) -> Self:
        """Learn."""

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.floating]:
        """The stars that each user would give the item beside it."""


Make = Callable[[], Predictor]


class GlobalMean:
    """What every predictor has to beat: the mean of all ratings, for everybody."""

    def fit(self, interactions: Interactions) -> Self:
        """Learn."""
        self.mean_ = interactions.ratings.mean(dtype=np.float64)
        return self

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.floating]:
        """The mean for each user and the item beside it."""
        return np.full(len(np.asarray(users)), self.mean_)


@dataclass(frozen=True)
class Accuracy:
    """Errors of predicted ratings in stars: root mean square, mean absolute, of how many."""

    rmse: float
    mae: float
    rows: int


@dataclass(frozen=True)
class Validated:
    """Errors over folds: means, and the RMSE's deviation between folds."""

    rmse: float
    rmse_deviation: float
    mae: float


def accuracy(predicted: NDArray[np.floating], ratings: NDArray[np.floating]) -> Accuracy:
    """Compare predicted and true ratings, both (n,).

    Raises:
        ValueError: there are none.
    """
    if not len(ratings):
        raise ValueError("there are no ratings to predict")
    errors = np.asarray(predicted, np.float64) - ratings
    rmse = float(np.sqrt(np.mean(errors**2)))
    return Accuracy(rmse, float(np.abs(errors).mean()), len(errors))


def held_out(
    interactions: Interactions, share: float, make: Make = BiasedFactors, seed: int = 0
) -> Accuracy:
    """Learn without a random `share` of the ratings, one at least, and predict those."""
    drawn = np.random.default_rng(seed).permutation(len(interactions))
    test = drawn < max(1, round(share * len(interactions)))
    return _learn_and_predict(interactions, test, make)


def cross_validate(
    interactions: Interactions, make: Make = BiasedFactors, folds: int = 5, seed: int = 0
) -> list[Accuracy]:
    """The errors on each fold, learned from the others; each rating is in one, drawn by lot.

    Raises:
        ValueError: there are fewer ratings than folds, or fewer than 2 folds.
    """
    if not 2 <= folds <= len(interactions):
        raise ValueError(f"{len(interactions)} ratings cannot be put into {folds} folds")
    drawn = fold_of_each(len(interactions), folds, seed)
    return [_learn_and_predict(interactions, drawn == fold, make) for fold in range(folds)]


def fold_of_each(ratings: int, folds: int, seed: int = 0) -> NDArray[np.intp]:
    """The fold of each rating, drawn by lot; all folds are as large, but for one rating."""
    return np.random.default_rng(seed).permutation(ratings) % folds


def validate(
    interactions: Interactions, make: Make = BiasedFactors, folds: int = 5, seed: int = 0
) -> Validated:
    """Cross-validate; the folds are the same for the same interactions, number and seed.

    Raises:
        ValueError: see `cross_validate`.
    """
    errors = cross_validate(interactions, make, folds, seed)
    rmses = [error.rmse for error in errors]
    return Validated(
        rmse=float(np.mean(rmses)),
        rmse_deviation=float(np.std(rmses)),
        mae=float(np.mean([error.mae for error in errors])),
    )


def of_some_users(interactions: Interactions, most: int, seed: int = 0) -> Interactions:
    """All ratings of users drawn by lot, as many users as have `most` ratings together."""
    counts = np.bincount(interactions.users, minlength=len(interactions.user_ids))
    order = np.random.default_rng(seed).permutation(len(counts))
    drawn = np.zeros(len(counts), bool)
    drawn[order[np.cumsum(counts[order]) <= most]] = True
    return interactions.where(drawn[interactions.users])


def _learn_and_predict(interactions: Interactions, test: NDArray[np.bool_], make: Make) -> Accuracy:
    model = make().fit(interactions.where(~test))
    asked = interactions.where(test)
    return accuracy(model.predict(asked.users, asked.items), asked.ratings)
