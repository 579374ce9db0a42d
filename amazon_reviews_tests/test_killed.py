"""Processes that were killed or crashed: their parent or the next command names them."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.resources.living_processes import FOLDER, killed, living
from amazon_reviews_tests.dagster.project import Project
from amazon_reviews_tests.helpers import review
from amazon_reviews_tests.ports import free_port
from amazon_reviews_tests.test_interrupts import STAGES, members, started, stuck, wait_for

CHILD = """
import os, subprocess, sys, time
from amazon_reviews.interrupts import ending_on_signals
with ending_on_signals():
    child = subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), {signal})"])
    time.sleep({seconds})
    child.wait()
print("went on")
"""


def ended(program):
    # Without the handler that pytest's own process passes on.
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONFAULTHANDLER"}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGKILL, "probably because the memory"),
        (signal.SIGSEGV, "a fault in native code"),
    ],
)
def test_a_killed_child_is_named_once_with_its_signal_and_advice(number, reason):
    process = ended(CHILD.format(signal=int(number), seconds=1))

    (line,) = [line for line in process.stderr.splitlines() if "was killed by" in line]
    assert f"was killed by {number.name}" in line
    assert reason in line
    assert process.stdout == "went on\n"


def test_a_child_that_is_terminated_is_not_reported():
    assert ended(CHILD.format(signal=int(signal.SIGTERM), seconds=0.5)).stderr == ""


def test_a_crash_shows_the_place_of_each_thread():
    process = ended(
        "import ctypes\n"
        "from amazon_reviews.interrupts import ending_on_signals\n"
        "with ending_on_signals():\n"
        "    ctypes.string_at(0)\n"
    )

    assert process.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in process.stderr
    assert 'File "<string>", line 4' in process.stderr


def start_and_kill(home: Path) -> None:
    """Leave the trace of a killed headless run in a Dagster home."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from amazon_reviews.resources.living_processes import living\n"
        "with living(Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program, str(home / FOLDER)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def test_any_command_names_a_run_that_was_killed(tmp_path, monkeypatch):
    # Ends before it does anything.
    wrong_use = ["jars", "--nothing"]
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with living(tmp_path / FOLDER):
        assert "killed" not in CliRunner().invoke(main, wrong_use).stderr
    assert "killed" not in CliRunner().invoke(main, wrong_use).stderr
    start_and_kill(tmp_path)

    for _ in range(2):
        stderr = CliRunner().invoke(main, wrong_use).stderr
        assert stderr.startswith("the run that started at 20")
        assert " UTC was killed; `amazon-reviews run` continues its work\nUsage" in stderr
    assert len(killed(tmp_path / FOLDER)) == 1


@pytest.mark.long
def test_the_next_run_names_a_killed_one_and_goes_on(tmp_path):
    project = Project(tmp_path)
    project.add_file("amazon_reviews", "partition_1", review())
    with stuck(tmp_path, "in a call into C", "run", "--select", STAGES) as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    command = ("-m", "amazon_reviews.cli", "run", "--select", STAGES)
    with started(tmp_path, *command) as process:
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0
    assert stderr.splitlines()[0].endswith(" UTC was killed; its work goes on now")
    with started(tmp_path, *command) as process:
        _, stderr = process.communicate(timeout=120)
    assert "was killed" not in stderr


@pytest.mark.long
def test_a_killed_worker_of_the_api_is_named_and_replaced(tmp_path):
    port = free_port()
    command = ("-m", "amazon_reviews.cli", "api", "--port", str(port), "--workers", "2")
    with started(tmp_path, *command) as process:
        wait_for(port, process)
        worker = max(members(process.pid))
        os.kill(worker, signal.SIGKILL)
        assert process.stderr.readline().startswith("http://")
        line = process.stderr.readline()
        assert line.startswith(f"a worker of the API (process {worker}) was killed by SIGKILL")
        wait_for(port, process)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60) as reply:
            assert reply.status == 200
