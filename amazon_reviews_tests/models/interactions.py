"""Synthetic interactions for the tests of recommenders, with known results."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from amazon_reviews.models.recommender.interactions import Interactions

DAY = 86_400


def interactions(rows: Iterable[tuple[Any, ...]]) -> Interactions:
    """Return the interactions of rows of user, item, and optionally stars and day."""
    full = [(*row, *(5, 0)[len(row) - 2 :]) for row in rows]
    users, items, stars, days = zip(*full, strict=True)
    return Interactions.from_rows(users, items, stars, np.array(days) * DAY)


def blocks(size: int = 40, count: int = 2) -> Interactions:
    """Return users who have rated all items of their block but the item of their own number.

    So that item should rank first, and all items of a block are similar.
    """
    return interactions(
        (f"u{user:02}", f"i{item:02}", 5, (user + item) % 7)
        for user in range(size)
        for item in range(size)
        if user % count == item % count and user != item
    )


def tastes(
    users: int = 300, items: int = 80, seed: int = 0, kinds: int = 4, each: int = 12
) -> Interactions:
    """Return users who mostly rate items of one kind, and rate them higher than others."""
    random = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        favourite, bias = random.integers(kinds), random.normal(0, 0.6)
        fame = 1 / (1 + np.arange(items) // kinds)
        weights = fame * np.where(np.arange(items) % kinds == favourite, 8, 1)
        for item in random.choice(items, each, replace=False, p=weights / weights.sum()):
            liked = item % kinds == favourite
            stars = np.clip(round(random.normal(bias + (4.2 if liked else 2.2), 0.7)), 1, 5)
            rows.append((f"u{user:03}", f"i{item:02}", stars, int(random.integers(1_000))))
    return interactions(rows)
