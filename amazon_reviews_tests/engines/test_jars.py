"""Java and the jars: checks, and advice for the user."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyspark
import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.config import project_root
from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.resources.spark import jvm
from amazon_reviews.resources.spark.engine import spark_settings
from amazon_reviews.resources.spark.jvm import PINNED, check_java, fetched_jars
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.engines.conftest import needs_jvm


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A project without jars."""
    monkeypatch.setattr(jvm, "project_root", lambda: tmp_path)
    return tmp_path / ".jars"


def fake_java(folder, version):
    """Return a JAVA_HOME whose Java reports this version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{version}' >&2\n")
    program.chmod(0o755)
    return str(folder)


def test_pinned_jars_are_for_the_installed_spark():
    minor = ".".join(pyspark.__version__.split(".")[:2])

    assert [name for name in PINNED if name.startswith(f"io.delta:delta-spark_{minor}_2.13:")]
    assert all(re.fullmatch(r"[0-9a-f]{64}", checksum) for checksum in PINNED.values())
    assert len({name.split(":")[2] for name in PINNED}) == 1


def test_error_names_missing_jars_with_advice(elsewhere):
    with pytest.raises(EngineUnavailableError, match=r"is missing; run `make jars`.*ENGINE=sail"):
        fetched_jars()


def test_jar_with_wrong_checksum_is_not_used(elsewhere):
    needs_files(elsewhere)
    broken = next(elsewhere.glob("*storage*"))
    broken.write_bytes(broken.read_bytes()[:-1] + b"x")

    with pytest.raises(EngineUnavailableError, match=r"delta-storage.*not the file .* pins"):
        spark_settings(1 << 30)


def needs_files(folder):
    if not shutil.which("java") or not jars_of_the_project().is_dir():
        pytest.skip("JVM Spark cannot be had: no jars")
    shutil.copytree(jars_of_the_project(), folder)


def jars_of_the_project():
    return project_root() / ".jars"


def test_existing_jars_need_no_network(elsewhere, monkeypatch):
    needs_files(elsewhere)
    monkeypatch.setenv("JAVA_HOME", "/nowhere")

    done = CliRunner().invoke(main, ["jars"])

    assert (done.exit_code, done.stdout.strip()) == (0, str(elsewhere))


def test_error_of_a_closed_network_has_advice(elsewhere, monkeypatch, tmp_path):
    """The settings of Spark point Ivy to a repository that does not exist."""
    needs_jvm_itself()
    (tmp_path / "ivy.xml").write_text(
        '<ivysettings><settings defaultResolver="none"/><resolvers><filesystem name="none">'
        '<artifact pattern="/nowhere/[artifact].[ext]"/></filesystem></resolvers></ivysettings>'
    )
    (tmp_path / "spark-defaults.conf").write_text(f"spark.jars.ivySettings {tmp_path}/ivy.xml\n")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))

    done = CliRunner().invoke(main, ["jars"])

    assert done.exit_code == 2
    assert "In a closed network name a mirror" in done.stderr
    assert not elsewhere.exists()


def needs_jvm_itself():
    try:
        check_java()
    except EngineUnavailableError:
        pytest.skip("JVM Spark cannot be had: no Java")


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        ('openjdk version "11.0.2" 2019-01-15', "Java 11.0.2 is too old"),
        ('java version "1.8.0_292"', "Java 1.8.0_292 is too old"),
        ("something else", "of an unknown version is too old"),
    ],
)
def test_error_names_a_java_that_is_too_old(tmp_path, monkeypatch, version, advice):
    monkeypatch.setenv("JAVA_HOME", fake_java(tmp_path, version))

    with pytest.raises(EngineUnavailableError, match=f"{advice}.*install Java 17 or 21"):
        check_java()


def test_new_java_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", fake_java(tmp_path, 'openjdk version "21" 2023-09-19'))

    assert check_java() == "21"


@pytest.mark.parametrize(
    ("variable", "value"), [("JAVA_HOME", "/nowhere"), ("PATH", "/nowhere")], ids=["home", "path"]
)
def test_doctor_reports_missing_java(tmp_path, monkeypatch, variable, value):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    settings = environment(tmp_path) | {"AMAZON_REVIEWS_ENGINE": "spark", variable: value}

    done = CliRunner().invoke(main, ["doctor"], env=settings)

    assert done.exit_code == 2
    assert f"there is no Java in {variable}; install Java 17 or 21" in done.stdout


def test_jvm_ends_with_the_process_that_started_it(tmp_path):
    needs_jvm()
    code = (
        "import os, signal; from amazon_reviews.resources.spark.engine import start_spark;"
        "print(start_spark(1 << 30).server.proc.pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )

    assert_ends(int(done.stdout))


def assert_ends(pid):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return
        time.sleep(0.2)
    pytest.fail("the JVM outlives its process")
