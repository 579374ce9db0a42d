"""Metrics of rankings, user by user, and confidence intervals of their means."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from amazon_reviews.models.recommender.ranking import NO_ITEM, Items

RESAMPLES = 500
LEVEL = 0.95

PerUser = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % confidence interval over resampled users."""

    mean: float
    low: float
    high: float


def ranking_metrics(items: Items, relevant: csr_matrix, k: int) -> PerUser:
    """Return recall, NDCG, hit rate and average precision of the first k items of each ranking.

    h_j is 1 if the item at place j (from 1) is relevant, and r is the number of relevant items.
    Recall is Σh / r. The hit rate is 1 if Σh > 0. NDCG is Σ h_j / log2(j + 1) divided by the same
    sum of the ideal ranking (Järvelin and Kekäläinen, 2002). Average precision is
    Σ h_j (h_1 + … + h_j) / j divided by min(r, k). Missing places of a ranking shorter than k
    count as misses. `items` are users × at least k, or all items if they are fewer; `relevant`,
    users × items, stores at least one item in each row.
    """
    hits = _hits(items[:, :k], relevant)
    relevant_counts = np.diff(relevant.indptr)
    places = np.arange(1, hits.shape[1] + 1)
    gains = 1 / np.log2(np.arange(1, k + 1) + 1)
    ideal = np.cumsum(gains)[np.minimum(relevant_counts, k) - 1]
    precisions = hits * np.cumsum(hits, axis=1) / places
    return {
        f"recall@{k}": hits.sum(axis=1) / relevant_counts,
        f"ndcg@{k}": (hits * gains[: hits.shape[1]]).sum(axis=1) / ideal,
        f"hit_rate@{k}": hits.any(axis=1).astype(float),
        f"map@{k}": precisions.sum(axis=1) / np.minimum(relevant_counts, k),
    }


def coverage(items: Items, catalogue: int) -> float:
    """Return the share of `catalogue` items that are in a ranking."""
    return float(len(np.setdiff1d(items, [NO_ITEM])) / catalogue)


def novelty(items: Items, counts: NDArray[np.integer], users: int) -> float:
    """Return the mean self-information of ranked items in bits: -log2 of their share of users.

    Zhou et al., "Solving the apparent diversity-accuracy dilemma", 2010. An item without users
    counts as if it had half a user.
    """
    ranked = items[items != NO_ITEM]
    return float(-np.log2(np.maximum(counts[ranked], 0.5) / users).mean())


def intervals(per_user: PerUser, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """Return means with percentile bootstrap confidence intervals over users."""
    table = np.column_stack(list(per_user.values()))
    means = _resampled_means(table, seed, resamples)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    bounds = zip(table.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Interval(*values) for name, values in zip(per_user, bounds, strict=True)}


def difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return `first` minus `second`, figures of the same users in the same order.

    The difference is significant if the interval does not contain 0.
    """
    return intervals({"difference": first - second}, seed, resamples)["difference"]


def _resampled_means(table: NDArray[np.float64], seed: int, resamples: int) -> NDArray[np.float64]:
    """Return means over users sampled with replacement, resamples × columns."""
    random = np.random.default_rng(seed)
    users = len(table)
    means = np.empty((resamples, table.shape[1]))
    for resample in range(resamples):
        times_sampled = np.bincount(random.integers(0, users, users), minlength=users)
        means[resample] = times_sampled @ table / users
    return means


def _hits(items: Items, relevant: csr_matrix) -> NDArray[np.bool_]:
    """Return True for each relevant item of the rankings, in their shape."""
    width = relevant.shape[1]
    rows = np.arange(relevant.shape[0])
    pairs = np.repeat(rows, np.diff(relevant.indptr)) * width + relevant.indices
    return np.isin(rows[:, None] * width + items, pairs) & (items != NO_ITEM)
