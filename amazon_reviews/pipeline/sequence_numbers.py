"""Sets of sequence numbers, stored as spans: events mostly have consecutive ones."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.resources.event_hub import Span

_Array = NDArray[np.int64]
_Mask = NDArray[np.bool_]


def _none() -> _Array:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A set of sequence numbers from 0 to below 2**62.

    `firsts` and `lasts` are the ends of its spans, ascending and not adjacent.
    """

    firsts: _Array = field(default_factory=_none)
    lasts: _Array = field(default_factory=_none)

    @classmethod
    def of(cls, values: Any) -> "Numbers":
        """Return the set of these values, in any order."""
        numbers = np.unique(np.asarray(values, np.int64))
        breaks = np.flatnonzero(np.diff(numbers) > 1)
        firsts = np.concatenate([numbers[:1], numbers[breaks + 1]])
        return cls(firsts, np.concatenate([numbers[breaks], numbers[-1:]]))

    @classmethod
    def between(cls, first: int, last: int) -> "Numbers":
        """Return all numbers of a span; none if it ends before it begins."""
        return cls(np.array([first]), np.array([last])) if first <= last else cls()

    @property
    def spans(self) -> list[Span]:
        """The spans in ascending order."""
        return list(map(Span, self.firsts.tolist(), self.lasts.tolist()))

    def __bool__(self) -> bool:
        """Return True if there is any number."""
        return bool(self.firsts.size)

    def __len__(self) -> int:
        """Return the number of numbers."""
        return int((self.lasts - self.firsts + 1).sum())

    def __or__(self, other: "Numbers") -> "Numbers":
        """Return the numbers of both."""
        return self._combined(other, np.logical_or)

    def __and__(self, other: "Numbers") -> "Numbers":
        """Return the numbers that both have."""
        return self._combined(other, np.logical_and)

    def __sub__(self, other: "Numbers") -> "Numbers":
        """Return the numbers that the other does not have."""
        return self._combined(other, lambda mine, others: mine & ~others)

    def contains(self, values: _Array) -> _Mask:
        """Return a mask of the values that belong to the set."""
        if not self:
            return np.zeros(len(values), np.bool_)
        position = np.searchsorted(self.firsts, values, "right") - 1
        contained: _Mask = (position >= 0) & (values <= self.lasts[position])
        return contained

    def end_of(self, number: int) -> int | None:
        """Return the last number of the span with a number, None if it is not in the set."""
        position = int(np.searchsorted(self.firsts, number, "right")) - 1
        if position < 0 or number > self.lasts[position]:
            return None
        return int(self.lasts[position])

    def lowest(self, count: int) -> "Numbers":
        """Return the `count` lowest numbers, or all if there are fewer."""
        before = np.cumsum(self.lasts - self.firsts + 1) - (self.lasts - self.firsts + 1)
        firsts = self.firsts[before < count]
        lasts = np.minimum(self.lasts[: len(firsts)], firsts + (count - before[: len(firsts)]) - 1)
        return Numbers(firsts, lasts)

    def _combined(self, other: "Numbers", belongs: Callable[[_Mask, _Mask], _Mask]) -> "Numbers":
        points = np.unique(
            np.concatenate([self.firsts, self.lasts + 1, other.firsts, other.lasts + 1])
        )
        inside = belongs(self.contains(points), other.contains(points))
        edges = np.diff(inside.astype(np.int8), prepend=np.int8(0))
        return Numbers(points[edges == 1], points[edges == -1] - 1)
