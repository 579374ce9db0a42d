"""Seeded draws and exact shares."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

_STREAMS = ("population", "review", "text", "defect", "event", "product")


def generator(seed: int, stream: str, index: int = 0) -> np.random.Generator:
    """A generator of its own for each (seed, stream, index): order of use does not matter."""
    return np.random.Generator(np.random.PCG64([seed, _STREAMS.index(stream), index]))


def python_random(seed: int, stream: str, index: int = 0) -> random.Random:
    """The same for draws one at a time, where the standard library is faster."""
    return random.Random(f"{seed}/{stream}/{index}")


def quota(share: float, start: int, stop: int) -> int:
    """How many of the items [start, stop) a share takes, so that all intervals add up exactly."""
    return math.floor(share * stop) - math.floor(share * start)


def spans(total: int, parts: int) -> list[tuple[int, int]]:
    """`parts` intervals [start, stop) that cover [0, total) as evenly as possible."""
    edges = [total * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))


def blocks(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    """The interval [start, stop) in pieces of at most `size`, in order."""
    return [(at, min(at + size, stop)) for at in range(start, stop, size)]


def choose_rows(cumulative: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column per row, drawn by the row's cumulative probabilities.

    cumulative: (kinds, columns), each row rising to 1; rows: (n,) kinds; returns (n,) columns.
    """
    drawn = rng.random(len(rows))[:, None] >= cumulative[rows]
    return np.minimum(drawn.sum(axis=1), cumulative.shape[1] - 1)


def cumulative_table(weights: Sequence[Sequence[float]]) -> np.ndarray:
    """Rows of weights as rows of cumulative probabilities. Shape is kept."""
    table = np.asarray(weights, dtype=float)
    return np.cumsum(table / table.sum(axis=1, keepdims=True), axis=1)
