"""Commands of the project in process groups of their own, which are killed as a whole."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from amazon_reviews_tests.dagster.project import environment

PATIENCE_SECONDS = 900


@dataclass(frozen=True)
class Commands:
    """Runs commands on the project in the folder `root`.

    `settings` are further environment variables.
    """

    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `amazon-reviews` with these arguments, as the first process of a group."""
        return self.start_python("-m", "amazon_reviews.cli", *arguments)

    def start_python(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start Python with these arguments, as the first process of a group."""
        temporary = self.root.parent / "tmp"
        temporary.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, *arguments],
            env={
                **os.environ,
                **environment(self.root),
                "TMPDIR": str(temporary),
                **self.settings,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> float:
        """Run `amazon-reviews` to its end; return the seconds.

        Raises:
            AssertionError: the exit code is not 0.
        """
        return finish(self.start(*arguments))


def finish(process: "subprocess.Popen[str]") -> float:
    """Wait for the end of a command; return the seconds.

    Raises:
        AssertionError: the exit code is not 0.
    """
    started = time.monotonic()
    try:
        stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    except BaseException:
        kill(process)
        raise
    assert process.returncode == 0, f"exit code {process.returncode}: {stdout}{stderr}"
    return time.monotonic() - started


def killed(process: "subprocess.Popen[str]", after: float) -> bool:
    """Kill the process group of a command after some seconds; return False if it ended before."""
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        kill(process)
        return True
    return False


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill the process group of a command."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
