"""Fixed cost and scaling of a Spark cluster: `python -m benchmarks.cluster`.

Starts a standalone cluster on this machine, first with one worker and then with two, of one core
each. On each, a small project goes from the landing zone to the marts: that is the fixed cost, and
it warms the JVMs. Then silver and gold of many reviews are built from the same bronze.

Master, workers, Connect server and client share the cores of the machine. So the seconds of the
executors' tasks, from Spark's event log, are given beside the wall-clock.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from amazon_reviews_tests.dagster.project import MARTS
from amazon_reviews_tests.engines.cluster import Cluster, running_cluster
from benchmarks import machine
from benchmarks.batch import Landing, landing_zone, on_stderr
from benchmarks.layout import table
from benchmarks.measure import cpu_seconds
from benchmarks.runs import TO_GOLD, Project

EXECUTORS = (1, 2)
PROJECTED_CORES = 16
_TO_BRONZE = f"group:bronze and ({TO_GOLD})"
_BATCH_ROWS = 5_000_000
_PARTITIONS = 10
_SMALL_REVIEWS = 3_000
_SMALL_PARTITIONS = 3
_EVENT_LOG = {
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.eventLog.rolling.enabled": "false",
}


@dataclass(frozen=True)
class Tasks:
    """The tasks of a time: their number, seconds and processor seconds.

    `busy_seconds` is the time in which at least one of them ran.
    """

    number: int
    seconds: float
    cpu_seconds: float
    busy_seconds: float


def bench(reviews: int, memory: str, folder: Path) -> dict[str, Any]:
    """Return the figures of clusters with one and with two executors.

    Raises:
        CommandError: A run failed.
    """
    small = landing_zone(folder / "small", _SMALL_REVIEWS, _SMALL_PARTITIONS, on_stderr)
    landing = landing_zone(folder / "landing", reviews, _PARTITIONS, on_stderr)
    on_stderr("bronze")
    bronze = Project(landing.folder, folder / "bronze")
    bronze.run("bronze", _TO_BRONZE)
    figures: dict[str, Any] = {
        "machine": machine.describe(),
        "executor_memory": memory,
        "reviews": reviews,
        "landing_bytes": landing.size,
    }
    for number in EXECUTORS:
        place = folder / f"cluster_{number}"
        figures[f"executors_{number}"] = _on_cluster(number, memory, small, landing, bronze, place)
        shutil.rmtree(place)
    return figures | {"scaling": scaling(*(figures[f"executors_{number}"] for number in EXECUTORS))}


def _on_cluster(
    number: int, memory: str, small: Landing, landing: Landing, bronze: Project, folder: Path
) -> dict[str, Any]:
    """Return the figures of a cluster with a number of executors."""
    logs = folder / "logs"
    logs.mkdir(parents=True)
    settings = _EVENT_LOG | {"spark.eventLog.dir": str(logs)}
    with running_cluster(folder, number, memory, settings) as cluster:
        on_stderr(f"executors: {number}; a small project")
        first = _project(small, folder / "first", cluster).run("small project", MARTS)
        on_stderr(f"executors: {number}; silver and gold")
        project = _project(landing, folder / "project", cluster)
        shutil.copytree(bronze.lakehouse, project.lakehouse)
        before, began = _processor_seconds(cluster), time.time()
        run = project.run("silver and gold", TO_GOLD)
        after = _processor_seconds(cluster)
    if run.rows != landing.gold_rows:
        raise click.ClickException(f"gold has {run.rows:,} rows of {landing.gold_rows:,}")
    return {
        "small": _seconds_of_stages(first.steps),
        "small_seconds": first.seconds,
        "stages": _seconds_of_stages(run.steps),
        "seconds": sum(_seconds_of_stages(run.steps).values()),
        "client_cpu_seconds": run.cpu_seconds,
        **{f"{name}_cpu_seconds": after[name] - before[name] for name in after},
        "tasks": vars(tasks_since(began, _event_log(logs))),
    }


def _project(landing: Landing, out: Path, cluster: Cluster) -> Project:
    project = Project(landing.folder, out)
    project.environ |= {
        "AMAZON_REVIEWS_ENGINE": cluster.address,
        "AMAZON_REVIEWS_BATCH_ROWS": str(_BATCH_ROWS),
        "AMAZON_REVIEWS_REPORT": str(out / "report.html"),
        "AMAZON_REVIEWS_MODELS": str(out / "models"),
    }
    return project


def _seconds_of_stages(steps: Sequence[tuple[str, float, float]]) -> dict[str, float]:
    """Return the seconds of the stages that run on the cluster, by their assets."""
    layers = ("silver/", "gold/")
    return {name: seconds for name, seconds, _ in steps if name.startswith(layers)}


def _processor_seconds(cluster: Cluster) -> dict[str, float]:
    """Return the processor seconds of the Connect server and of all executors so far."""
    return {
        "driver": cpu_seconds(cluster.driver()) or 0.0,
        "executors": sum(cpu_seconds(pid) or 0.0 for pid in cluster.executors()),
    }


def _event_log(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the events of the only application in a folder of event logs."""
    (file,) = folder.glob("app-*")
    with file.open() as lines:
        yield from map(json.loads, lines)


