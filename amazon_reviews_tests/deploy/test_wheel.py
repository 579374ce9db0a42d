"""The wheel outside the repository: it holds everything that the commands need."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from amazon_reviews_tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "--reviews 200 --products 15 --users 20 --partitions 2 --events 0".split()
LAYERS = '+key:"gold/reviews"'
LOCATIONS_OF_ASSETS = "{ assetNodes { repository { location { name } } } }"
PATIENCE_SECONDS = 90


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    # The build writes beside the sources.
    sources = folder / "sources"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "amazon_reviews", sources / "amazon_reviews", True, ignored)
    for file in ("pyproject.toml", "README.md", "LICENSE", "dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / file, sources)
    subprocess.run([*pip, "--wheel-dir", folder, sources], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return the folder of an installation with the wheel, and the packages of the tests' own."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / ".venv", symlinks=True, with_pip=False)
    python = folder / ".venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-index", wheel], check=True, capture_output=True)
    (site,) = (folder / ".venv").glob("lib/python*/site-packages")
    # Files `.pth` of that folder do not count, so the checkout cannot be imported.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def environ(folder):
    """Return the environment of a user: no settings of the project, one temporary folder."""
    unset = ("AMAZON_REVIEWS_", "DAGSTER_", "PYTHONPATH", "MLFLOW_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
    (folder / "tmp").mkdir(exist_ok=True)
    return inherited | {"HOME": str(folder), "TMPDIR": str(folder / "tmp")}


def run(folder, *arguments):
    return subprocess.run(
        [folder / ".venv" / "bin" / "amazon-reviews", *arguments],
        cwd=folder,
        env=environ(folder),
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def serving(folder, *arguments):
    process = subprocess.Popen(
        [folder / ".venv" / "bin" / "amazon-reviews", *arguments],
        cwd=folder,
        env=environ(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def graphql(port, query):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.load(reply)["data"]
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < end, "the UI did not start"
            time.sleep(0.2)


def test_wheel_runs_outside_the_repository(installed):
    code = "import amazon_reviews; print(amazon_reviews.__file__)"
    python = installed / ".venv" / "bin" / "python"
    imported = subprocess.run(
        [python, "-c", code], cwd=installed, env=environ(installed), capture_output=True, text=True
    ).stdout
    assert imported.startswith(str(installed))

    assert run(installed, "sample", *SAMPLE, "--out", "data/landing").returncode == 0
    built = run(installed, "run", "--select", LAYERS)
    assert built.returncode == 0, built.stderr
    reconciled = run(installed, "reconcile", "--json")
    assert reconciled.returncode == 0, reconciled.stderr
    assert sum(row["kept"] for row in json.loads(reconciled.stdout) if row["layer"] == "gold")

    port = free_port()
    with serving(installed, "ui", "--port", str(port)):
        instance = graphql(port, "{ instance { info } }")["instance"]["info"]
        nodes = graphql(port, LOCATIONS_OF_ASSETS)["assetNodes"]

    repository = (ROOT / "dagster.yaml").read_text()
    assert (installed / "data" / "dagster" / "dagster.yaml").read_text() == repository
    assert "telemetry:\n  enabled: false" in instance
    assert "default_limit: 1" in instance
    assert "run_monitoring" in instance
    assert len(nodes) > 100
    # The state of sensors and schedules belongs to this name.
    assert {node["repository"]["location"]["name"] for node in nodes} == {"amazon_reviews"}
    logs = installed / "data" / "dagster" / "logs"
    assert not list(logs.glob("event*")), "telemetry was recorded"
