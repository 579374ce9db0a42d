"""`amazon-reviews demo-stream`, with the daemon and the emulator that it starts."""

import os
import subprocess
import sys

import dagster as dg
import pytest

from amazon_reviews_tests.dagster.project import environment

COMMAND = (sys.executable, "-m", "amazon_reviews.cli")
SMALL = ("--partitions", "2", "--reviews", "200", "--products", "40", "--users", "50")


@pytest.mark.long
def test_the_demo_leaves_no_run_under_way(tmp_path):
    variables = os.environ | environment(tmp_path)

    for words in (("sample", *SMALL, "--events", "20"), ("demo-stream",)):
        subprocess.run([*COMMAND, *words], env=variables, check=True)

    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        runs = instance.get_runs()
    assert "stream_reviews" in {run.job_name for run in runs}
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
