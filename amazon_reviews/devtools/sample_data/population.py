"""Users and products of a sample, and the stars of their reviews.

Users have tastes: an order of departments, and a vector of latent factors near the centre of one of
a few crowds. Products have a department, a quality and latent factors. Stars increase with the
quality, the match of the factors, the mildness of the user and the user's liking of the department.
The rest is noise.

No two reviews have the same (user, product, visit). They are distinct by construction, so no memory
of earlier reviews is needed. Review i is element i of a fixed permutation of all (user, k) pairs,
and the map from (user, k) to (product, visit) is one to one for each user. Within a department, the
M reviews of a user take the strictly increasing popularity ranks m + floor(F(q_m)), where F is an
inverse Zipf distribution and q_m is in [m/M, (m+1)/M). A user who returns to a product has a visit
above 0, which becomes part of the text (see reviews.py).
"""

import math
from dataclasses import dataclass

import numpy as np

from amazon_reviews.devtools.sample_data.categories import CATEGORIES
from amazon_reviews.devtools.sample_data.draws import generator
from amazon_reviews.devtools.sample_data.identifiers import asins
from amazon_reviews.devtools.sample_data.options import SampleOptions

STAR_SHARES = (0.07, 0.04, 0.08, 0.17, 0.64)
SEGMENT_SHARES = (0.50, 0.25, 0.13, 0.105)  # by favourite department; the rest are returns
FAVOURITES = len(SEGMENT_SHARES)
LIKING = np.array([0.30, 0.10, -0.10, -0.25, 0.45])
CROWDS = 8
FACTORS = 3
ZIPF_EXPONENT = 0.8
CALIBRATION_DRAWS = 1 << 16
_BOOKS = 0  # the department whose asins are ISBNs
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Draw:
    """A block of n reviews: (n,) arrays of user, product, category, visit and stars (1 to 5)."""

    user: np.ndarray
    product: np.ndarray
    category: np.ndarray
    visit: np.ndarray
    stars: np.ndarray


