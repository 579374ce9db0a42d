"""Filters that combine into one condition."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

WHOLE_STARS = "CAST(FLOOR({column} + 0.5) AS INT64)"
FILTERED = ("year", "main_category", "stars", "verified", "source")


@dataclass(frozen=True)
class Filters:
    """What to look at; None and () leave a column unfiltered.

    `years` are first and last year, and leave out reviews without a date; `stars` are whole ones,
    halves rounded up.
    """

    years: tuple[int, int] | None = None
    main_categories: tuple[str, ...] = ()
    stars: tuple[int, ...] = ()
    verified: bool | None = None
    source: str | None = None

    def where(
        self, alias: str, columns: Collection[str] = FILTERED
    ) -> tuple[str, tuple[object, ...]]:
        """The condition on a table's `columns` as SQL with ``?`` marks, and their parameters."""
        terms = [term for term in self._terms(alias) if term[0] in columns]
        condition = " AND ".join(sql for _, sql, _ in terms) or "TRUE"
        return condition, tuple(value for *_, values in terms for value in values)

    def set_beyond(self, columns: Collection[str]) -> bool:
        """Whether a filter is set on another column than these."""
        return any(column not in columns for column, *_ in self._terms("t"))

    def _terms(self, alias: str) -> Iterator[tuple[str, str, tuple[object, ...]]]:
        if self.years:
            yield "year", f"{alias}.year BETWEEN ? AND ?", self.years
        if self.main_categories:
            marks = _marks(self.main_categories)
            yield "main_category", f"{alias}.main_category IN ({marks})", self.main_categories
        if self.stars:
            whole = WHOLE_STARS.format(column=f"{alias}.stars")
            yield "stars", f"{whole} IN ({_marks(self.stars)})", self.stars
        if self.verified is not None:
            yield "verified", f"{alias}.verified = ?", (self.verified,)
        if self.source:
            yield "source", f"{alias}.source = ?", (self.source,)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
