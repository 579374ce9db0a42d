"""The event hub emulator in a separate process, filled before a measurement."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.background import Background
from benchmarks.runs import base_environ

PARTITIONS = 4
_START_SECONDS = 60
_SLOWEST_EVENTS_A_SECOND = 500


@dataclass(frozen=True)
class RunningHub:
    """A running hub; `environ` is the environment with which the project reads it."""

    process: Background
    connection_string: str

    @property
    def environ(self) -> dict[str, str]:
        """The setting with the address of the hub."""
        return {"AMAZON_REVIEWS_EVENT_HUB": self.connection_string}


@contextmanager
def running_hub(log: Path, bodies: Path | None = None, events: int = 0) -> Iterator[RunningHub]:
    """Run a hub that contains the lines of `bodies`, `events` in number.

    The vendor's producer client publishes them.

    Raises:
        CommandError: The hub cannot be started or filled.
    """
    command = [sys.executable, "-m", "amazon_reviews.cli", "event-hub", "--port", "0"]
    command += ["--hub", f"reviews={PARTITIONS}"]
    if bodies:
        command += ["--send", str(bodies)]
    with Background(command, base_environ(), log) as process:
        address = process.wait_for_output(r"AMAZON_REVIEWS_EVENT_HUB='(.+)'", _START_SECONDS)
        if bodies:
            seconds = _START_SECONDS + events / _SLOWEST_EVENTS_A_SECOND
            process.wait_for_output(
                rf"({events}) events of {re.escape(str(bodies))} were sent", seconds
            )
        yield RunningHub(process, address)
