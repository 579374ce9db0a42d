"""A headless run from the command line, with its progress on stderr."""

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
from rich.progress import Progress
from sqlalchemy.exc import DatabaseError

from amazon_reviews import definitions as project
from amazon_reviews import interrupts
from amazon_reviews.alerts.destinations import Alerting
from amazon_reviews.cli.common.console import console
from amazon_reviews.cli.common.dagster_instance import dagster_instance
from amazon_reviews.cli.common.progress import progress_bars
from amazon_reviews.config import LANDING, Settings, is_remote
from amazon_reviews.defs.alerts import send_alerts, send_without_state, watch_health
from amazon_reviews.defs.resources import places_of, resources
from amazon_reviews.errors import AmazonReviewsError, SettingsError, UsageError, one_line
from amazon_reviews.headless.compute_logs import protect_log_helpers
from amazon_reviews.headless.runner import HeadlessRun, Outcome, Rebuild, Stage
from amazon_reviews.memory import engine_memory, explain_failure
from amazon_reviews.planner.model import Plan
from amazon_reviews.shown_text import terminal_text

RESUMES = "interrupted; finished partitions are kept, and the next run continues from there"
"""The last line of an interrupted run."""

# As long as a tick of the sensor may take to send what it found.
_ALERTS_SECONDS = 60


def bring_up_to_date(
    settings: Settings, select: str, rebuild: Rebuild | None = None, *, code_changed: bool = False
) -> Outcome:
    """Do all pending work of the selected assets; print stages and failures on stderr.

    `rebuild` names partitions that are built again in any case, `code_changed` takes those that
    code of another version has built.

    Raises:
        SettingsError: the landing zone or DAGSTER_HOME cannot be used, or a limit leaves too little
            memory.
        UsageError: the selection cannot be parsed, or names no asset.
    """
    interrupts.remark(RESUMES)
    # Too little memory is reported before anything is built.
    if not is_remote(settings.engine):
        engine_memory(settings.engine_memory)
    stderr = console(stderr=True)
    command = "amazon-reviews run" + ("" if select == "*" else f" --select {shlex.quote(select)}")
    with (
        _alert_of_error(settings, command),
        _headless(settings, select, rebuild, code_changed) as (headless, instance),
        progress_bars(stderr) as bars,
    ):
        outcome = headless.run(
            lambda stage: _add_bar(bars, stage),
            lambda stage, seconds: _print_stage(bars, stage, seconds),
        )
        # A run that built nothing changed nothing, but time has passed, which alerts may be about.
        told = settings.alerts.get_secret_value()
        warnings = []
        if told or not outcome.nothing_new:
            ended = {command: "; ".join(outcome.other_failures)}
            warnings = _watch_health(settings, instance, ended)
    for line in (*_problems(outcome), *warnings):
        stderr.print(terminal_text(line))
    return outcome


def pending(
    settings: Settings, select: str, rebuild: Rebuild | None = None, *, code_changed: bool = False
) -> Plan:
    """Return the work that `bring_up_to_date` would do; print on stderr what is not read or seen.

    Raises:
        SettingsError, UsageError: see `bring_up_to_date`.
    """
    with _headless(settings, select, rebuild, code_changed) as (headless, _):
        for text in (*headless.warnings, *headless.faults):
            console(stderr=True).print(terminal_text(text))
        return headless.plan()


@contextmanager
def _headless(
    settings: Settings, select: str, rebuild: Rebuild | None, code_changed: bool
) -> Iterator[tuple[HeadlessRun, dg.DagsterInstance]]:
    if not (is_remote(settings.landing) or Path(settings.landing).is_dir()):
        raise SettingsError(
            LANDING,
            f"{settings.landing} is not a folder; create it, or try `amazon-reviews sample`",
        )
    logging.getLogger("dagster").setLevel(logging.ERROR)
    # Half a second, which a new process has spent already.
    defs = project.defs if settings == project.settings else project.definitions(settings)
    selection = _selection(defs, select)
    with dagster_instance(settings) as instance:
        protect_log_helpers(instance)
        headless = HeadlessRun(
            defs, places_of(settings), instance, selection, rebuild, code_changed=code_changed
        )
        yield headless, instance


@contextmanager
def _alert_of_error(settings: Settings, command: str) -> Iterator[None]:
    """Announce an error that ends a command before or outside the runs of Dagster."""
    try:
        yield
    except Exception as error:
        if settings.alerts.get_secret_value():
            for problem in _announce(settings, command, one_line(error)):
                console(stderr=True).print(terminal_text(f"warning {problem}"))
        raise


def _announce(settings: Settings, command: str, reason: str) -> list[str]:
    alerting = Alerting.of(settings)
    try:
        with dagster_instance(settings) as instance:
            wait, ended = _ALERTS_SECONDS, {command: reason}
            return send_alerts(instance, [], alerting, wait_seconds=wait, commands=ended)[1:]
    except (AmazonReviewsError, DatabaseError, OSError):
        # Its storage is probably what failed.
        return send_without_state(command, reason, alerting)


def _watch_health(
    settings: Settings, instance: dg.DagsterInstance, commands: Mapping[str, str]
) -> list[str]:
    """Do what the health sensor does; return what is wrong with it."""
    made = resources(settings)
    _, *problems = watch_health(
        instance,
        made["event_hub"],
        made["lakehouse"],
        made["fresh_hours"],
        made["alerting"],
        wait_seconds=_ALERTS_SECONDS,
        commands=commands,
    )
    return [f"warning {problem}" for problem in problems]


def _selection(defs: dg.Definitions, text: str) -> dg.AssetSelection:
    graph = defs.resolve_asset_graph()
    with suppress(dg.DagsterError):
        selection = dg.AssetSelection.from_string(text)
        if selection.resolve(graph):
            return selection
    raise UsageError(f"--select: {text!r} names no asset; try 'gold/reviews' or 'group:gold'")


def _add_bar(bars: Progress, stage: Stage) -> Callable[[str], None]:
    task = bars.add_task(terminal_text(stage.name), total=max(1, len(stage.partitions)))
    return lambda _: bars.advance(task)


def _print_stage(bars: Progress, stage: Stage, seconds: float) -> None:
    bars.remove_task(bars.task_ids[-1])
    number = len(stage.partitions)
    count = f"{number} partition{'s' if number > 1 else ''}" if number else ""
    line = f"{stage.name:36} {count:16} {seconds:6.1f} s   {stage.remark}"
    bars.console.print(terminal_text(line.rstrip()))


def _problems(outcome: Outcome) -> Iterator[str]:
    for run in outcome.dead_runs:
        yield f"run {run} had died and is reported as failed"
    for folder in outcome.disappeared:
        yield f"{folder} is no longer in the landing zone; its rows are kept"
    yield from outcome.pins
    for warning in outcome.warnings:
        yield f"warning {warning}"
    for failure in outcome.failures:
        yield f"failed {failure}"
    if why := explain_failure("; ".join(outcome.failures)):
        yield why
