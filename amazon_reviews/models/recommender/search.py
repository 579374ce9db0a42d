"""How well ratings are predicted: held-out shares, cross-validation, and a search by it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.models.recommender.recommender import Recommender

SHARES = (0.01, 0.05, 0.15, 0.25, 0.5)
"""Shares of the ratings that source system 3 holds out."""

Make = Callable[..., Recommender]


@dataclass(frozen=True)
class Accuracy:
    """Errors of predicted ratings in stars: root mean square, mean absolute, of how many."""

    rmse: float
    mae: float
    rows: int


@dataclass(frozen=True)
class Validated:
    """Parameters and their errors over folds: means, and the RMSE's deviation between folds."""

    parameters: dict[str, Any]
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
    """Learn without a random `share` of the ratings, and predict those."""
    test = np.random.default_rng(seed).random(len(interactions)) < share
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
    drawn = np.random.default_rng(seed).permutation(len(interactions)) % folds
    return [_learn_and_predict(interactions, drawn == fold, make) for fold in range(folds)]


def search(
    interactions: Interactions,
    grid: Mapping[str, Sequence[Any]],
    make: Make = BiasedFactors,
    folds: int = 5,
    seed: int = 0,
) -> list[Validated]:
    """Cross-validate every combination of the grid's parameters, on the same folds; best first."""
    found = []
    for values in product(*grid.values()):
        parameters = dict(zip(grid, values, strict=True))
        errors = cross_validate(interactions, lambda chosen=parameters: make(**chosen), folds, seed)
        rmses = [error.rmse for error in errors]
        found.append(
            Validated(
                parameters,
                rmse=float(np.mean(rmses)),
                rmse_deviation=float(np.std(rmses)),
                mae=float(np.mean([error.mae for error in errors])),
            )
        )
    return sorted(found, key=lambda one: one.rmse)


def _learn_and_predict(interactions: Interactions, test: NDArray[np.bool_], make: Make) -> Accuracy:
    model = make().fit(interactions.where(~test))
    asked = interactions.where(test)
    return accuracy(model.predict(asked.users, asked.items), asked.ratings)