class Population:
    """Users and products of a sample. Memory grows with them, not with the reviews.

    The products [0, reviewable) have reviews, the products [reviewable, total) do not. `described`
    lists the products with metadata.
    """

    def __init__(self, options: SampleOptions) -> None:
        self._seed = options.seed
        rng = generator(options.seed, "population")
        self.capacity = options.reviews + options.events
        self._step = _coprime_step(self.capacity)
        self._number_products(options.products)
        self._draw_products(rng)
        self._draw_users(options.users, rng)
        self._thresholds = self._calibrate(rng)

    def draw(self, start: int, stop: int, rng: np.random.Generator) -> Draw:
        """Draw the reviews start to stop - 1 of the sample; stop is at most reviews + events."""
        numbers = np.arange(start, stop, dtype=np.int64)
        user, product, category, visit, segment = self._pairs(numbers, rng)
        score = self._score(user, product, segment, rng)
        stars = np.searchsorted(self._thresholds, score, side="right") + 1
        return Draw(user, product, category, visit, stars)

    def most_reviewed(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `count` products with most reviews, and about their reviews in the sample."""
        rng = generator(self._seed, "incident", 1)
        numbers = rng.integers(0, self.capacity, CALIBRATION_DRAWS)
        product = self._pairs(numbers, rng)[1]
        reviews = np.bincount(product, minlength=self.total)
        chosen = np.argsort(-reviews, kind="stable")[:count]
        return chosen, reviews[chosen] * self.capacity / CALIBRATION_DRAWS

    def asins(self, products: np.ndarray) -> list[str]:
        """Return the asin of each product number."""
        return asins(products, self.category[products] == _BOOKS)

    def _number_products(self, products: int) -> None:
        silent = products // 33
        orphans = products // 40
        self._first_orphan = products - silent
        self.reviewable = self._first_orphan + orphans
        self.total = self.reviewable + silent
        described = np.r_[: self._first_orphan, self.reviewable : self.total]
        self.described = described.astype(np.int64)

    def _draw_products(self, rng: np.random.Generator) -> None:
        self.departments = min(len(CATEGORIES), self.reviewable)
        self._repeat = 1 if self.departments >= FAVOURITES else FAVOURITES
        weights = np.array([c.weight for c in CATEGORIES[: self.departments]])
        damped = weights**0.7
        chosen = rng.choice(self.departments, self.total, p=damped / damped.sum())
        chosen[: self.departments] = np.arange(self.departments)
        self.category = chosen.astype(np.int8)
        self.quality = rng.normal(0, 1, self.total).astype(np.float32)
        self.factors = rng.normal(0, 1, (self.total, FACTORS)).astype(np.float32)
        self._centres = rng.normal(0, 1, (CROWDS, FACTORS))
        self._rank_products(rng)

    def _rank_products(self, rng: np.random.Generator) -> None:
        """Rank the products of each department by popularity, once for each crowd."""
        category = self.category[: self.reviewable]
        self._sizes = np.bincount(category, minlength=self.departments)
        self._starts = np.cumsum(self._sizes) - self._sizes
        fame = rng.exponential(1.0, self.reviewable)
        # The most popular products have metadata, so the share of orphans stays near 2 %.
        fame[self._first_orphan :] = np.minimum(fame[self._first_orphan :], 1.2)
        appeal = fame + 0.35 * (self._centres @ self.factors[: self.reviewable].T)
        self._ranked = np.stack([np.lexsort((-row, category)) for row in appeal])

    def _draw_users(self, users: int, rng: np.random.Generator) -> None:
        activity = (np.arange(users) + 1 + users / 100) ** -0.75
        shares = np.cumsum(activity) / activity.sum()
        self._first = np.r_[0, np.floor(shares * self.capacity)].astype(np.int64)
        self._first[-1] = self.capacity
        self._crowd = rng.integers(0, CROWDS, users)
        noise = rng.normal(0, 0.4, (users, FACTORS))
        self._tastes = (self._centres[self._crowd] + noise).astype(np.float32)
        self._mildness = rng.normal(0, 1, users).astype(np.float32)
        self._favourites = self._draw_favourites(users, rng)

    def _draw_favourites(self, users: int, rng: np.random.Generator) -> np.ndarray:
        """Draw (users, FAVOURITES) departments without replacement by the Gumbel-top-k trick."""
        weights = np.log([c.weight for c in CATEGORIES[: self.departments]])
        liked = weights + rng.gumbel(size=(users, self.departments))
        order = np.argsort(-liked, axis=1).astype(np.int8)
        return order[:, np.arange(FAVOURITES) % self.departments]

    def _pairs(self, numbers: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        slot = (numbers * self._step) % self.capacity
        user = np.searchsorted(self._first, slot, side="right") - 1
        segment, rank, size = _segments(slot - self._first[user], np.diff(self._first)[user])
        favourite = self._favourites[user, np.where(segment < FAVOURITES, segment, 0)]
        category = favourite.astype(np.int64)
        shelf = self._sizes[category]
        rounds, rank = np.divmod(rank, shelf)
        rank = _spaced_ranks(rank, np.minimum(size, shelf), shelf, rng)
        product = self._ranked[self._crowd[user], self._starts[category] + rank]
        visit = rounds * (self._repeat + 1) + self._first_visit(segment)
        return user, product, category, visit, segment

    def _first_visit(self, segment: np.ndarray) -> np.ndarray:
        """Return a number up to self._repeat that differs between the segments of a department."""
        return np.where(segment < FAVOURITES, segment // self.departments, self._repeat)

    def _score(
        self, user: np.ndarray, product: np.ndarray, segment: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        match = (self._tastes[user] * self.factors[product]).sum(axis=1) / math.sqrt(FACTORS)
        liking = LIKING[segment]
        known = 0.5 * self.quality[product] + 0.4 * self._mildness[user] + 0.75 * match + liking
        return known + rng.normal(0, 0.8, len(user))

    def _calibrate(self, rng: np.random.Generator) -> np.ndarray:
        """Return the score thresholds that give the stars the shares STAR_SHARES."""
        numbers = rng.integers(0, self.capacity, CALIBRATION_DRAWS)
        user, product, _, _, segment = self._pairs(numbers, rng)
        score = self._score(user, product, segment, rng)
        return np.quantile(score, np.cumsum(STAR_SHARES)[:-1])


def _segments(position: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the segment of each position in a user's reviews, its rank in it, and its size.

    position, size: (n,), position in [0, size).
    """
    inner = np.ceil(size[:, None] * np.cumsum(SEGMENT_SHARES)).astype(np.int64)
    edges = np.column_stack([np.zeros_like(size), np.minimum(inner, size[:, None]), size])
    segment = (position[:, None] >= edges[:, 1:]).sum(axis=1)
    rows = np.arange(len(size))
    start, stop = edges[rows, segment], edges[rows, segment + 1]
    return segment, position - start, stop - start


def _spaced_ranks(
    place: np.ndarray, count: np.ndarray, shelf: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return Zipf-like ranks below `shelf` that increase strictly with place in [0, count)."""
    room = shelf - count
    quantile = (place + rng.random(len(place))) / count
    power = 1 - ZIPF_EXPONENT
    gap = (1 + quantile * ((room + 1.0) ** power - 1)) ** (1 / power) - 1
    return place + np.minimum(gap.astype(np.int64), room)


def _coprime_step(capacity: int) -> int:
    """Return a step near the golden section of `capacity` that has no common divisor with it."""
    step = max(1, int(capacity * GOLDEN_RATIO))
    while math.gcd(step, capacity) > 1:
        step += 1
    return step
