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
from amazon_reviews.defs.requests import PRIORITY
from amazon_reviews_tests.dagster.project import start_run


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the project's own queue."""
    settings = yaml.safe_load(Path(amazon_reviews.__file__).with_name("dagster.yaml").read_text())
    queue = {name: settings[name] for name in ("run_coordinator", "concurrency")}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(queue))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_run_of_a_person_is_next_in_the_queue(instance):
    queued = dg.DagsterRunStatus.QUEUED
    for key in ("silver/reviews", "gold/reviews", "gold/products"):
        start_run(instance, key, status=queued, tags=PRIORITY)
    start_run(instance, "gold/brands", status=queued)

    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    runs = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)

    keys = [key.to_user_string() for run in runs for key in run.asset_selection or ()]
    assert keys == ["gold/brands", "silver/reviews"]


def test_schedules_start_runs_of_low_priority():
    with dg.build_schedule_context() as context:
        (request,) = daily_maintenance.evaluate_tick(context).run_requests or ()

    assert request.tags.items() >= PRIORITY.items()
