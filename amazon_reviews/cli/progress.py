"""Progress on stderr: a bar and a line for every stage that is done."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from amazon_reviews.cli.terminal import plain, terminal
from amazon_reviews.headless.runner import HeadlessRun, Outcome, Stage


def show_progress(
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    selection: dg.AssetSelection,
    again: Mapping[str, Sequence[str]] | None = None,
) -> Outcome:
    """Run headless with a bar; `again` names silver partitions to build_silver anew, by table."""
    logging.getLogger("dagster").setLevel(logging.ERROR)
    console = terminal(stderr=True)
    headless = HeadlessRun(defs, instance, selection, again or {})
    with _bars(console) as bars:

        def watch(stage: Stage) -> Callable[[str], None]:
            task = bars.add_task(plain(stage.name), total=max(1, len(stage.partitions)))
            return lambda _: bars.advance(task)

        outcome = headless.run(watch, lambda stage, seconds: _say(bars, stage, seconds))
    for line in _remarks(outcome):
        console.print(plain(line))
    return outcome


def chosen_assets(defs: dg.Definitions, text: str) -> dg.AssetSelection:
    """The assets that an asset selection in Dagster's syntax names.

    Raises:
        ValueError: it cannot be understood, or names no asset.
    """
    graph = defs.resolve_asset_graph()
    with suppress(dg.DagsterError):
        selection = dg.AssetSelection.from_string(text)
        if selection.resolve(graph):
            return selection
    raise ValueError(f"{text!r} names no asset; try 'gold/reviews' or 'group:gold'")


@contextmanager
def counting(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for `total` things; call what is given with the number of further things done."""
    with _bars(terminal(stderr=True)) as bars:
        task = bars.add_task(plain(name), total=total)
        yield lambda count: bars.advance(task, count)


def _remarks(outcome: Outcome) -> Iterator[str]:
    for run in outcome.died:
        yield f"run {run} had died and is reported as failed"
    for gone in outcome.disappeared:
        yield f"{gone} is no longer in the landing zone; its rows are kept"
    for failure in outcome.failures:
        yield f"failed {failure}"


def _say(bars: Progress, stage: Stage, seconds: float) -> None:
    bars.remove_task(bars.task_ids[-1])
    number = len(stage.partitions)
    count = f"{number} partition{'s' if number > 1 else ''}" if number else ""
    line = f"{stage.name:36} {count:16} {seconds:6.1f} s"
    bars.console.print(plain(line))


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
