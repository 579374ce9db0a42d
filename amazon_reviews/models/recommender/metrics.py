"""How good ranked lists are, user by user, and how sure one can be of the means."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from amazon_reviews.models.recommender.ranking import NOTHING, Items

RESAMPLES = 500
LEVEL = 0.95

PerUser = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """A mean and the bounds within which 95 % of resampled users put it."""

    mean: float
    low: float
    high: float


def ranking_metrics(items: Items, wanted: csr_matrix, k: int) -> PerUser:
    """Recall, NDCG, hit rate and average precision of the first k of each list.

    With h_j = 1 where place j (from 1) is wanted and w wanted items: recall Σh / w, hit rate
    whether Σh > 0, NDCG Σ h_j / log2(j + 1) over the same sum of the best list possible
    (Järvelin and Kekäläinen, 2002), average precision Σ h_j (h_1 + … + h_j) / j over min(w, k).
    A list that is shorter than k has missed at the places that it lacks. `items` are users × at
    least k, or all items if they are fewer; `wanted`, users × items, stores at least one in each
    row.
    """
    hits = _hits(items[:, :k], wanted)
    many = np.diff(wanted.indptr)
    places = np.arange(1, hits.shape[1] + 1)
    gains = 1 / np.log2(np.arange(1, k + 1) + 1)
    ideal = np.cumsum(gains)[np.minimum(many, k) - 1]
    precise = hits * np.cumsum(hits, axis=1) / places
    return {
        f"recall@{k}": hits.sum(axis=1) / many,
        f"ndcg@{k}": (hits * gains[: hits.shape[1]]).sum(axis=1) / ideal,
        f"hit_rate@{k}": hits.any(axis=1).astype(float),
        f"map@{k}": precise.sum(axis=1) / np.minimum(many, k),
    }


def coverage(items: Items, catalogue: int) -> float:
    """The share of `catalogue` items that is in any of the lists."""
    return float(len(np.setdiff1d(items, [NOTHING])) / catalogue)


def novelty(items: Items, counts: NDArray[np.integer], users: int) -> float:
    """Mean self-information in bits of what is recommended: -log2 of the share of users who know.

    Zhou et al., "Solving the apparent diversity-accuracy dilemma", 2010. An item that nobody has
    counts as known to half a user.
    """
    there = items[items != NOTHING]
    return float(-np.log2(np.maximum(counts[there], 0.5) / users).mean())


def intervals(per_user: PerUser, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """Means with percentile bootstrap intervals over users."""
    table = np.column_stack(list(per_user.values()))
    means = _resampled(table, seed, resamples)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    found = zip(table.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Interval(*one) for name, one in zip(per_user, found, strict=True)}


def difference(
    one: NDArray[np.float64], other: NDArray[np.float64], seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """By how much the first is better, on the same users in the same order.

    Where the interval does not hold 0, the difference is significant.
    """
    return intervals({"difference": one - other}, seed, resamples)["difference"]


def _resampled(table: NDArray[np.float64], seed: int, resamples: int) -> NDArray[np.float64]:
    """Means over users drawn with replacement, resamples × columns."""
    random = np.random.default_rng(seed)
    users = len(table)
    found = np.empty((resamples, table.shape[1]))
    for resample in range(resamples):
        drawn = np.bincount(random.integers(0, users, users), minlength=users)
        found[resample] = drawn @ table / users
    return found


def _hits(items: Items, wanted: csr_matrix) -> NDArray[np.bool_]:
    """Whether each item of the lists is wanted, in the lists' shape."""
    width = wanted.shape[1]
    rows = np.arange(wanted.shape[0])
    pairs = np.repeat(rows, np.diff(wanted.indptr)) * width + wanted.indices
    return np.isin(rows[:, None] * width + items, pairs) & (items != NOTHING)
