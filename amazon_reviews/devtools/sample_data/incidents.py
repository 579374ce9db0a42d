"""Incidents of a sample: products whose stars drop in a period."""

from datetime import date, timedelta

import numpy as np

from amazon_reviews.devtools.sample_data.draws import generator
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.population import Population
from amazon_reviews.devtools.sample_data.variants import FIRST_DAY, day_count

DAYS = 60
# Complaints come in numbers: about so many reviews of the product move into the period.
MOVED_REVIEWS, LARGEST_MOVED_SHARE = 30, 0.4
BAD_SHARE = 0.8
BAD_STARS = (0.6, 0.25, 0.15)  # from 1 to 3
# From here on, products have many earlier reviews.
_EARLIEST = (date(2015, 1, 1) - FIRST_DAY).days


class Incidents:
    """Periods of `DAYS` days, one for each of the most reviewed products.

    Most reviews of the product in its period are bad. The first incident goes on until the last day
    of the sample, the others end before.
    """

    def __init__(self, options: SampleOptions, population: Population) -> None:
        self._population = population
        self._products, reviews = population.most_reviewed(options.incidents)
        rng = generator(options.seed, "incident")
        last = day_count() - DAYS
        self._first_days = rng.integers(_EARLIEST, last, len(self._products))
        self._first_days[:1] = last
        self._first_day = np.full(population.total, day_count())
        self._first_day[self._products] = self._first_days
        self._moved_share = np.zeros(population.total)
        self._moved_share[self._products] = np.minimum(MOVED_REVIEWS / reviews, LARGEST_MOVED_SHARE)

    def change(
        self, product: np.ndarray, day: np.ndarray, stars: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return day and stars of reviews, changed where the product has an incident; all (n,)."""
        rows = np.flatnonzero(self._moved_share[product])
        if not len(rows):
            return day, stars
        first = self._first_day[product[rows]]
        moved = rng.random(len(rows)) < self._moved_share[product[rows]]
        day, stars = day.copy(), stars.copy()
        day[rows] = np.where(moved, first + rng.integers(0, DAYS, len(rows)), day[rows])
        within = (day[rows] >= first) & (day[rows] < first + DAYS)
        is_bad = within & (rng.random(len(rows)) < BAD_SHARE)
        bad = rng.choice(len(BAD_STARS), len(rows), p=BAD_STARS) + 1
        stars[rows] = np.where(is_bad, bad, stars[rows])
        return day, stars

    def as_json(self) -> list[dict[str, str]]:
        """Return asin, first and last day of each incident, as truth.json lists them."""
        asins = self._population.asins(self._products)
        days = [FIRST_DAY + timedelta(int(day)) for day in self._first_days]
        return [
            {"asin": asin, "begins_on": str(day), "ends_on": str(day + timedelta(DAYS - 1))}
            for asin, day in zip(asins, days, strict=True)
        ]
