"""The project's event hub in a process of its own, filled before anything is measured."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.background import Background
from benchmarks.runs import own_environ

PARTITIONS = 4
_START_SECONDS = 60
_SLOWEST_EVENTS_A_SECOND = 500


@dataclass(frozen=True)
class RunningHub:
    """A hub that can be read; `environ` is what lets a process of the project reach it."""

    process: Background
    connection_string: str

    @property
    def environ(self) -> dict[str, str]:
        """The setting of the project that names it."""
        return {"AMAZON_REVIEWS_EVENT_HUB": self.connection_string}


@contextmanager
def running_hub(log: Path, bodies: Path | None = None, events: int = 0) -> Iterator[RunningHub]:
    """Serve a hub; it holds the lines of `bodies`, which are `events`, from the beginning.

    They are published by the vendor's producer client.

    Raises:
        CommandError: it cannot be served or filled.
    """
    command = [sys.executable, "-m", "amazon_reviews.cli", "event-hub", "--port", "0"]
    command += ["--hub", f"reviews={PARTITIONS}"]
    if bodies:
        command += ["--send", str(bodies)]
    with Background(command, own_environ(), log) as process:
        address = process.said(r"AMAZON_REVIEWS_EVENT_HUB='(.+)'", _START_SECONDS)
        if bodies:
            seconds = _START_SECONDS + events / _SLOWEST_EVENTS_A_SECOND
            process.said(rf"({events}) events of {re.escape(str(bodies))} were sent", seconds)
        yield RunningHub(process, address)
