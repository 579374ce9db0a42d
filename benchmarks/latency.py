"""The latency of single events from the hub to gold while the daemon runs."""

import json
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from azure.eventhub import EventData, EventHubProducerClient
from deltalake import DeltaTable

from amazon_reviews.pipeline.datasets import STREAM
from benchmarks.background import Background
from benchmarks.hub import RunningHub
from benchmarks.runs import Project

_LOOK_SECONDS = 0.1
_LONGEST_SECONDS = 300
_PAUSE_SECONDS = (5.0, 10.0)
_ALL = "*"
# A run for each event, so that the latency contains no waiting for further events.
AT_ONCE = {"AMAZON_REVIEWS_STREAM_EVENTS": "1", "AMAZON_REVIEWS_STREAM_SECONDS": "1"}


class TooLateError(RuntimeError):
    """An event that did not reach gold in time."""


def latency(project: Project, hub: RunningHub, rounds: int, log: Path) -> dict[str, Any]:
    """Build all tables, start the daemon, and measure events that are sent one by one.

    All assets are up to date when the daemon starts, so it has no other work. The first event shows
    that the daemon is up, so it does not count.

    Raises:
        CommandError: A table failed, or the daemon ended.
        TooLateError: An event did not reach gold in time.
    """
    files = project.run("files to warehouse", _ALL)
    environ = project.environ | hub.environ | AT_ONCE
    command = [sys.executable, "-m", "dagster._daemon", "run"]
    gold = DeltaTable(str(files.gold))
    pauses = random.Random(7)
    seconds = []
    with (
        EventHubProducerClient.from_connection_string(hub.connection_string) as producer,
        Background(command, environ, log) as daemon,
    ):
        start = _to_gold(producer, gold, 0, daemon)
        for number in range(1, rounds + 1):
            # The sensor polls every few seconds, so events are sent at random times between polls.
            time.sleep(pauses.uniform(*_PAUSE_SECONDS))
            seconds.append(_to_gold(producer, gold, number, daemon))
    return {
        "gold_rows": files.rows,
        "start_seconds": round(start, 2),
        "seconds": [round(value, 2) for value in seconds],
        "median": round(statistics.median(seconds), 2),
        "max": round(max(seconds), 2),
        "daemon_ended_cleanly": daemon.ended_cleanly,
    }


def _to_gold(
    producer: EventHubProducerClient, gold: DeltaTable, number: int, daemon: Background
) -> float:
    """Send an event, and return the seconds until gold contains its row."""
    reviewer = f"LATENCY{number:06}"
    began = time.perf_counter()
    producer.send_batch([EventData(_body(reviewer, number))])
    seen = gold.version()
    while True:
        daemon.check()
        gold.update_incremental()
        if gold.version() != seen:
            seen = gold.version()
            if _contains(gold, reviewer):
                return time.perf_counter() - began
        if time.perf_counter() - began > _LONGEST_SECONDS:
            raise TooLateError(f"event {number} was not in gold within {_LONGEST_SECONDS} s")
        time.sleep(_LOOK_SECONDS)


def _contains(gold: DeltaTable, reviewer: str) -> bool:
    streamed = pc.starts_with(pc.field("partition"), STREAM.partition)
    rows = gold.to_pyarrow_dataset()
    return bool(rows.count_rows(filter=streamed & (pc.field("reviewer_id") == reviewer)))


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
