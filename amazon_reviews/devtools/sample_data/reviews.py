"""Review lines in blocks.

A line consists of ready fragments. Two reviews differ in their (user, product, visit), see
population.py. User and product are fields of the line. A text begins with the number of its visit
if it is above 0, and no other text begins like this.
"""

from dataclasses import replace

import numpy as np

from amazon_reviews.devtools.sample_data.draws import choose_rows, cumulative_table, generator
from amazon_reviews.devtools.sample_data.identifiers import NAMES, reviewer_ids
from amazon_reviews.devtools.sample_data.incidents import Incidents
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.population import Draw, Population
from amazon_reviews.devtools.sample_data.texts import Texts
from amazon_reviews.devtools.sample_data.variants import (
    FIRST_DAY,
    IMAGES,
    LARGEST_VOTE,
    STYLES,
    UNKNOWN_FIELDS,
    Order,
    Variant,
    day_count,
)

UNRATED_SHARE = 0.0002
NO_TEXT_SHARE = 0.0015
NO_SUMMARY_SHARE = 0.001
NO_NAME_SHARE = 0.002
NO_TIME_SHARE = 0.1
STYLE_SHARE = 0.56
IMAGE_SHARE = 0.015
VOTE_SHARE = 0.12
USUAL_ORDER_SHARE = 0.9

# Reviews a year, relative to the best year; years between are interpolated.
_YEARS = {1999: 0.004, 2006: 0.027, 2011: 0.11, 2013: 0.42, 2016: 1.0, 2017: 0.75, 2018: 0.5}
_VERIFIED = {1999: 0.02, 2008: 0.35, 2014: 0.9, 2018: 0.93}


class Reviews:
    """Generates the distinct reviews of a sample."""

    def __init__(self, options: SampleOptions) -> None:
        self._options = options
        self._population = Population(options)
        self.incidents = Incidents(options, self._population)
        self._texts = Texts(options.seed)
        self._days, self._verified = _calendar()

    @property
    def population(self) -> Population:
        """Users and products behind the reviews."""
        return self._population

    def lines(self, start: int, stop: int, variant: Variant) -> list[str]:
        """Return the reviews start to stop - 1 as JSON lines without newlines.

        The same numbers give the same reviews only within the same block.
        """
        rng = generator(self._options.seed, "review", start)
        draw = self._population.draw(start, stop, rng)
        columns = self._columns(draw, variant, rng)
        orders = _orders(variant, stop - start, rng)
        comma = variant.comma
        lines = [
            f"{{{comma.join(filter(None, order(row)))}}}"
            for order, row in zip(orders, zip(*columns, strict=True), strict=True)
        ]
        self._add_unknown_fields(lines, variant, rng)
        return lines

    def _columns(self, draw: Draw, variant: Variant, rng: np.random.Generator) -> list[list[str]]:
        """Return the fragments in the order of variants.COLUMNS, '' for an omitted key."""
        count = len(draw.user)
        day = np.searchsorted(self._days, rng.random(count), side="right")
        day, stars = self.incidents.change(draw.product, day, draw.stars, rng)
        draw = replace(draw, stars=stars)
        verified = (rng.random(count) < self._verified[day]).astype(np.int8)
        stars = np.where(rng.random(count) < UNRATED_SHARE, 0, draw.stars)
        return [
            _sometimes(variant.images, rng.integers(0, IMAGES, count), IMAGE_SHARE, rng),
            _pick(variant.overall, stars),
            _sometimes(variant.votes, _votes(count, rng), VOTE_SHARE, rng),
            _pick(variant.verified, verified),
            _sometimes(variant.days, day, 1 - NO_TIME_SHARE, rng),
            _fragments(variant.key("reviewerID"), reviewer_ids(draw.user)),
            _fragments(variant.key("asin"), self._population.asins(draw.product)),
            _sometimes(variant.styles, _styles(draw.category, rng), STYLE_SHARE, rng),
            _sometimes(variant.names, draw.user * 2_654_435_761 % NAMES, 1 - NO_NAME_SHARE, rng),
            *self._words(draw, variant, rng),
            _pick(variant.unix_days, day),
        ]

    def _words(
        self, draw: Draw, variant: Variant, rng: np.random.Generator
    ) -> tuple[list[str], list[str]]:
        """Return the fragments of text and summary; one of the two may be empty."""
        texts, summaries = self._texts.write(draw.category, draw.stars, variant.ascii_only, rng)
        for row in np.flatnonzero(draw.visit).tolist():
            texts[row] = f"Order number {draw.visit[row] + 1}. {texts[row]}"
        texts = _fragments(variant.key("reviewText"), texts)
        summaries = _fragments(variant.key("summary"), summaries)
        chance = rng.random(len(texts))
        for row in np.flatnonzero((chance < NO_TEXT_SHARE) & (draw.visit == 0)).tolist():
            texts[row] = ""
        for row in np.flatnonzero(chance > 1 - NO_SUMMARY_SHARE).tolist():
            summaries[row] = ""
        return texts, summaries

    def _add_unknown_fields(
        self, lines: list[str], variant: Variant, rng: np.random.Generator
    ) -> None:
        share = self._options.unknown_fields
        for row in np.flatnonzero(rng.random(len(lines)) < share).tolist():
            lines[row] = lines[row][:-1] + variant.unknown[row % len(UNKNOWN_FIELDS)]


def _pick(fragments: tuple[str, ...] | list[str], chosen: np.ndarray) -> list[str]:
    return [fragments[index] for index in chosen.tolist()]


def _sometimes(
    fragments: tuple[str, ...] | list[str],
    chosen: np.ndarray,
    share: float,
    rng: np.random.Generator,
) -> list[str]:
    present = (rng.random(len(chosen)) < share).tolist()
    return [
        fragments[index] if is_present else ""
        for index, is_present in zip(chosen.tolist(), present, strict=True)
    ]


def _fragments(key: str, values: list[str]) -> list[str]:
    return [f'{key}"{value}"' for value in values]


def _styles(category: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return category * STYLES + rng.integers(0, STYLES, len(category))


def _votes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw helpful votes from 2 up, with a heavy tail."""
    return np.minimum(2 + 2.5 * rng.pareto(0.9, count), LARGEST_VOTE).astype(np.int64)


def _orders(variant: Variant, count: int, rng: np.random.Generator) -> list[Order]:
    others = len(variant.orders) - 1
    weights = (USUAL_ORDER_SHARE, *[(1 - USUAL_ORDER_SHARE) / others] * others)
    rows = np.zeros(count, dtype=np.int64)
    chosen: list[int] = choose_rows(cumulative_table([weights]), rows, rng).tolist()
    return [variant.orders[index] for index in chosen]


def _calendar() -> tuple[np.ndarray, np.ndarray]:
    """Return the cumulative share of the reviews and the share of verified ones, by day."""
    start = np.datetime64(FIRST_DAY)
    years = (start + np.arange(day_count())).astype("datetime64[Y]").astype(int) + 1970
    weights = np.interp(years, list(_YEARS), list(_YEARS.values()))
    verified = np.interp(years, list(_VERIFIED), list(_VERIFIED.values()))
    return np.cumsum(weights)[:-1] / weights.sum(), verified
