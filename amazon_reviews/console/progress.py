"""Progress on stderr: a bar and a line for every stage that is done."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from amazon_reviews.automation.headless import HeadlessRun, Outcome, Stage


def show_progress(
    instance: dg.DagsterInstance, select: str, again: Mapping[str, Sequence[str]] | None = None
) -> Outcome:
    """Run headless with a bar; `again` names silver partitions to refine anew, by table."""
    console = Console(stderr=True)
    logging.getLogger("dagster").setLevel(logging.ERROR)
    from amazon_reviews.definitions import defs

    selection = dg.AssetSelection.from_string(select)
    headless = HeadlessRun(defs, instance, selection, again or {})
    with _bars(console) as bars:

        def watch(stage: Stage) -> Callable[[str], None]:
            task = bars.add_task(stage.name, total=max(1, len(stage.partitions)))
            return lambda _: bars.advance(task)

        outcome = headless.run(watch, lambda stage, seconds: _say(bars, stage, seconds))
    for gone in outcome.disappeared:
        console.print(f"{gone} is no longer in the landing zone; its rows are kept")
    for failure in outcome.failures:
        console.print(f"[red]failed[/red] {failure}", markup=True, highlight=False)
    return outcome


@contextmanager
def counting(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for `total` things; call what is given with the number of further things done."""
    with _bars(Console(stderr=True)) as bars:
        task = bars.add_task(name, total=total)
        yield lambda count: bars.advance(task, count)


def _say(bars: Progress, stage: Stage, seconds: float) -> None:
    bars.remove_task(bars.task_ids[-1])
    count = f"{len(stage.partitions)} partitions" if stage.partitions else ""
    bars.console.print(f"{stage.name:36} {count:16} {seconds:6.1f} s", highlight=False)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )

