"""Filters of reviews, combined into one SQL condition."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

WHOLE_STARS = "CAST(FLOOR({column} + 0.5) AS INT64)"
FILTERED = ("month", "main_category", "stars", "verified", "source")
CATEGORY = ("main_category",)


class Month(NamedTuple):
    """A month of a year: 1 to 12."""

    year: int
    month: int

    @property
    def number(self) -> int:
        """Consecutive months have consecutive numbers."""
        return self.year * 12 + self.month


@dataclass(frozen=True)
class Filters:
    """The chosen values of each column; None and () leave a column unfiltered.

    `months` are the first and the last month, and leave out reviews without a date. `stars` are
    whole numbers, halves rounded up.
    """

    months: tuple[Month, Month] | None = None
    main_categories: tuple[str, ...] = ()
    stars: tuple[int, ...] = ()
    verified: bool | None = None
    source: str | None = None

    def where(
        self, alias: str, columns: Collection[str] = FILTERED
    ) -> tuple[str, tuple[object, ...]]:
        """Return the condition on `columns` as SQL with ``?`` placeholders, and its parameters."""
        terms = [term for term in self._terms(alias) if term[0] in columns]
        condition = " AND ".join(sql for _, sql, _ in terms) or "TRUE"
        return condition, tuple(value for *_, values in terms for value in values)

    def set_beyond(self, columns: Collection[str]) -> bool:
        """Return True if a filter is set on another column than these."""
        return any(column not in columns for column, *_ in self._terms("t"))

    def _terms(self, alias: str) -> Iterator[tuple[str, str, tuple[object, ...]]]:
        if self.months:
            months = f"{alias}.year * 12 + {alias}.month BETWEEN ? AND ?"
            yield "month", months, tuple(month.number for month in self.months)
        if self.main_categories:
            placeholders = _placeholders(self.main_categories)
            yield (
                "main_category",
                f"{alias}.main_category IN ({placeholders})",
                self.main_categories,
            )
        if self.stars:
            whole = WHOLE_STARS.format(column=f"{alias}.stars")
            yield "stars", f"{whole} IN ({_placeholders(self.stars)})", self.stars
        if self.verified is not None:
            yield "verified", f"{alias}.verified = ?", (self.verified,)
        if self.source:
            yield "source", f"{alias}.source = ?", (self.source,)


def _placeholders(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
