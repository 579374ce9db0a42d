"""Learning from chunks of examples, with one chunk of hashed features in memory at a time."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.features import Features
from amazon_reviews.models.sentiment.regression import ChunkedRegression
from amazon_reviews.models.sentiment.splits import user_keys
from amazon_reviews.models.sentiment.tasks import LEFT_OUT, TASKS, Task

_SIDES = ("below", "above")
QUESTIONS = {
    "binary": TASKS["binary"],
    "above 1": Task("above 1", _SIDES, (0, 1, 1, 1, 1)),
    "above 2": Task("above 2", _SIDES, (0, 0, 1, 1, 1)),
    "above 3": Task("above 3", _SIDES, (0, 0, 0, 1, 1)),
    "above 4": Task("above 4", _SIDES, (0, 0, 0, 0, 1)),
}
"""Yes-or-no questions about stars; the score of each is one regression's."""

ASKED = {
    "binary": ("binary",),
    "label_a": ("above 3",),
    "three": ("above 2", "above 3"),
    "five": ("above 1", "above 2", "above 3", "above 4"),
}
"""The questions that a task needs."""


@dataclass(frozen=True)
class Chunk:
    """Rated reviews: counts of hashed features, stars, and an even key that is the user's."""

    counts: sp.csr_array
    stars: NDArray[np.float64]
    keys: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.stars)

    def where(self, chosen: NDArray[np.bool_]) -> "Chunk":
        """Those that are chosen."""
        return Chunk(self.counts[np.flatnonzero(chosen)], self.stars[chosen], self.keys[chosen])


def chunked(
    examples: Iterable[Examples], features: Features, rows: int, seed: int
) -> Iterator[Chunk]:
    """Rated examples as chunks of exactly `rows` rows, and a last one with what is left."""
    waiting: list[Chunk] = []
    for part in examples:
        rated = part.where(TASKS["five"].labels(part.stars) != LEFT_OUT)
        for begin in range(0, len(rated), rows):
            waiting.append(_hashed(rated.slice(begin, rows), features, seed))
            if sum(map(len, waiting)) >= rows:
                whole = _joined(waiting)
                chosen = np.arange(len(whole)) < rows
                yield whole.where(chosen)
                waiting = [whole.where(~chosen)]
    rest = _joined(waiting) if waiting else None
    if rest is not None and len(rest):
        yield rest


def _hashed(examples: Examples, features: Features, seed: int) -> Chunk:
    counts = features.matrix(examples.summaries, examples.texts)
    return Chunk(counts, examples.stars, user_keys(examples.users, seed))


def _joined(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(
        sp.csr_array(sp.vstack([chunk.counts for chunk in chunks], format="csr")),
        np.concatenate([chunk.stars for chunk in chunks]),
        np.concatenate([chunk.keys for chunk in chunks]),
    )


class Learner:
    """One regression for each question, fed with weighted rows."""

    def __init__(
        self, questions: tuple[str, ...], width: int, strength: float, balance: str, seed: int
    ) -> None:
        self._tasks = [QUESTIONS[name] for name in questions]
        self._regressions = [ChunkedRegression(width, strength) for _ in questions]
        self._seen = np.zeros((len(questions), 2))
        self._balance = balance
        self._random = np.random.default_rng(seed)

    def learn(self, rows: sp.csr_array, stars: NDArray[np.float64], jobs: int = 1) -> None:
        """Learn from reviews × features and the stars of each, `jobs` questions at a time."""
        labels = [task.labels(stars) for task in self._tasks]
        chosen = [self._choose(question, of) for question, of in enumerate(labels)]

        def update(question: int) -> None:
            places, sides, weights = chosen[question]
            if len(places):
                own = rows if len(places) == rows.shape[0] else rows[places]
                self._regressions[question].update(own, sides == 1, weights)

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(update, range(len(chosen))))

    def weights(self) -> NDArray[np.float32]:
        """Features × questions."""
        return np.stack([regression.mean for regression in self._regressions], axis=1)

    def _choose(self, question: int, labels: NDArray[np.int8]) -> tuple[NDArray, NDArray, NDArray]:
        """Places, labels and weights of the reviews that the question learns from."""
        places = np.flatnonzero(labels != LEFT_OUT)
        if self._balance == "undersampling":
            places = self._undersampled(places, labels)
        sides = labels[places]
        counts = self._seen[question] + np.bincount(sides, minlength=2)
        self._seen[question] = counts
        by_side = np.ones(2)
        if self._balance == "weights":
            by_side = counts.sum() / (2 * np.maximum(counts, 1))
        return places, sides, by_side[sides]

    def _undersampled(self, places: NDArray[np.intp], labels: NDArray[np.int8]) -> NDArray[np.intp]:
        sides = [places[labels[places] == side] for side in (0, 1)]
        fewest = min(map(len, sides))
        return np.sort(
            np.concatenate([self._random.choice(side, fewest, replace=False) for side in sides])
        )
