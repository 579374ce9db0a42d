"""The stream path: hub to bronze and gold against the vendor's client alone, and its latency."""

import json
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.resources.lakehouse.tables import row_count
from benchmarks.batch import LARGEST_PARTITION, Say, landing_zone
from benchmarks.hub import PARTITIONS, RunningHub, running_hub
from benchmarks.latency import latency
from benchmarks.measure import measure
from benchmarks.peers.event_hub_client import MAX_BATCH_SIZE, PREFETCH
from benchmarks.runs import ROOT, TO_GOLD, Project, base_environ

STREAM_TO_GOLD = 'key:"bronze/review_events" or key:"silver/streamed_reviews" or key:"gold/reviews"'


@dataclass(frozen=True)
class Options:
    """Options of the stream benchmarks.

    Attributes:
        events: The larger number of events; the smaller number is a tenth of it.
        gold: Reviews from files in gold while single events are sent; 0 skips this.
        repeats: Turns of client and project at the larger number.
        seconds: Seconds in which single events come.
        events_per_second: Their number per second.
    """

    events: int = 300_000
    gold: int = 1_000_000
    repeats: int = 3
    seconds: int = 120
    events_per_second: float = 4.0


@dataclass(frozen=True)
class _Feed:
    """A filled hub, its number of events, and the landing zone with the files."""

    hub: RunningHub
    landing: Path
    events: int
    gold_rows: int


def bench(options: Options, folder: Path, say: Say | None = None) -> dict[str, Any]:
    """Run the benchmarks below `folder`, which is empty afterwards.

    `say` gets a line for each step that begins.

    Raises:
        CommandError: A run failed.
        TooLateError: A single event did not reach gold in time.
    """
    tell = say or (lambda text: print(text, file=sys.stderr, flush=True))
    figures: dict[str, Any] = {
        "hub_partitions": PARTITIONS,
        "client": {"max_batch_size": MAX_BATCH_SIZE, "prefetch": PREFETCH},
        "sizes": [
            _bench_size(options.events // 10, 1, folder / "small", tell),
            _bench_size(options.events, options.repeats, folder / "large", tell),
        ],
    }
    if options.gold:
        figures["latency"] = _bench_latency(options, folder / "latency", tell)
    return figures


def _bench_size(events: int, repeats: int, folder: Path, say: Say) -> dict[str, Any]:
    say(f"generating {events:,} events")
    truth = generate(_sample(events), folder / "landing")
    bodies = folder / "landing" / "events" / "events.jsonl"
    with running_hub(folder / "hub.log", bodies, events) as hub:
        feed = _Feed(hub, folder / "landing", events, truth["gold"]["reviews_with_events"])
        clients, bronzes = [], []
        for turn in range(repeats):
            say(f"{events:,} events: the client alone")
            clients.append(_client(feed))
            say(f"{events:,} events: hub to bronze")
            bronzes.append(_to_bronze(feed, folder / f"bronze_{turn}"))
        say(f"{events:,} events: hub to gold")
        gold = _to_gold(feed, folder / "gold")
    shutil.rmtree(folder)
    return {
        "events": events,
        "expected_gold_rows": feed.gold_rows,
        "client": _middle(clients),
        "bronze": _middle(bronzes),
        "gold": gold,
    }


def _sample(events: int) -> SampleOptions:
    """Return options for events, and for files with a tenth as many reviews."""
    reviews = max(2, events // 10)
    return SampleOptions(
        reviews=reviews,
        products=max(1, events // 50),
        users=max(1, events // 20),
        partitions=2,
        events=events,
    )


def _middle(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the run with the median rate, with all rates and the largest peak."""
    rates = [run["events_per_second"] for run in runs]
    middle = runs[rates.index(statistics.median_low(rates))]
    return middle | {"rates": rates, "peak_mib": max(run["peak_mib"] for run in runs)}


def _client(feed: _Feed) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.peers.event_hub_client", str(feed.events)]
    return _received(feed, command, base_environ() | feed.hub.environ)


def _to_bronze(feed: _Feed, out: Path) -> dict[str, Any]:
    project = Project(feed.landing, out)
    command = [sys.executable, "-m", "benchmarks.receive"]
    figures = _received(feed, command, project.environ | feed.hub.environ)
    rows = row_count(DeltaTable(str(project.lakehouse / "bronze" / "review_events")))
    shutil.rmtree(out)
    return figures | {"rows": rows}


def _received(feed: _Feed, command: list[str], environ: dict[str, str]) -> dict[str, Any]:
    """Measure a command that receives all events and prints the seconds since the first batch."""
    before = feed.hub.process.cpu_seconds()
    took = measure(command, environ, ROOT)
    hub_cpu = feed.hub.process.cpu_seconds() - before
    report = json.loads(took.stdout.splitlines()[-1])
    # The time of the first batch is unknown, so its events do not count.
    rate = report["after_first"] / report["seconds"] if report["seconds"] else 0.0
    return {
        "seconds": round(took.seconds, 2),
        "seconds_from_first": round(report["seconds"], 2),
        "events_per_second": round(rate),
        "cpu_seconds": round(took.cpu_seconds, 2),
        "hub_cpu_seconds": round(hub_cpu, 2),
        "peak_mib": round(took.peak_bytes / 2**20),
        "rows": report["events"],
    }


def _to_gold(feed: _Feed, out: Path) -> dict[str, Any]:
    """Measure all waiting events to gold, which contains the reviews of the files already."""
    project = Project(feed.landing, out)
    project.run("files to gold", TO_GOLD)
    project.environ |= feed.hub.environ
    before = feed.hub.process.cpu_seconds()
    run = project.run("hub to gold", STREAM_TO_GOLD)
    hub_cpu = feed.hub.process.cpu_seconds() - before
    figures = run.as_dict(feed.events)
    figures["events_per_second"] = figures.pop("reviews_per_second")
    return figures | {"hub_cpu_seconds": round(hub_cpu, 2)}


def _bench_latency(options: Options, folder: Path, say: Say) -> dict[str, Any]:
    partitions = max(2, -(-options.gold // LARGEST_PARTITION))
    landing = landing_zone(folder / "landing", options.gold, partitions, say)
    say(f"{options.gold:,} reviews in gold: the daemon, and single events")
    with running_hub(folder / "hub.log") as hub:
        project = Project(landing.folder, folder / "project")
        figures = latency(
            project, hub, options.seconds, options.events_per_second, folder / "daemon.log"
        )
    shutil.rmtree(folder)
    return figures
