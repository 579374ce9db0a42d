"""Runs of processes that have died: the process of a run holds a lock as long as it lives.

Dagster asks the present code server for the runs of its predecessor, and shows them as running for
ever. Such a run would keep its pool, and one of the places of the queue.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from amazon_reviews.resources.living_processes import FOLDER, forget, is_dead, killed, living

PROCESS_TAG = ".dagster/amazon_reviews_process"
"""The tag of headless runs: the name of the lock of their process. Dagster hides its prefix."""

_RUNS = "runs"
# A process takes its lock a moment after it reports that the run has started.
_LOCKED_AFTER_SECONDS = 10
_SERVER_STARTED = time.time()
_REASON = "The process that ran it was killed or died."


class _LivingExecutor(dg.Executor):
    """Executes all steps in its process, and holds a lock with the name of the run meanwhile."""

    def __init__(self, steps: dg.Executor) -> None:
        self._steps = steps

    @property
    def retries(self) -> Any:
        return self._steps.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._steps.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        with living(_folder(plan_context.instance), plan_context.run_id):
            yield from self._steps.execute(plan_context, execution_plan)


@dg.executor(name="in_process", config_schema=dg.in_process_executor.config_schema.as_field())
def living_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """Execute all steps in one process, which shows that it lives."""
    create = dg.in_process_executor.executor_creation_fn
    assert create
    return _LivingExecutor(create(context))


def report_dead_runs(
    instance: dg.DagsterInstance, server_started: float = _SERVER_STARTED
) -> list[str]:
    """Report runs whose process is gone as failed, or canceled; return their ids.

    Call it in the code server: the processes of its runs are on the same machine.
    """
    headless = set(killed(Path(instance.root_directory) / FOLDER))
    unfinished = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    dead = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=unfinished)):
        run = record.dagster_run
        if name := run.tags.get(PROCESS_TAG):
            is_gone = name in headless
        elif record.start_time:
            is_gone = record.start_time < time.time() - _LOCKED_AFTER_SECONDS and is_dead(
                _folder(instance), run.run_id
            )
        else:
            # It had no process yet, so only the server that was to start one knows of it.
            is_gone = record.update_timestamp.timestamp() < server_started
        if is_gone:
            _report(instance, run)
            dead.append(run.run_id)
    return dead


def _report(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, _REASON)
    else:
        instance.report_run_failed(run, _REASON)
    forget(_folder(instance), run.run_id)


def _folder(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory) / FOLDER / _RUNS
