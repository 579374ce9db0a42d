"""A method measured on a split: every item is ranked for every user, none is sampled."""

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
from amazon_reviews.models.recommender.ranking import NOTHING
from amazon_reviews.models.recommender.recommender import Recommended, Recommender
from amazon_reviews.models.recommender.splits import Split

CUTOFFS = (5, 10, 20)


@dataclass(frozen=True)
class Cold:
    """Users and wanted items that the learning has not seen, and how many got an answer.

    `users_answered` had a full list; of the `items` wanted that are new `items_found` were in one.
    """

    users: int
    users_answered: int
    items: int
    items_found: int


@dataclass(frozen=True)
class Evaluation:
    """A method's figures.

    `means` have intervals over users; `groups` the plain means of the split's groups of users.
    `coverage` and `novelty` are by cutoff. `accuracy` is of predicted ratings, None where the
    method does not rate; `accuracy_of_mean` and `accuracy_of_biases` are those of the global mean
    and of biases alone. `per_user` are the figures of `users`, in that order.
    """

    means: dict[str, Interval]
    groups: dict[str, dict[str, float]]
    coverage: dict[int, float]
    novelty: dict[int, float]
    cold: Cold
    accuracy: Accuracy | None
    accuracy_of_mean: Accuracy
    accuracy_of_biases: Accuracy
    fit_seconds: float
    recommend_seconds: float
    users: Codes = field(repr=False)
    per_user: PerUser = field(repr=False)

    def summary(self) -> dict[str, Any]:
        """What `amazon-reviews recommender evaluate` prints of a method; None is no figure."""
        rated = self.accuracy
        return {
            **{name: one.mean for name, one in self.means.items()},
            **{f"coverage@{k}": share for k, share in self.coverage.items()},
            **{f"novelty@{k}": bits for k, bits in self.novelty.items()},
            "rmse": rated.rmse if rated else None,
            "mae": rated.mae if rated else None,
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
            "intervals": {name: [one.low, one.high] for name, one in self.means.items()},
            "groups": self.groups,
        }


class Evaluator:
    """Measures methods on one split, all on the same users: all, or `most_users` drawn by lot."""

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
        self._wanted = split.test.matrix()[self.users]
        self._mean = _rated(GlobalMean().fit(split.train), split.test)
        self._biases = _rated(BiasedFactors(factors=0).fit(split.train), split.test)

    def evaluate(self, recommender: Recommender) -> Evaluation:
        """Let the method learn, recommend and, where it can, rate.

        Raises:
            UnknownItemsError: the method cannot learn from these interactions.
        """
        began = time.perf_counter()
        recommender.fit(self.split.train)
        fitted = time.perf_counter()
        lists = recommender.recommend(self.users, max(self._cutoffs))
        done = time.perf_counter()
        per_user: PerUser = {}
        for k in self._cutoffs:
            per_user |= ranking_metrics(lists.items, self._wanted, k)
        counts = recommender.counts_
        known = len(np.unique(self.split.train.users))
        return Evaluation(
            means=intervals(per_user, self._seed),
            groups=self._groups(per_user),
            coverage={k: coverage(lists.items[:, :k], len(counts)) for k in self._cutoffs},
            novelty={k: novelty(lists.items[:, :k], counts, known) for k in self._cutoffs},
            cold=self._cold(lists, counts),
            accuracy=_rated(recommender, self.split.test) if recommender.rates else None,
            accuracy_of_mean=self._mean,
            accuracy_of_biases=self._biases,
            fit_seconds=fitted - began,
            recommend_seconds=done - fitted,
            users=self.users,
            per_user=per_user,
        )

    def _groups(self, per_user: PerUser) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for name, users in self.split.groups.items():
            rows = np.isin(self.users, users)
            found[name] = {"users": int(rows.sum())}
            if rows.any():
                found[name] |= {key: float(one[rows].mean()) for key, one in per_user.items()}
        return found

    def _cold(self, lists: Recommended, counts: NDArray[np.integer]) -> Cold:
        unknown = ~np.isin(self.users, self.split.train.users)
        full = (lists.items != NOTHING).all(axis=1)
        new = counts[self._wanted.indices] == 0
        return Cold(
            users=int(unknown.sum()),
            users_answered=int((unknown & full).sum()),
            items=int(new.sum()),
            items_found=int((new & self._found(lists)).sum()),
        )

    def _found(self, lists: Recommended) -> NDArray[np.bool_]:
        """Whether each wanted item, in the order they are stored in, is in its user's list."""
        width = self._wanted.shape[1]
        rows = np.repeat(np.arange(len(self.users)), np.diff(self._wanted.indptr))
        listed = np.arange(len(self.users))[:, None] * width + lists.items
        return np.isin(rows * width + self._wanted.indices, listed[lists.items != NOTHING])


def _rated(predictor: Predictor, test: Interactions) -> Accuracy:
    return accuracy(predictor.predict(test.users, test.items), test.ratings)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
