"""`python -m benchmarks.recommender_scale`: recommenders on many generated interactions.

The interactions are long-tailed. Prints seconds, and the peak memory of the process. The
`implicit` package trains the same factors directly, for comparison.
"""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import click
import numpy as np
from implicit.als import AlternatingLeastSquares
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.factors import ImplicitALS
from amazon_reviews.models.recommender.hybrid import Hybrid
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.models.recommender.neighbours import ItemNeighbours, UserNeighbours
from amazon_reviews.models.recommender.recommender import Recommender
from benchmarks.machine import describe

_REQUESTS = 1_000
_KINDS = 50


@click.command()
@click.option("--interactions", default=10_000_000, show_default=True)
@click.option("--users", default=500_000, show_default=True)
@click.option("--items", default=100_000, show_default=True)
@click.option("--iterations", default=10, show_default=True, help="Of implicit ALS.")
@click.option("--ratings-only", is_flag=True, help="Only biased factors, for many ratings.")
def main(interactions: int, users: int, items: int, iterations: int, ratings_only: bool) -> None:
    """Train and recommend at scale."""
    machine = describe()
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores; load before: {machine['load_before']}")
    with _timed("generated"):
        data = generated_interactions(interactions, users, items)
    print(f"{len(data):,} interactions of {users:,} users with {items:,} items")
    if ratings_only:
        _ratings(data)
        return
    _train_implicit(data, iterations)
    _train("iALS, 64 factors", ImplicitALS(iterations=iterations), data)
    _train_implicit(data, iterations)
    factors = _train("iALS once more", ImplicitALS(iterations=iterations), data)
    with _timed("top 10 for all users"):
        factors.recommend(np.arange(users), 10)
    _recommend_singly("one user, iALS", factors, users)
    del factors
    neighbours = _train("BM25, 50 neighbours", ItemNeighbours(neighbours=50), data)
    _recommend_singly("one user, BM25", neighbours, users)
    del neighbours
    near = _train("user neighbours", UserNeighbours(), data)
    _recommend_singly("one user, user neighbours", near, users)
    del near
    hybrid = _train("hybrid", Hybrid(), data)
    _recommend_singly("one user, hybrid", hybrid, users)


def generated_interactions(
    interactions: int, users: int, items: int, seed: int = 0
) -> Interactions:
    """Return ratings of active and rare users and items; most users prefer one kind of items."""
    random = np.random.default_rng(seed)
    pairs = np.zeros(0, np.int64)
    while len(pairs) < interactions:
        pairs = np.union1d(pairs, _drawn(interactions // 2, users, items, random))
    pairs = np.sort(random.permutation(pairs)[:interactions])
    user, item = (part.astype(np.int32) for part in np.divmod(pairs, items))
    quality, mild = random.normal(0, 0.5, items), random.normal(0, 0.5, users)
    liked = np.where(item % _KINDS == user % _KINDS, 0.5, 0)
    stars = 3.7 + quality[item] + mild[user] + liked + random.normal(0, 0.8, len(user))
    return Interactions(
        users=user,
        items=item,
        ratings=np.clip(np.round(stars), 1, 5).astype(np.float32),
        times=random.integers(0, 10**9, len(user)),
        counts=np.ones(len(user), np.int32),
        user_ids=np.char.zfill(np.arange(users).astype(str), 8),
        item_ids=np.char.zfill(np.arange(items).astype(str), 8),
    )


def _drawn(count: int, users: int, items: int, random: np.random.Generator) -> NDArray[np.int64]:
    user = (users * random.random(count) ** 2.5).astype(np.int64)
    item = (items * random.random(count) ** 2.5).astype(np.int64)
    is_preferred = random.random(count) < 0.6
    item = np.where(is_preferred, item // _KINDS * _KINDS + user % _KINDS, item)
    return np.unique(user * items + np.minimum(item, items - 1))


def _train(name: str, model: Recommender, data: Interactions) -> Recommender:
    with _timed(name):
        return model.fit(data)


def _train_implicit(data: Interactions, iterations: int) -> None:
    matrix = data.matrix(np.ones(len(data)))
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=64, alpha=ImplicitALS.alpha, iterations=iterations, random_state=0
        )
        with _timed("the same by implicit"):
            model.fit(matrix, show_progress=False)


def _recommend_singly(name: str, model: Recommender, users: int) -> None:
    requested = np.random.default_rng(1).integers(0, users, _REQUESTS)
    seconds = [_seconds(partial(model.recommend, [user], 10)) for user in requested]
    middle, slow = np.percentile(seconds, [50, 99]) * 1_000
    print(f"{name}: median {middle:.1f} ms, p99 {slow:.1f} ms")


def _ratings(data: Interactions) -> None:
    test = np.random.default_rng(0).random(len(data)) < 0.05
    model = BiasedFactors()
    with _timed("biased factors"):
        model.fit(data.where(~test))
    test_data = data.where(test)
    with _timed(f"{len(test_data):,} predictions"):
        predicted = model.predict(test_data.users, test_data.items)
    print(f"RMSE {np.sqrt(np.mean((predicted - test_data.ratings) ** 2)):.4f}")


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


@contextmanager
def _timed(name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name}: {time.perf_counter() - began:.1f} s; peak so far {peak:.2f} GiB", flush=True)


if __name__ == "__main__":
    main()
