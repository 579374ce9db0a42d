"""Runs of dead processes: a living process holds a lock that its runs name in a tag."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import dagster as dg
from filelock import FileLock, Timeout

PROCESS_TAG = "amazon_reviews/process"
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@contextmanager
def living_process(instance: dg.DagsterInstance) -> Iterator[dict[str, str]]:
    """Yield tags for the runs of this process; they show other processes that it still lives.

    The kernel releases the lock when the process dies, in any way.
    """
    name = uuid4().hex
    path = _lock_path(instance, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path):
        try:
            yield {PROCESS_TAG: name}
        finally:
            path.unlink(missing_ok=True)


def report_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report unfinished runs of dead processes as failed; return the ids of the runs."""
    unfinished = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    dead = [run for run in unfinished if _is_dead(instance, run.tags.get(PROCESS_TAG))]
    for run in dead:
        instance.report_run_failed(run, "The process that ran it was killed or died.")
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


def _is_dead(instance: dg.DagsterInstance, name: str | None) -> bool:
    """Return True if no living process holds the lock of this name."""
    # Runs of the UI and the daemon have no tag: Dagster monitors them itself.
    if name is None:
        return False
    path = _lock_path(instance, name)
    if not path.exists():
        return True
    try:
        with _lock(path).acquire(blocking=False):
            path.unlink(missing_ok=True)
    except Timeout:
        return False
    return True


def _lock(path: Path) -> FileLock:
    # No soft lock: that of a killed process would stay.
    return FileLock(path, fallback_to_soft=False, thread_local=False)


def _lock_path(instance: dg.DagsterInstance, name: str) -> Path:
    return Path(instance.root_directory) / "processes" / f"{name}.lock"
