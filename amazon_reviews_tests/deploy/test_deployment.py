"""The deployment of deploy/compose.yaml without its containers: the same commands on PostgreSQL."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
import yaml

from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.deploy.postgres import programs, running_postgres
from amazon_reviews_tests.helpers import review, rows, upload_bytes
from amazon_reviews_tests.ports import free_port

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
PATIENCE_SECONDS = 240

LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
  }
}
"""
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RETRIES = """
query($root: String!) {
  runsOrError(filter: {tags: [{key: "dagster/root_run_id", value: $root}]}) {
    ... on Runs { results { id status } }
  }
}
"""
ADD_PARTITION = """
mutation($repository: RepositorySelector!) {
  addDynamicPartition(
    repositorySelector: $repository
    partitionsDefName: "amazon_reviews"
    partitionKey: "partition_1"
  ) { __typename }
}
"""
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }"
REPOSITORY = {"repositoryLocationName": "amazon_reviews", "repositoryName": "__repository__"}

pytestmark = pytest.mark.skipif(
    programs() is None, reason="PostgreSQL is not installed: apt-get install postgresql"
)


class Deployment:
    """Code server, webserver and daemon, with the commands of the compose file."""

    def __init__(self, folder, postgres, stack):
        self.folder = folder
        self.stack = stack
        self.processes = {}
        self.ports = {"3000": str(free_port()), "4000": str(free_port())}
        settings = {"DAGSTER_POSTGRES_URL": postgres, "AMAZON_REVIEWS_CODE_HOST": "127.0.0.1"}
        settings["AMAZON_REVIEWS_CODE_PORT"] = self.ports["4000"]
        assert settings.keys() == COMPOSE["x-process"]["environment"].keys()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environ = os.environ | environment(folder) | settings | {"PATH": path}

    def start(self, service):
        self.processes[service] = self.stack.enter_context(self.process(service))

    def kill(self, service):
        """Kill the service with its child processes."""
        os.killpg(self.processes[service].pid, signal.SIGKILL)
        self.processes[service].wait()

    def command(self, parts):
        """Return a command of the compose file, on loopback and free ports."""
        replacements = {"0.0.0.0": "127.0.0.1"} | self.ports
        return [replacements.get(part, part) for part in parts]

    @contextmanager
    def process(self, service):
        command = ["deploy/entrypoint.sh", *self.command(COMPOSE["services"][service]["command"])]
        with (self.folder / f"{service}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                process.terminate()
                # The code server waits for its runs, and the daemon launches new ones forever.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def healthy(self, service):
        """Run the health check of the compose file."""
        _, *command = COMPOSE["services"][service]["healthcheck"]["test"]
        check = subprocess.run(
            self.command(command), cwd=ROOT, env=self.environ, capture_output=True, check=False
        )
        return check.returncode == 0

    def query(self, query, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['3000']}/graphql",
            body,
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            response = json.load(reply)
        assert "errors" not in response, response
        return response["data"]

    def materialize(self, *keys):
        """Launch a run for the partition, and return its id."""
        params = {
            "selector": REPOSITORY
            | {
                "jobName": "__ASSET_JOB",
                "assetSelection": [{"path": key.split("/")} for key in keys],
            },
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "partition_1"}]},
            "runConfigData": "{}",
            "mode": "default",
        }
        result = self.query(LAUNCH, params=params)["launchRun"]
        assert result["__typename"] == "LaunchRunSuccess", result
        return result["run"]["runId"]

    def status(self, run):
        return self.query(RUN, id=run)["runOrError"]["status"]

    def retries(self, run):
        """Return the status of each run that retries this one."""
        runs = self.query(RETRIES, root=run)["runsOrError"]["results"]
        return [retry["status"] for retry in runs if retry["id"] != run]

    def logs(self):
        return "\n".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("*.log")))


def wait_for(deployment, subject, reached):
    end = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < end, f"{subject}: not in time\n{deployment.logs()}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    """A deployment whose landing zone has a partition, which Dagster knows."""
    folder = tmp_path_factory.mktemp("deployment")
    with running_postgres() as postgres, ExitStack() as stack:
        deployment = Deployment(folder, postgres, stack)
        deployment.start("code")
        wait_for(deployment, "code", lambda: deployment.healthy("code"))
        deployment.start("webserver")
        deployment.start("daemon")

        def responds():
            try:
                return bool(deployment.query("{ version }"))
            except (urllib.error.URLError, ConnectionError):
                return False

        wait_for(deployment, "webserver", responds)
        record = json.dumps(review()).encode() + b"\n"
        landing = LandingZone(location=deployment.environ["AMAZON_REVIEWS_LANDING"])
        upload_bytes(landing, "amazon_reviews", "partition_1", record, "a.json")
        added = deployment.query(ADD_PARTITION, repository=REPOSITORY)["addDynamicPartition"]
        assert added["__typename"] == "AddDynamicPartitionSuccess"
        yield deployment


def test_run_launched_at_the_webserver_runs_in_the_code_server(deployment):
    run = deployment.materialize("bronze/reviews", "silver/reviews")

    ended = ("SUCCESS", "FAILURE", "CANCELED")
    wait_for(deployment, "the run", lambda: deployment.status(run) in ended)
    assert deployment.status(run) == "SUCCESS", deployment.logs()
    lakehouse = Lakehouse(location=deployment.environ["AMAZON_REVIEWS_LAKEHOUSE"])
    assert rows(lakehouse, "silver/reviews", "summary", "partition") == [("Good", "partition_1")]


def test_dagster_stores_its_state_only_in_postgresql(deployment):
    with psycopg2.connect(deployment.environ["DAGSTER_POSTGRES_URL"]) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT partition FROM dynamic_partitions")
        assert ("partition_1",) in cursor.fetchall()
    home = Path(deployment.environ["DAGSTER_HOME"])
    assert not [*home.rglob("*.db")]
    secret = deployment.environ["DAGSTER_POSTGRES_URL"]
    assert not [path for path in home.rglob("*") if path.is_file() and secret in path.read_text()]


def test_daemon_is_healthy(deployment):
    def all_healthy():
        statuses = deployment.query(DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(daemon["healthy"] for daemon in statuses if daemon["required"])

    wait_for(deployment, "the daemon", all_healthy)
    assert deployment.healthy("daemon")


@pytest.mark.long
def test_run_of_a_dead_code_server_is_retried(deployment):
    run = deployment.materialize("bronze/reviews", "silver/reviews")
    wait_for(deployment, "the run", lambda: deployment.status(run) == "STARTED")
    deployment.kill("code")

    deployment.start("code")

    wait_for(deployment, "the report", lambda: deployment.status(run) == "FAILURE")
    wait_for(deployment, "the retry", lambda: "SUCCESS" in deployment.retries(run))
