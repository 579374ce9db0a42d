"""Seeded random numbers and exact shares."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

_STREAMS = ("population", "review", "text", "defect", "event", "product", "incident")


def generator(seed: int, stream: str, index: int = 0) -> np.random.Generator:
    """Return the generator of (seed, stream, index), so that the order of calls does not matter."""
    return np.random.Generator(np.random.PCG64([seed, _STREAMS.index(stream), index]))


def python_random(seed: int, stream: str, index: int = 0) -> random.Random:
    """Return the same for single numbers, which the standard library draws faster."""
    return random.Random(f"{seed}/{stream}/{index}")


def quota(share: float, start: int, stop: int) -> int:
    """Return the number of items in [start, stop) for a share; intervals add up exactly."""
    return math.floor(share * stop) - math.floor(share * start)


def spans(total: int, parts: int) -> list[tuple[int, int]]:
    """Return `parts` intervals [start, stop) that cover [0, total) as evenly as possible."""
    edges = [total * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))


def blocks(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    """Split the interval [start, stop) into intervals of at most `size`, in order."""
    return [(at, min(at + size, stop)) for at in range(start, stop, size)]


def choose_rows(cumulative: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a column for each row by the cumulative probabilities of the row.

    Args:
        cumulative: (kinds, columns), each row increases to 1.
        rows: (n,) kinds.
        rng: The random generator.

    Returns:
        (n,) columns.
    """
    drawn = rng.random(len(rows))[:, None] >= cumulative[rows]
    return np.minimum(drawn.sum(axis=1), cumulative.shape[1] - 1)


def cumulative_table(weights: Sequence[Sequence[float]]) -> np.ndarray:
    """Return rows of weights as rows of cumulative probabilities of the same shape."""
    table = np.asarray(weights, dtype=float)
    return np.cumsum(table / table.sum(axis=1, keepdims=True), axis=1)
