"""The queue of runs: one that a person starts comes before those of sensors and schedules."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)

import amazon_reviews
from amazon_reviews.defs.jobs import daily_maintenance
from amazon_reviews.defs.requests import PRIORITY, REASON_TAG, STARTED_BY_TAG
from amazon_reviews.defs.run_queue import STREAM_JOB
from amazon_reviews_tests.dagster.project import start_run


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the project's own queue."""
    settings = yaml.safe_load(Path(amazon_reviews.__file__).with_name("dagster.yaml").read_text())
    queue = {name: settings[name] for name in ("run_coordinator", "concurrency")}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(queue))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def to_start(instance):
    """A function that returns the runs that are started next, after queuing runs."""

    def to_start(*runs):
        for key, tags in runs:
            job = {"job_name": STREAM_JOB} if key == STREAM_JOB else {}
            status = dg.DagsterRunStatus.NOT_STARTED
            keys = () if job else (key,)
            run = instance.get_run_by_id(
                start_run(instance, *keys, status=status, tags=tags, **job)
            )
            instance.run_coordinator.submit_run(dg.SubmitRunContext(run, None))
        daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
        started = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)
        return ["/".join(key.path) for run in started for key in run.asset_selection or ()] + [
            run.job_name for run in started if not run.asset_selection
        ]

    return to_start


def test_run_of_a_person_is_next_in_the_queue(to_start):
    automatic = [(key, PRIORITY) for key in ("silver/reviews", "gold/reviews", "gold/products")]

    assert to_start(*automatic, ("gold/brands", {})) == ["gold/brands", "silver/reviews"]


def test_the_stream_run_starts_beside_two_others_and_takes_none_of_their_places(to_start):
    automatic = [(key, PRIORITY) for key in ("silver/reviews", "gold/reviews", "gold/products")]

    started = to_start(*automatic, (STREAM_JOB, PRIORITY))

    assert started == ["silver/reviews", "gold/reviews", STREAM_JOB]


def test_schedules_start_runs_of_low_priority_and_say_why():
    with dg.build_schedule_context() as context:
        (request,) = daily_maintenance.evaluate_tick(context).run_requests or ()

    assert request.tags.items() >= PRIORITY.items()
    assert request.tags[STARTED_BY_TAG] == "schedule"
    assert request.tags[REASON_TAG] == "maintenance, once a day"
