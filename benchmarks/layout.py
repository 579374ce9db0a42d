"""What the reports of batch and stream share: targets, tables, steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A bound for a figure; `least` tells whether it is a lower one."""

    text: str
    bound: float
    figure: float | None
    least: bool = False

    @property
    def verdict(self) -> str:
        """`met` or `missed by` a share of the bound, with the figure; or `not measured`."""
        if self.figure is None:
            return "not measured"
        over = self.figure / self.bound
        met = over >= 1 if self.least else over <= 1
        said = "met" if met else f"missed by {abs(over - 1) * 100:,.0f} %"
        return (
            f"{said} ({self.figure:,.2f})" if self.bound < 100 else f"{said} ({self.figure:,.0f})"
        )


def table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Rows as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  " + "  ".join(cells)


def steps_text(steps: dict[str, Any], share: float = 1.0) -> str:
    """Steps with their seconds and processor seconds, both divided by `share`."""
    return ", ".join(
        f"{name} {step['seconds'] / share:.2f} / {step['cpu_seconds'] / share:.2f}"
        for name, step in steps.items()
    )
