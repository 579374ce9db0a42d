"""Accuracy of predicted ratings: held-out shares and cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.interactions import Interactions

SHARES = (0.01, 0.05, 0.15, 0.25, 0.5)
"""Shares of the ratings that the streaming-titles recommender holds out."""


class Predictor(Protocol):
    """Predicts stars by codes of users and items, as a recommender with `rates`."""

    def fit(self, interactions: Interactions) -> Self:
        """Learn from the interactions."""

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.floating]:
        """Return the stars that each user would give the item at the same position."""


PredictorFactory = Callable[[], Predictor]


class GlobalMean:
    """The baseline of all predictors: the mean of all ratings, for every user."""

    def fit(self, interactions: Interactions) -> Self:
        """Learn the mean."""
        self.mean_ = interactions.ratings.mean(dtype=np.float64)
        return self

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.floating]:
        """Return the mean for each user and the item at the same position."""
        return np.full(len(np.asarray(users)), self.mean_)


@dataclass(frozen=True)
class Accuracy:
    """Root mean square error and mean absolute error in stars, over `rows` ratings."""

    rmse: float
    mae: float
    rows: int


@dataclass(frozen=True)
class CrossValidation:
    """Mean errors over folds, and the deviation of the RMSE between folds."""

    rmse: float
    rmse_deviation: float
    mae: float


def accuracy(predicted: NDArray[np.floating], ratings: NDArray[np.floating]) -> Accuracy:
    """Compare predicted and true ratings, both (n,).

    Raises:
        ValueError: there are no ratings.
    """
    if not len(ratings):
        raise ValueError("there are no ratings to predict")
    errors = np.asarray(predicted, np.float64) - ratings
    rmse = float(np.sqrt(np.mean(errors**2)))
    return Accuracy(rmse, float(np.abs(errors).mean()), len(errors))


def held_out(
    interactions: Interactions,
    share: float,
    factory: PredictorFactory = BiasedFactors,
    seed: int = 0,
) -> Accuracy:
    """Learn without a random `share` of the ratings, at least one, and predict those."""
    positions = np.random.default_rng(seed).permutation(len(interactions))
    is_test = positions < max(1, round(share * len(interactions)))
    return _learn_and_predict(interactions, is_test, factory)


def cross_validate(
    interactions: Interactions,
    factory: PredictorFactory = BiasedFactors,
    folds: int = 5,
    seed: int = 0,
) -> list[Accuracy]:
    """Return the errors on each fold, predicted by a model of the other folds.

    Each rating is in one fold, chosen at random.

    Raises:
        ValueError: there are fewer ratings than folds, or fewer than 2 folds.
    """
    if not 2 <= folds <= len(interactions):
        raise ValueError(f"{len(interactions)} ratings cannot be put into {folds} folds")
    fold_of = random_folds(len(interactions), folds, seed)
    return [_learn_and_predict(interactions, fold_of == fold, factory) for fold in range(folds)]


def random_folds(ratings: int, folds: int, seed: int = 0) -> NDArray[np.intp]:
    """Return a random fold for each rating; the sizes of two folds differ by one at most."""
    return np.random.default_rng(seed).permutation(ratings) % folds


def validate(
    interactions: Interactions,
    factory: PredictorFactory = BiasedFactors,
    folds: int = 5,
    seed: int = 0,
) -> CrossValidation:
    """Cross-validate; the folds are the same for the same interactions, number and seed.

    Raises:
        ValueError: see `cross_validate`.
    """
    errors = cross_validate(interactions, factory, folds, seed)
    rmses = [error.rmse for error in errors]
    return CrossValidation(
        rmse=float(np.mean(rmses)),
        rmse_deviation=float(np.std(rmses)),
        mae=float(np.mean([error.mae for error in errors])),
    )


def sample_users(interactions: Interactions, most: int, seed: int = 0) -> Interactions:
    """Return all ratings of a random sample of users who have at most `most` ratings together."""
    counts = np.bincount(interactions.users, minlength=len(interactions.user_ids))
    order = np.random.default_rng(seed).permutation(len(counts))
    in_sample = np.zeros(len(counts), bool)
    in_sample[order[np.cumsum(counts[order]) <= most]] = True
    return interactions.where(in_sample[interactions.users])


def _learn_and_predict(
    interactions: Interactions, is_test: NDArray[np.bool_], factory: PredictorFactory
) -> Accuracy:
    model = factory().fit(interactions.where(~is_test))
    test = interactions.where(is_test)
    return accuracy(model.predict(test.users, test.items), test.ratings)
