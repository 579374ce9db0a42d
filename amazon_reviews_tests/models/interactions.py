"""Interactions made up for the tests of recommenders, with answers that are known."""

import numpy as np

from amazon_reviews.models.recommender.interactions import Interactions

DAY = 86_400


def interactions(rows):
    """Of rows of user, item, and if given stars and day."""
    full = [(*row, *(5, 0)[len(row) - 2 :]) for row in rows]
    users, items, stars, days = zip(*full, strict=True)
    return Interactions.from_rows(users, items, stars, np.array(days) * DAY)


def blocks(size=40, count=2):
    """Every user has rated every item of the own block but one: the item of the user's number.

    So that item is what should come first, and all items of a block are alike.
    """
    return interactions(
        (f"u{user:02}", f"i{item:02}", 5, (user + item) % 7)
        for user in range(size)
        for item in range(size)
        if user % count == item % count and user != item
    )


def tastes(users=300, items=80, seed=0, kinds=4, each=12):
    """Users who mostly rate items of one kind, well, and others less well, on different days."""
    random = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        own, mild = random.integers(kinds), random.normal(0, 0.6)
        fame = 1 / (1 + np.arange(items) // kinds)
        weights = fame * np.where(np.arange(items) % kinds == own, 8, 1)
        for item in random.choice(items, each, replace=False, p=weights / weights.sum()):
            liked = item % kinds == own
            stars = np.clip(round(random.normal(mild + (4.2 if liked else 2.2), 0.7)), 1, 5)
            rows.append((f"u{user:03}", f"i{item:02}", stars, int(random.integers(1_000))))
    return interactions(rows)
