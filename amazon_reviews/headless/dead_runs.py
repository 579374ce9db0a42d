"""Runs whose process is gone: found by the lock that a living process holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from filelock import FileLock, Timeout

PROCESS_TAG = "amazon_reviews/process"


@contextmanager
def living_process(instance: dg.DagsterInstance) -> Iterator[dict[str, str]]:
    """Tags for the runs of this process, by which others see whether it still lives.

    The kernel releases the lock when the process dies, however it dies.
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
    """Report the runs as failed whose process died without doing so; returns their ids."""
    statuses = [dg.DagsterRunStatus.NOT_STARTED, *IN_PROGRESS_RUN_STATUSES]
    going = instance.get_runs(dg.RunsFilter(statuses=statuses))
    dead = [run for run in going if _is_dead(instance, run.tags.get(PROCESS_TAG))]
    for run in dead:
        instance.report_run_failed(run, "The process that ran it was killed or died.")
    return [run.run_id for run in dead]


def report_orphaned_runs(instance: dg.DagsterInstance, before: float) -> list[str]:
    """Report the runs as failed that a code server had started `before` the only one there is.

    `before` is in seconds of the epoch. They died with that server; Dagster's daemon asks the new
    one for them, and would take them for running for ever. Returns their ids.
    """
    going = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    orphaned = [
        record.dagster_run
        for record in going
        if PROCESS_TAG not in record.dagster_run.tags and (record.start_time or before) < before
    ]
    for run in orphaned:
        instance.report_run_failed(run, "The code server that ran it was stopped or died.")
    return [run.run_id for run in orphaned]


def _is_dead(instance: dg.DagsterInstance, name: str | None) -> bool:
    """Whether no living process holds the lock; runs that others started have no name."""
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
