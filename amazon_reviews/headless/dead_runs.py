"""Runs of dead processes: a living process holds a lock that its runs name in a tag."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from amazon_reviews.defs.living_runs import PROCESS_TAG
from amazon_reviews.resources.living_processes import FOLDER, forget, is_dead, killed, living

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
    # Runs of the UI and the daemon have no tag: `dead_run_sensor` looks after them.
    dead = [
        run for run in unfinished if (name := run.tags.get(PROCESS_TAG)) and is_dead(folder, name)
    ]
    for run in dead:
        instance.report_run_failed(run, "The process that ran it was killed or died.")
    for name in killed(folder):
        forget(folder, name)
    return [run.run_id for run in dead]


def _folder(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory) / FOLDER
