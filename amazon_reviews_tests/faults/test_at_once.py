"""Several processes at the first use of a place: they take turns, and each ends well."""

import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

from amazon_reviews.devtools.sample_data import generate
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews_tests.faults import first_use
from amazon_reviews_tests.faults.commands import PATIENCE_SECONDS, Commands, finish, kill
from amazon_reviews_tests.faults.first_use import BUILT, RUN, SAMPLE, SMALL, schema
from amazon_reviews_tests.ports import free_port
from amazon_reviews_tests.sample_data.counting import digest

pytestmark = pytest.mark.long


@pytest.fixture
def commands(tmp_path):
    """Commands on a project that has files in its landing zone and nothing else."""
    generate(SMALL, tmp_path / "project" / "landing")
    return Commands(tmp_path / "project")


@pytest.fixture(scope="module")
def new_schema(tmp_path_factory):
    return first_use.new_schema(tmp_path_factory.mktemp("new"))


def finish_all(*processes):
    try:
        for process in processes:
            finish(process)
    finally:
        for process in processes:
            kill(process)


@pytest.mark.fault("three first users at once: run")
@pytest.mark.parametrize("attempt", range(3))
def test_three_first_runs_take_turns(commands, new_schema, attempt):
    finish_all(*(commands.start(*RUN) for _ in range(3)))

    assert schema(commands.root / "dagster") == new_schema
    first_use.assert_every_line_is_once_in_bronze(commands)
    commands.run(*RUN)


@pytest.mark.fault("three first users at once: model store")
def test_three_first_users_of_the_store_take_turns(tmp_path):
    commands = Commands(tmp_path / "project")
    folder = commands.root / "models"

    program = first_use.recording()
    finish_all(*(commands.start_python(*program, str(folder)) for _ in range(3)))

    assert ModelStore(folder).records() == {"some": BUILT}


@pytest.mark.fault("three first users at once: sample")
def test_three_samples_take_turns(tmp_path):
    commands = Commands(tmp_path / "project")

    finish_all(*(commands.start(*SAMPLE) for _ in range(3)))

    generate(SMALL, tmp_path / "undisturbed")
    assert digest(commands.root / "landing") == digest(tmp_path / "undisturbed")


@pytest.mark.fault("first run beside `dagster dev`")
@pytest.mark.parametrize("seconds", [0, 1, 2, 3])
def test_first_run_beside_dagster_dev(commands, new_schema, seconds):
    """DAGSTER_HOME is empty when `dagster dev` starts, and the run starts some seconds later."""
    port = str(free_port())
    (commands.root / "dagster").mkdir()
    module = ("-m", "dagster", "dev", "--module-name", "amazon_reviews.definitions")
    server = commands.start_python(*module, "--port", port)
    try:
        with suppress(subprocess.TimeoutExpired):
            server.wait(seconds)
        commands.run(*RUN)
        wait_for(f"http://127.0.0.1:{port}/server_info", server)
    finally:
        kill(server)

    assert schema(commands.root / "dagster") == new_schema
    commands.run(*RUN)


def wait_for(address, server):
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10):
                return
        except (urllib.error.URLError, TimeoutError):
            assert server.poll() is None, server.communicate()
            assert time.monotonic() < end
            time.sleep(0.2)