def tasks_since(began: float, events: Iterator[Mapping[str, Any]]) -> Tasks:
    """Return the tasks of an event log that were launched since a time in seconds."""
    ended = [event for event in events if event["Event"] == "SparkListenerTaskEnd"]
    tasks = [task for task in ended if task["Task Info"]["Launch Time"] >= began * 1_000]
    metrics = [task.get("Task Metrics") or {} for task in tasks]
    busy = last = 0
    for task in sorted(tasks, key=lambda task: int(task["Task Info"]["Launch Time"])):
        start, end = task["Task Info"]["Launch Time"], task["Task Info"]["Finish Time"]
        busy += max(0, end - max(start, last))
        last = max(last, end)
    return Tasks(
        len(tasks),
        sum(metric.get("Executor Run Time", 0) for metric in metrics) / 1e3,
        sum(metric.get("Executor CPU Time", 0) for metric in metrics) / 1e9,
        busy / 1e3,
    )


def scaling(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, float]:
    """Return how much faster two executors are than one, and the projection by Amdahl's law.

    The serial share is the part of the wall-clock of one executor in which none of its tasks ran.
    """
    serial = 1 - one["tasks"]["busy_seconds"] / one["seconds"]
    return {
        "speedup": one["seconds"] / two["seconds"],
        "speedup_of_tasks": one["tasks"]["busy_seconds"] / two["tasks"]["busy_seconds"],
        "serial_share": serial,
        f"projected_speedup_{PROJECTED_CORES}": amdahl(serial, PROJECTED_CORES),
    }


def amdahl(serial: float, cores: int) -> float:
    """Return the speedup on a number of cores if a share of the time of one core is serial."""
    return 1 / (serial + (1 - serial) / cores)


def lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the report."""
    on = figures["machine"]
    yield f"{on['cpu']}, {on['cores']} cores, {on['memory_gib']} GiB; pyspark {on['pyspark']}"
    yield (
        f"{figures['reviews']:,} reviews, {figures['landing_bytes'] / 2**20:,.0f} MiB compressed; "
        f"executors of one core and {figures['executor_memory']}"
    )
    of = {number: figures[f"executors_{number}"] for number in EXECUTORS}
    for number, run in of.items():
        yield f"\na small project on a new cluster, executors: {number}"
        yield from table([(name, f"{seconds:.1f} s") for name, seconds in run["small"].items()])
    yield ""
    head = ("seconds", *(f"executors: {number}" for number in EXECUTORS))
    columns = [_column(run) for run in of.values()]
    rows = [(name, *(f"{column[name]:,.1f}" for column in columns)) for name in columns[0]]
    yield from table([head, *rows])
    scale = figures["scaling"]
    serial = scale["serial_share"]
    yield (
        f"\nwith two executors: {scale['speedup']:.2f} times as fast by the wall-clock, "
        f"{scale['speedup_of_tasks']:.2f} times by the time in which tasks ran"
    )
    yield (
        f"serial share s = 1 - (time in which a task ran) / wall-clock, of one executor: "
        f"{serial:.3f}"
    )
    yield "speedup(n) = 1 / (s + (1 - s) / n), if each stage has at least n tasks:"
    for cores in (2, PROJECTED_CORES):
        seconds = of[1]["seconds"] / amdahl(serial, cores)
        yield f"  {cores} cores: {amdahl(serial, cores):.2f} times, {seconds:,.1f} s"


def _column(run: Mapping[str, Any]) -> dict[str, float]:
    tasks = run["tasks"]
    return {
        **run["stages"],
        "wall-clock of all": run["seconds"],
        "time in which a task ran": tasks["busy_seconds"],
        "sum of all tasks": tasks["seconds"],
        "CPU of the tasks": tasks["cpu_seconds"],
        "CPU of the executors": run["executors_cpu_seconds"],
        "CPU of the Connect server": run["driver_cpu_seconds"],
        "CPU of the client": run["client_cpu_seconds"],
    }


@click.command(help=__doc__)
@click.option("--reviews", default=1_000_000, show_default=True, help="Reviews of the large build.")
@click.option("--memory", default="2g", show_default=True, help="Memory of each executor.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(reviews: int, memory: str, as_json: bool) -> None:
    """Print the report."""
    click.echo(" ".join(["python -m benchmarks.cluster", *sys.argv[1:]]), err=as_json)
    with tempfile.TemporaryDirectory(prefix="amazon_reviews_bench_") as folder:
        figures = bench(reviews, memory, Path(folder))
    click.echo(json.dumps(figures, indent=2) if as_json else "\n".join(lines(figures)))


if __name__ == "__main__":
    main()
