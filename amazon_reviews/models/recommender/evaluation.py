"""Evaluation of a method on a split; every user's ranking is over all items, without sampling."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.models.recommender.accuracy import Accuracy, GlobalMean, Predictor, accuracy
from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.interactions import Codes, Interactions
from amazon_reviews.models.recommender.metrics import (
    Interval,
    PerUser,
    coverage,
    intervals,
    novelty,
    ranking_metrics,
)
from amazon_reviews.models.recommender.ranking import NO_ITEM
from amazon_reviews.models.recommender.recommender import Recommendations, Recommender
from amazon_reviews.models.recommender.splits import Split

CUTOFFS = (5, 10, 20)


@dataclass(frozen=True)
class ColdStart:
    """Users and relevant items that are missing in the training data, and the results for them.

    `users_answered` had a full ranking. Of the `items` that are relevant and new, `items_found`
    were in a ranking.
    """

    users: int
    users_answered: int
    items: int
    items_found: int


@dataclass(frozen=True)
class Evaluation:
    """The figures of one method.

    `means` have confidence intervals over users; `groups` are the plain means of the split's
    groups of users. `coverage` and `novelty` are by cutoff. `accuracy` is that of predicted
    ratings, None if the method does not rate; `accuracy_of_mean` and `accuracy_of_biases` are
    those of the global mean and of biases alone. `per_user` are the figures of `users`, in that
    order.
    """

    means: dict[str, Interval]
    groups: dict[str, dict[str, float]]
    coverage: dict[int, float]
    novelty: dict[int, float]
    cold: ColdStart
    accuracy: Accuracy | None
    accuracy_of_mean: Accuracy
    accuracy_of_biases: Accuracy
    fit_seconds: float
    recommend_seconds: float
    users: Codes = field(repr=False)
    per_user: PerUser = field(repr=False)

    def summary(self) -> dict[str, Any]:
        """Return the output of `amazon-reviews recommender evaluate`; None for a missing figure."""
        return {
            **{name: interval.mean for name, interval in self.means.items()},
            **{f"coverage@{k}": share for k, share in self.coverage.items()},
            **{f"novelty@{k}": bits for k, bits in self.novelty.items()},
            "rmse": self.accuracy.rmse if self.accuracy else None,
            "mae": self.accuracy.mae if self.accuracy else None,
            "rmse_global_mean": self.accuracy_of_mean.rmse,
            "mae_global_mean": self.accuracy_of_mean.mae,
            "rmse_biases": self.accuracy_of_biases.rmse,
            "mae_biases": self.accuracy_of_biases.mae,
            "users": len(self.users),
            "cold_users": self.cold.users,
            "cold_users_answered": _share(self.cold.users_answered, self.cold.users),
            "cold_items": self.cold.items,
            "cold_items_found": _share(self.cold.items_found, self.cold.items),
            "fit_seconds": self.fit_seconds,
            "recommend_seconds": self.recommend_seconds,
            "intervals": {
                name: [interval.low, interval.high] for name, interval in self.means.items()
            },
            "groups": self.groups,
        }


class Evaluator:
    """Evaluates methods on one split, all on the same users: all, or a random `most_users`."""

    def __init__(
        self,
        split: Split,
        cutoffs: Sequence[int] = CUTOFFS,
        seed: int = 0,
        most_users: int | None = None,
    ) -> None:
        self.split = split
        users = np.random.default_rng(seed).permutation(np.unique(split.test.users))
        self.users: Codes = np.sort(users[:most_users])
        self._cutoffs = cutoffs
        self._seed = seed
        self._relevant = split.test.matrix()[self.users]
        self._mean = _rating_accuracy(GlobalMean().fit(split.train), split.test)
        self._biases = _rating_accuracy(BiasedFactors(factors=0).fit(split.train), split.test)

    def evaluate(self, recommender: Recommender) -> Evaluation:
        """Fit the method on the training side and compare its results with the test side.

        Raises:
            UnknownItemsError: the method cannot learn from these interactions.
        """
        start = time.perf_counter()
        recommender.fit(self.split.train)
        fitted = time.perf_counter()
        rankings = recommender.recommend(self.users, max(self._cutoffs))
        ranked = time.perf_counter()
        per_user: PerUser = {}
        for k in self._cutoffs:
            per_user |= ranking_metrics(rankings.items, self._relevant, k)
        counts = recommender.counts_
        known = len(np.unique(self.split.train.users))
        rating_accuracy = None
        if recommender.rates:
            rating_accuracy = _rating_accuracy(recommender, self.split.test)
        return Evaluation(
            means=intervals(per_user, self._seed),
            groups=self._groups(per_user),
            coverage={k: coverage(rankings.items[:, :k], len(counts)) for k in self._cutoffs},
            novelty={k: novelty(rankings.items[:, :k], counts, known) for k in self._cutoffs},
            cold=self._cold_start(rankings, counts),
            accuracy=rating_accuracy,
            accuracy_of_mean=self._mean,
            accuracy_of_biases=self._biases,
            fit_seconds=fitted - start,
            recommend_seconds=ranked - fitted,
            users=self.users,
            per_user=per_user,
        )

    def _groups(self, per_user: PerUser) -> dict[str, dict[str, float]]:
        groups: dict[str, dict[str, float]] = {}
        for name, users in self.split.groups.items():
            rows = np.isin(self.users, users)
            groups[name] = {"users": int(rows.sum())}
            if rows.any():
                groups[name] |= {
                    key: float(by_user[rows].mean()) for key, by_user in per_user.items()
                }
        return groups

    def _cold_start(self, rankings: Recommendations, counts: NDArray[np.integer]) -> ColdStart:
        unknown = ~np.isin(self.users, self.split.train.users)
        full = (rankings.items != NO_ITEM).all(axis=1)
        new = counts[self._relevant.indices] == 0
        return ColdStart(
            users=int(unknown.sum()),
            users_answered=int((unknown & full).sum()),
            items=int(new.sum()),
            items_found=int((new & self._is_ranked(rankings)).sum()),
        )

    def _is_ranked(self, rankings: Recommendations) -> NDArray[np.bool_]:
        """Return True for each relevant item, in storage order, that is in its user's ranking."""
        width = self._relevant.shape[1]
        rows = np.repeat(np.arange(len(self.users)), np.diff(self._relevant.indptr))
        ranked = np.arange(len(self.users))[:, None] * width + rankings.items
        return np.isin(rows * width + self._relevant.indices, ranked[rankings.items != NO_ITEM])


def _rating_accuracy(predictor: Predictor, test: Interactions) -> Accuracy:
    return accuracy(predictor.predict(test.users, test.items), test.ratings)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
