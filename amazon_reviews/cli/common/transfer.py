"""The progress of a download on stderr."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from amazon_reviews.cli.common.console import console
from amazon_reviews.shown_text import terminal_text

# A log shows that the download goes on, without becoming long.
_SECONDS_BETWEEN_LINES = 30.0


class Transfer:
    """Shows the steps of a download: as bars in a terminal, otherwise as a line now and then."""

    def __init__(self, name: str, bars: Progress) -> None:
        self._name = terminal_text(name)
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._last_line = time.monotonic()

    def advance(self, step: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes or lines of a step are done."""
        count = f"{done:,}" if total is None else f"{done:,} of {total:,}"
        if self._bars.console.is_terminal:
            if step not in self._tasks:
                for task in self._tasks.values():
                    self._bars.update(task, visible=False)
                self._tasks[step] = self._bars.add_task(f"{step} {self._name}", count="")
            self._bars.update(self._tasks[step], completed=done, total=total, count=count)
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._bars.console.print(f"{step} {self._name}: {count}")

    def remark(self, text: str) -> None:
        """Print a line."""
        self._bars.console.print(terminal_text(text))


@contextmanager
def transfer(name: str) -> Iterator[Transfer]:
    """Show the download of the file `name` in the block."""
    stderr = console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bars:
        yield Transfer(name, bars)
