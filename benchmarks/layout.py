"""Parts of all reports: targets, tables, steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A bound for a figure; `least` is True for a lower bound."""

    text: str
    bound: float
    figure: float | None
    least: bool = False

    @property
    def verdict(self) -> str:
        """`met`, or `missed by` a share of the bound, with the figure; or `not measured`."""
        if self.figure is None:
            return "not measured"
        ratio = self.figure / self.bound
        is_met = ratio >= 1 if self.least else ratio <= 1
        verdict = "met" if is_met else f"missed by {abs(ratio - 1) * 100:,.0f} %"
        return f"{verdict} ({self.figure:,.{2 if self.bound < 100 else 0}f})"


def table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Format rows as lines: the first column is aligned left, the others right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  " + "  ".join(cells)


def steps_text(steps: dict[str, Any], share: float = 1.0) -> str:
    """Format steps with their seconds and processor seconds, both divided by `share`."""
    return ", ".join(
        f"{name} {step['seconds'] / share:.2f} / {step['cpu_seconds'] / share:.2f}"
        for name, step in steps.items()
    )
