"""Runs whose process is gone: the sensor reports them, and Dagster retries them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from amazon_reviews.defs.dead_run_sensor import dead_run_sensor
from amazon_reviews.defs.living_runs import PROCESS_TAG, living_executor, report_dead_runs
from amazon_reviews.resources.living_processes import FOLDER, is_dead, living
from amazon_reviews_tests.dagster.project import environment, start_run
from amazon_reviews_tests.helpers import review
from amazon_reviews_tests.ports import free_port

ROOT = Path(__file__).parents[2]
STARTED, STARTING, CANCELING, FAILURE, CANCELED = (
    dg.DagsterRunStatus(name)
    for name in ("STARTED", "STARTING", "CANCELING", "FAILURE", "CANCELED")
)
A_MINUTE_AGO = datetime.now(UTC) - timedelta(minutes=1)
LAUNCH = """
mutation {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "amazon_reviews", repositoryName: "__repository__",
      jobName: "__ASSET_JOB",
      assetSelection: [{path: ["bronze", "reviews"]}, {path: ["silver", "reviews"]}]
    },
    executionMetadata: {tags: [{key: "dagster/partition", value: "partition_1"}]},
    runConfigData: "{}", mode: "default"
  }) { ... on LaunchRunSuccess { run { runId } } }
}
"""


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as instance:
        yield instance


def started_run(instance, status=STARTED, started=A_MINUTE_AGO, **tags):
    """Add a run that has started at this time; return its id."""
    run = start_run(instance, status=STARTING, tags=tags)
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, "__ASSET_JOB")
    instance.run_storage.handle_run_event(run, event, started)
    if status != STARTED:
        event = dg.DagsterEvent(dg.DagsterEventType.RUN_CANCELING.value, "__ASSET_JOB")
        instance.run_storage.handle_run_event(run, event)
    return run


def statuses(instance, *runs):
    return [instance.get_run_by_id(run).status for run in runs]


def runs_folder(instance):
    return Path(instance.root_directory) / FOLDER / "runs"


def test_run_whose_process_is_gone_is_reported(instance):
    started, canceling = started_run(instance), started_run(instance, CANCELING)
    # A killed process leaves the file of its lock.
    runs_folder(instance).mkdir(parents=True)
    (runs_folder(instance) / f"{started}.lock").touch()

    with dg.build_sensor_context(instance=instance) as context:
        tick = dead_run_sensor.evaluate_tick(context)

    assert statuses(instance, started, canceling) == [FAILURE, CANCELED]
    assert tick.skip_message == "runs that had lost their process: 2"
    assert not [*runs_folder(instance).iterdir()]


def test_runs_of_living_processes_stay(instance):
    run = started_run(instance)
    # Late enough for a slow machine.
    just_started = started_run(instance, started=datetime.now(UTC) + timedelta(minutes=1))

    with living(runs_folder(instance), run):
        assert report_dead_runs(instance) == []

    assert report_dead_runs(instance) == [run]
    assert statuses(instance, just_started) == [STARTED]


def test_run_without_a_process_yet_is_lost_with_its_code_server(instance):
    run = start_run(instance, status=STARTING)

    assert report_dead_runs(instance, server_started=A_MINUTE_AGO.timestamp()) == []
    assert report_dead_runs(instance, server_started=time.time() + 1) == [run]


def test_headless_run_is_reported_if_its_process_was_killed(instance):
    folder = Path(instance.root_directory) / FOLDER
    with living(folder) as name:
        run = started_run(instance, **{PROCESS_TAG: name})
        assert report_dead_runs(instance) == []
    # A lock that another machine holds is not there either.
    assert report_dead_runs(instance) == []
    (folder / f"{name}.lock").touch()
    assert report_dead_runs(instance) == [run]


@dg.op
def look(context):
    folder = runs_folder(context.instance)
    assert not is_dead(folder, context.run_id)


@dg.job(executor_def=living_executor)
def looking():
    look()


def test_run_holds_its_lock_while_it_is_executed(instance):
    with dg.execute_job(dg.reconstructable(looking), instance) as result:
        assert result.success
    assert not [*runs_folder(instance).iterdir()]


class Server:
    """`dagster dev` in the project folder, with its daemon, code server and runs."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environ = os.environ | environment(folder) | {"PATH": path}

    @contextmanager
    def running(self):
        command = [sys.executable, "-m", "dagster", "dev", "--port", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                wait_for(self, "the server", lambda: self.query("{ version }"))
                yield
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def query(self, query):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        with suppress(OSError), urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)["data"]
        return None


def wait_for(server, subject, reached, seconds=180):
    end = time.monotonic() + seconds
    while not (value := reached()):
        assert time.monotonic() < end, f"{subject}: {(server.folder / 'log').read_text()[-3000:]}"
        time.sleep(0.2)
    return value


@pytest.mark.long
def test_run_of_a_killed_server_is_failed_and_retried_within_a_minute(tmp_path):
    server = Server(tmp_path)
    landing = tmp_path / "landing" / "amazon_reviews" / "partition_1"
    landing.mkdir(parents=True)
    (landing / "a.json").write_text(json.dumps(review()) + "\n")
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").symlink_to(ROOT / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("amazon_reviews", ["partition_1"])
        with server.running():
            run = server.query(LAUNCH)["launchRun"]["run"]["runId"]
            wait_for(server, "the run", lambda: statuses(instance, run) == [STARTED])

        with server.running():
            wait_for(server, "the report", lambda: statuses(instance, run) == [FAILURE], 60)

            def retries():
                tags = {"dagster/root_run_id": run}
                return [retry.status.value for retry in instance.get_runs(dg.RunsFilter(tags=tags))]

            # Its pool is free, or the retry would stay in the queue.
            wait_for(server, "the retry", lambda: "SUCCESS" in retries(), 120)
