"""Training on chunks of examples, with one chunk of hashed features in memory at a time."""

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
from amazon_reviews.models.sentiment.tasks import IGNORED, TASKS, Task

_SIDES = ("below", "above")
TARGETS = {
    "binary": TASKS["binary"],
    "above 1": Task("above 1", _SIDES, (0, 1, 1, 1, 1)),
    "above 2": Task("above 2", _SIDES, (0, 0, 1, 1, 1)),
    "above 3": Task("above 3", _SIDES, (0, 0, 0, 1, 1)),
    "above 4": Task("above 4", _SIDES, (0, 0, 0, 0, 1)),
}
"""Binary targets about stars; one regression learns the score of each."""

TARGETS_OF_TASK = {
    "binary": ("binary",),
    "negative_up_to_3": ("above 3",),
    "three": ("above 2", "above 3"),
    "five": ("above 1", "above 2", "above 3", "above 4"),
}
"""The targets that a task needs."""


@dataclass(frozen=True)
class Chunk:
    """Rated reviews: counts of hashed features, stars, and the uniform key of the user."""

    counts: sp.csr_array
    stars: NDArray[np.float64]
    keys: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.stars)

    def where(self, selected: NDArray[np.bool_]) -> "Chunk":
        """Return the selected reviews."""
        rows = np.flatnonzero(selected)
        return Chunk(self.counts[rows], self.stars[selected], self.keys[selected])


def chunked(
    examples: Iterable[Examples], features: Features, rows: int, seed: int
) -> Iterator[Chunk]:
    """Yield rated examples as chunks of exactly `rows` rows; the last chunk may be shorter."""
    waiting: list[Chunk] = []
    for part in examples:
        rated = part.where(TASKS["five"].labels(part.stars) != IGNORED)
        for begin in range(0, len(rated), rows):
            waiting.append(_hashed(rated.slice(begin, rows), features, seed))
            if sum(map(len, waiting)) >= rows:
                chunk = _concatenate(waiting)
                first = np.arange(len(chunk)) < rows
                yield chunk.where(first)
                waiting = [chunk.where(~first)]
    if waiting and len(rest := _concatenate(waiting)):
        yield rest


def _hashed(examples: Examples, features: Features, seed: int) -> Chunk:
    counts = features.matrix(examples.summaries, examples.texts)
    return Chunk(counts, examples.stars, user_keys(examples.users, seed))


def _concatenate(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(
        sp.csr_array(sp.vstack([chunk.counts for chunk in chunks], format="csr")),
        np.concatenate([chunk.stars for chunk in chunks]),
        np.concatenate([chunk.keys for chunk in chunks]),
    )


class Learner:
    """One regression for each target, trained on weighted rows."""

    def __init__(
        self, targets: tuple[str, ...], width: int, strength: float, balance: str, seed: int
    ) -> None:
        self._tasks = [TARGETS[name] for name in targets]
        self._regressions = [ChunkedRegression(width, strength) for _ in targets]
        self._class_counts = np.zeros((len(targets), 2))
        self._balance = balance
        self._random = np.random.default_rng(seed)

    def learn(self, rows: sp.csr_array, stars: NDArray[np.float64], jobs: int = 1) -> None:
        """Learn from reviews × features and the stars of each, `jobs` targets at a time."""
        labels = [task.labels(stars) for task in self._tasks]
        samples = [self._sample(target, of_target) for target, of_target in enumerate(labels)]

        def update(target: int) -> None:
            places, sides, weights = samples[target]
            if len(places):
                # Indexing copies the rows, which most targets need in full.
                selected = rows if len(places) == rows.shape[0] else rows[places]
                self._regressions[target].update(selected, sides == 1, weights)

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(update, range(len(samples))))

    def weights(self) -> NDArray[np.float32]:
        """Return the weights, features × targets."""
        return np.stack([regression.mean for regression in self._regressions], axis=1)

    def _sample(self, target: int, labels: NDArray[np.int8]) -> tuple[NDArray, NDArray, NDArray]:
        """Return positions, labels and weights of the reviews that the target learns from."""
        places = np.flatnonzero(labels != IGNORED)
        if self._balance == "undersampling":
            places = self._undersampled(places, labels)
        sides = labels[places]
        counts = self._class_counts[target] + np.bincount(sides, minlength=2)
        self._class_counts[target] = counts
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
