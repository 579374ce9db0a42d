"""Runs of dead processes: a living process holds a lock that its runs name in a tag."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from amazon_reviews.resources.living_processes import FOLDER, forget, is_dead, killed, living

PROCESS_TAG = "amazon_reviews/process"
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@contextmanager
def living_process(instance: dg.DagsterInstance) -> Iterator[dict[str, str]]:
    """Yield tags for the runs of this process; they show other processes that it still lives."""
    with living(_folder(instance)) as name:
        yield {PROCESS_TAG: name}


def report_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report unfinished runs of dead processes as failed; return the ids of the runs."""
    folder = _folder(instance)
    unfinished = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    # Runs of the UI and the daemon have no tag: Dagster monitors them itself.
    dead = [
        run for run in unfinished if (name := run.tags.get(PROCESS_TAG)) and is_dead(folder, name)
    ]
    for run in dead:
        instance.report_run_failed(run, "The process that ran it was killed or died.")
    for name in killed(folder):
        forget(folder, name)
    return [run.run_id for run in dead]


def report_orphaned_runs(instance: dg.DagsterInstance, before: float) -> list[str]:
    """Report unfinished runs of an earlier code server as failed; return the ids of the runs.

    `before` is the start of the present code server, in seconds of the epoch. Dagster's daemon asks
    the present server for these runs, and would otherwise show them as running for ever.
    """
    started = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    orphaned = [
        record.dagster_run
        for record in started
        if PROCESS_TAG not in record.dagster_run.tags and (record.start_time or before) < before
    ]
    for run in orphaned:
        instance.report_run_failed(run, "The code server that ran it was stopped or died.")
    return [run.run_id for run in orphaned]


def _folder(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory) / FOLDER
