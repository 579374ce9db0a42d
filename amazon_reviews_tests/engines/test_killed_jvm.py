"""Spark's JVM is killed while a command works with it."""

import subprocess
import sys

import pytest

from amazon_reviews_tests.engines.conftest import needs_jvm

PROGRAM = """
import os, signal, time
from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.interrupts import ending_on_signals
from amazon_reviews.resources.spark.engine import endpoint_of, start_session

with ending_on_signals():
    session = start_session("spark", 1 << 30)
    process = endpoint_of("spark", 1 << 30).server.proc
    os.kill(process.pid, signal.SIGKILL)
    started = time.monotonic()
    try:
        session.sql("SELECT 1").collect()
    except EngineUnavailableError as error:
        print(error)
    print(process.pid, int(time.monotonic() - started))
"""


@pytest.mark.long
def test_the_killed_jvm_is_named_at_once_by_its_parent_and_by_the_query() -> None:
    needs_jvm()

    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    error, figures = ended.stdout.splitlines()
    process, seconds = map(int, figures.split())
    expected = f"Spark's JVM (process {process}) was killed by SIGKILL, probably because the memory"
    assert error.startswith(expected)
    assert expected in ended.stderr
    assert seconds < 10
