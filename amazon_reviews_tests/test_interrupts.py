"""SIGINT and SIGTERM: a command ends soon with one line, and the next run continues."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from amazon_reviews.cli.common.up_to_date import RESUMES
from amazon_reviews_tests.dagster.project import Project, environment
from amazon_reviews_tests.helpers import content, review
from amazon_reviews_tests.ports import free_port

MOST_SECONDS = 5
REVIEWS = "key:bronze/reviews or key:silver/reviews"
STAGES = f"{REVIEWS} or key:gold/products"

# The code of a step when the signal arrives; it calls `ready` when it is at that point.
STUCK = {
    "in a query of the engine": """
        def stuck(spark, *_):
            ready()
            spark.sql("SELECT count(*) FROM range(100000000000) WHERE id % 7 = hash(id)").collect()
    """,
    "in a call into C": """
        import numpy as np
        def stuck(*_):
            matrix = np.ones((5000, 5000))
            ready()
            np.linalg.svd(matrix)
    """,
    "in code that catches every exception": """
        def stuck(*_):
            ready()
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    logging.getLogger("library").exception("caught")
    """,
    "with a child process and a temporary folder": """
        def stuck(*_):
            with temporary_folder():
                with subprocess.Popen(["sleep", "600"]):
                    ready()
    """,
}
PROGRAM = """
import logging, os, subprocess, time
from amazon_reviews.defs.assets import datasets as silver
from amazon_reviews.cli import main
from amazon_reviews.interrupts import temporary_folder
def ready():
    os.write({pipe}, b"x")
{stuck}
silver.build_silver = stuck
main({arguments})
"""


@contextmanager
def started(root, *command, **options):
    """Yield a command in a new process group, with its temporary folders in `root`."""
    (root / "tmp").mkdir(exist_ok=True)
    env = environment(root) | {"PATH": "/usr/bin:/bin", "TMPDIR": str(root / "tmp")}
    process = subprocess.Popen(
        [sys.executable, *command],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
    try:
        yield process
    finally:
        if members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def members(group):
    """Return the living processes of a process group."""
    processes = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(process_group) == group and state != "Z":
            processes.append(int(stat.parent.name))
    return processes


def no_member_left(group, seconds=5):
    """Return True once a process group is empty; on a busy machine workers end after the parent."""
    end = time.monotonic() + seconds
    while members(group):
        if time.monotonic() > end:
            return False
    return True


@contextmanager
def stuck(root, how, *arguments):
    """Yield a command whose step hangs."""
    read, write = os.pipe()
    body = "\n".join(line.removeprefix("        ") for line in STUCK[how].splitlines())
    code = PROGRAM.format(pipe=write, stuck=body, arguments=[*arguments])
    with started(root, "-c", code, pass_fds=[write]) as process:
        os.close(write)
        with open(read, "rb") as pipe:
            assert pipe.read(1) == b"x", process.communicate()
        yield process


def ended(process, *signals):
    """Send signals to the whole group, as a terminal does; return seconds and stderr."""
    started_at = time.monotonic()
    for number in signals:
        os.killpg(process.pid, number)
    _, stderr = process.communicate(timeout=60)
    return time.monotonic() - started_at, stderr


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    for name in ("partition_1", "partition_2"):
        project.add_file("amazon_reviews", name, review(summary=name))
    return project


@pytest.mark.parametrize(
    ("how", "number"),
    [
        pytest.param(how, number, marks=[pytest.mark.long] if place > 0 else [])
        for place, (how, number) in enumerate(
            zip(STUCK, [signal.SIGINT, signal.SIGTERM] * 2, strict=True)
        )
    ],
)
def test_an_interrupted_run_ends_soon_and_the_next_one_continues(project, how, number):
    with stuck(project.root, how, "run", "--select", STAGES) as process:
        seconds, stderr = ended(process, number)
        assert no_member_left(process.pid)

    assert process.returncode == 128 + number
    assert seconds < MOST_SECONDS
    *stages, last = stderr.splitlines()
    assert last == RESUMES
    assert [line.split()[0] for line in stages] == ["bronze/reviews"]
    assert list((project.root / "tmp").iterdir()) == []
    with started(project.root, "-m", "amazon_reviews.cli", "run", "--select", REVIEWS) as process:
        process.communicate(timeout=120)
    assert process.returncode == 0
    assert content(project.lakehouse, "silver/reviews").total() == 2
    with dg.DagsterInstance.local_temp(str(project.root / "dagster")) as instance:
        statuses = {run.status for run in instance.get_runs()}
    assert statuses == {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}


def test_a_second_signal_ends_a_run_at_once(project):
    how = "in code that catches every exception"
    with stuck(project.root, how, "run", "--select", STAGES) as process:
        seconds, stderr = ended(process, signal.SIGINT, signal.SIGTERM)

    assert process.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert seconds < 2
    assert stderr.splitlines()[-1] == RESUMES


def test_a_replay_is_interrupted_like_a_run(project):
    how = "in a query of the engine"
    with stuck(project.root, how, "rejected", "replay", "--select", STAGES) as process:
        seconds, stderr = ended(process, signal.SIGINT)

    assert process.returncode == 128 + signal.SIGINT
    assert seconds < MOST_SECONDS
    assert stderr.splitlines()[-1] == RESUMES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sample_leaves_no_files(tmp_path, number):
    out = tmp_path / "landing"
    with started(tmp_path, "-m", "amazon_reviews.cli", "sample", "--reviews", "5000000") as process:
        while not (out / "amazon_reviews").exists() and not list(out.glob("*/*/*/*")):
            assert process.poll() is None
        seconds, stderr = ended(process, number)

    assert process.returncode == 128 + number
    assert seconds < MOST_SECONDS
    assert stderr == "interrupted\n"
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupted_api_leaves_no_temporary_folder(tmp_path, workers, number):
    port = free_port()
    command = ("-m", "amazon_reviews.cli", "api", "--port", str(port), "--workers", workers)
    with started(tmp_path, *command) as process:
        wait_for(port, process)
        assert list((tmp_path / "tmp").iterdir())
        seconds, stderr = ended(process, number)
        assert no_member_left(process.pid)

    assert process.returncode in (0, 128 + number)
    assert seconds < MOST_SECONDS
    assert "Traceback" not in stderr
    assert list((tmp_path / "tmp").iterdir()) == []


def test_workers_of_the_api_that_are_interrupted_at_their_start_print_nothing(tmp_path):
    command = ("-m", "amazon_reviews.cli", "api", "--port", str(free_port()), "--workers", "2")
    with started(tmp_path, *command) as process:
        while not any(map(imports_libraries, set(members(process.pid)) - {process.pid})):
            assert process.poll() is None
        seconds, stderr = ended(process, signal.SIGINT)
        assert no_member_left(process.pid)

    assert process.returncode in (0, 128 + signal.SIGINT)
    assert seconds < MOST_SECONDS
    assert "Traceback" not in stderr
    assert list((tmp_path / "tmp").iterdir()) == []


def imports_libraries(pid):
    try:
        return "pydantic_core" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def wait_for(port, process):
    """Return when the API answers."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            continue
    raise AssertionError(process.communicate())


def test_a_closed_stdout_causes_no_traceback(project):
    with started(project.root, "-m", "amazon_reviews.cli", "run", "--select", STAGES) as process:
        process.stdout.close()
        stderr = process.stderr.read()
        process.wait(timeout=120)

    assert "Traceback" not in stderr
    assert "BrokenPipe" not in stderr
