"""Progress bars on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from amazon_reviews.cli.common.console import console
from amazon_reviews.shown_text import terminal_text


def progress_bars(target: Console) -> Progress:
    """Return bars that disappear when done; a target that is no terminal shows none."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=target,
        transient=True,
        disable=not target.is_terminal,
    )


@contextmanager
def progress_bar(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar for `total` items; yields a function that advances it by a number of items."""
    with progress_bars(console(stderr=True)) as bars:
        task = bars.add_task(terminal_text(name), total=total)
        yield lambda count: bars.advance(task, count)
