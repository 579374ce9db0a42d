"""Counts for truth.json."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    """What went into one partition: lines = distinct + duplicates_within + refused lines."""

    distinct: int = 0
    duplicates_within: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        """All lines but blank ones."""
        return self.distinct + self.duplicates_within + self.rejected.total()

    def as_json(self) -> dict[str, Any]:
        """The counts, with those reasons only that occur."""
        return {
            "lines": self.lines,
            "distinct": self.distinct,
            "duplicates_within": self.duplicates_within,
            "rejected": dict(sorted(self.rejected.items())),
        }
