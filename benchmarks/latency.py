"""The latency of events from the hub to gold while the daemon runs, and the runs that it takes."""

import json
import random
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pyarrow.compute as pc
from azure.eventhub import EventData, EventHubProducerClient
from dagster import DagsterInstance
from deltalake import DeltaTable

from amazon_reviews.defs.run_queue import STREAM_JOB
from amazon_reviews.pipeline.datasets import STREAM
from benchmarks.background import Background
from benchmarks.hub import RunningHub
from benchmarks.runs import Project

_LOOK_SECONDS = 0.1
_LONGEST_SECONDS = 300
_ALL = "*"
# A pause is longer than this, so that the stream run ends and its start counts.
_QUIET_SECONDS = 20
_PAUSE_SECONDS = 30
_PAUSES = 3


class TooLateError(RuntimeError):
    """An event that did not reach gold in time."""


@dataclass
class _Sender:
    """Sends events, each of a reviewer of its own, and notes when it sent them."""

    producer: EventHubProducerClient
    sent: dict[str, float] = field(default_factory=dict)

    def send(self) -> str:
        reviewer = f"LATENCY{len(self.sent):06}"
        self.sent[reviewer] = time.perf_counter()
        self.producer.send_batch([EventData(_body(reviewer, len(self.sent)))])
        return reviewer


class _Arrivals:
    """Notes when rows of the stream are in gold, in a thread."""

    def __init__(self, gold: Path) -> None:
        self._gold = DeltaTable(str(gold))
        self.seconds: dict[str, float] = {}
        self._over = Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> "_Arrivals":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_for(self, reviewer: str, daemon: Background) -> float:
        """Return the moment at which the event was in gold."""
        began = time.perf_counter()
        while reviewer not in self.seconds:
            daemon.check()
            if time.perf_counter() - began > _LONGEST_SECONDS:
                raise TooLateError(f"{reviewer} was not in gold within {_LONGEST_SECONDS} s")
            time.sleep(_LOOK_SECONDS)
        return self.seconds[reviewer]

    def _watch(self) -> None:
        seen = -1
        streamed = pc.starts_with(pc.field("partition"), STREAM.partition)
        while not self._over.wait(_LOOK_SECONDS):
            self._gold.update_incremental()
            if self._gold.version() == seen:
                continue
            seen, now = self._gold.version(), time.perf_counter()
            rows = self._gold.to_pyarrow_dataset().to_table(["reviewer_id"], filter=streamed)
            for reviewer in rows["reviewer_id"].to_pylist():
                self.seconds.setdefault(reviewer, now)


def latency(
    project: Project, hub: RunningHub, seconds: int, events_per_second: float, log: Path
) -> dict[str, Any]:
    """Build all tables, start the daemon, and measure events that come at random moments.

    All assets are up to date when the daemon starts. The first event shows that the daemon is up,
    so it does not count. Then events come for some seconds, and then some after pauses in which
    the stream run ends.

    Raises:
        CommandError: A table failed, or the daemon ended.
        TooLateError: An event did not reach gold in time.
    """
    files = project.run("files to warehouse", _ALL)
    quiet = {"AMAZON_REVIEWS_STREAM_QUIET_SECONDS": str(_QUIET_SECONDS)}
    environ = project.environ | hub.environ | quiet
    command = [sys.executable, "-m", "dagster._daemon", "run"]
    pauses = random.Random(7)
    with (
        EventHubProducerClient.from_connection_string(hub.connection_string) as producer,
        Background(command, environ, log) as daemon,
        _Arrivals(files.gold) as arrivals,
    ):
        sender = _Sender(producer)

        def alone() -> float:
            reviewer = sender.send()
            return arrivals.wait_for(reviewer, daemon) - sender.sent[reviewer]

        start = alone()
        end = time.perf_counter() + seconds
        constant = []
        while time.perf_counter() < end:
            constant.append(sender.send())
            time.sleep(pauses.expovariate(events_per_second))
        arrivals.wait_for(constant[-1], daemon)
        late = [arrivals.seconds[name] - sender.sent[name] for name in constant]
        after_pauses = []
        for _ in range(_PAUSES):
            time.sleep(_PAUSE_SECONDS)
            after_pauses.append(alone())
    return {
        "gold_rows": files.rows,
        "events": len(late),
        "events_per_second": events_per_second,
        "start_seconds": round(start, 2),
        "median": round(statistics.median(late), 2),
        "p95": round(statistics.quantiles(late, n=20, method="inclusive")[-1], 2),
        "max": round(max(late), 2),
        "after_pauses": [round(value, 2) for value in after_pauses],
        "stream_runs": _stream_runs(environ),
        "daemon_ended_cleanly": daemon.ended_cleanly,
    }


def _stream_runs(environ: Mapping[str, str]) -> int:
    with DagsterInstance.from_config(environ["DAGSTER_HOME"]) as instance:
        return sum(run.job_name == STREAM_JOB for run in instance.get_runs())


def _body(reviewer: str, number: int) -> str:
    """Return an event as the stream sends it; the reviewer identifies its row."""
    event = {
        "asin": "B0007RAE7A",
        "overall": "5.0",
        "reviewText": f"It came as event {number}.",
        "reviewerID": reviewer,
        "summary": "On time",
        "verified": "true",
        "internal_partition": "0",
        "partition_number": number,
    }
    return json.dumps(event)
