"""All marts in one process against the same queries in DuckDB SQL over the same tables."""

import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from amazon_reviews.pipeline.marts import MARTS
from benchmarks.batch import LARGEST_PARTITION, Say, landing_zone
from benchmarks.layout import Target, table
from benchmarks.measure import measure
from benchmarks.runs import ROOT, TO_GOLD, Project, base_environ

_NAMES = {"project": "project", "duckdb": "DuckDB SQL"}
_TURNS = 3


def bench(
    reviews: int, folder: Path, say: Say | None = None, turns: int = _TURNS
) -> dict[str, Any]:
    """Measure the marts of a number of reviews below `folder`, which is empty afterwards.

    Project and DuckDB take turns, each in a new process.

    Raises:
        CommandError: A run failed.
    """
    tell = say or (lambda text: print(text, file=sys.stderr, flush=True))
    folder = folder / "marts"
    partitions = max(2, -(-reviews // LARGEST_PARTITION))
    landing = landing_zone(folder / "landing", reviews, partitions, tell)
    tell(f"{reviews:,} reviews: to gold")
    project = Project(landing.folder, folder / "project")
    project.run("to gold", TO_GOLD)
    commands = {
        "project": ["benchmarks.make_marts"],
        "duckdb": ["benchmarks.peers.duckdb_marts", str(project.lakehouse)],
    }
    environs = {"project": project.environ, "duckdb": base_environ()}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            tell(f"{reviews:,} reviews: the marts, {_NAMES[name]}")
            # Otherwise the project would only look for what has changed since its last turn.
            for made in ("partials", *(mart.key for mart in MARTS)):
                shutil.rmtree(project.lakehouse / made, ignore_errors=True)
            runs[name].append(_run(command, environs[name]))
    tell(f"{reviews:,} reviews: the dashboard")
    project.run("to the warehouse", "group:marts or group:warehouse")
    dashboard = measure([sys.executable, "-m", "benchmarks.show_dashboard"], project.environ, ROOT)
    shutil.rmtree(folder)
    return {
        "dashboard": json.loads(dashboard.stdout.splitlines()[-1]),
        "reviews": reviews,
        "gold_rows": landing.gold_rows,
        **{name: _middle(turns_of_run) for name, turns_of_run in runs.items()},
    }


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the report."""
    yield (
        f"\nall marts of {figures['gold_rows']:,} reviews in gold, in one process; "
        "the engine's start does not count"
    )
    head = ("run", "seconds", "CPU s", "peak MiB", "times ours")
    yield from table([head, *(_row(figures, name) for name in _NAMES)])
    for name, title in _NAMES.items():
        turns = ", ".join(f"{seconds:.1f}" for seconds in figures[name]["turns"])
        slowest = sorted(figures[name]["marts"].items(), key=lambda mart: -mart[1])[:8]
        marts = ", ".join(f"{key} {seconds:.2f}" for key, seconds in slowest)
        yield f"{title}: the median of {turns} s; the slowest: {marts}"
    pages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in figures["dashboard"].items())
    yield f"dashboard, without a browser, seconds: {pages}"
    yield _rows_text(figures["project"]["rows"], figures["duckdb"]["rows"])


def targets(figures: dict[str, Any]) -> list[Target]:
    """Return the targets of the marts."""
    at = f"at {figures['reviews']:,} reviews"
    dashboard = figures["dashboard"]
    slowest = max(seconds for name, seconds in dashboard.items() if name.startswith("filter"))
    ours, theirs = (figures[name]["seconds"] for name in _NAMES)
    return [
        Target(f"all marts {at}: at most 60 s", 60, ours),
        Target(f"all marts {at}: at most 1.5 times DuckDB's time", 1.5, ours / theirs),
        Target(f"dashboard {at}: first page cold in at most 2.5 s", 2.5, dashboard["cold"]),
        Target(f"dashboard {at}: first page warm in at most 1 s", 1, dashboard["warm"]),
        Target(f"dashboard {at}: after a filter in at most 0.3 s", 0.3, slowest),
    ]


def _run(command: Sequence[str], environ: dict[str, str]) -> dict[str, Any]:
    took = measure([sys.executable, "-m", *command], environ, ROOT)
    report = json.loads(took.stdout.splitlines()[-1])
    return {
        "seconds": round(sum(report["seconds"].values()), 2),
        "cpu_seconds": round(took.cpu_seconds, 2),
        "peak_mib": round(took.peak_bytes / 2**20),
        "marts": {key: round(seconds, 3) for key, seconds in report["seconds"].items()},
        "rows": report["rows"],
    }


def _middle(turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the run with the median time, with all times and the largest peak."""
    seconds = [run["seconds"] for run in turns]
    middle = turns[seconds.index(statistics.median_low(seconds))]
    return middle | {"turns": seconds, "peak_mib": max(run["peak_mib"] for run in turns)}


def _row(figures: dict[str, Any], name: str) -> tuple[str, ...]:
    run = figures[name]
    return (
        _NAMES[name],
        f"{run['seconds']:,.1f}",
        f"{run['cpu_seconds']:,.1f}",
        f"{run['peak_mib']:,}",
        f"{run['seconds'] / figures['project']['seconds']:.2f}",
    )


def _rows_text(ours: dict[str, int], theirs: dict[str, int]) -> str:
    differing = {
        key: (ours.get(key), rows) for key, rows in theirs.items() if ours.get(key) != rows
    }
    if differing:
        return f"ROWS DIFFER (project, DuckDB SQL): {differing}"
    return f"all {len(ours)} marts have as many rows as DuckDB's results, {sum(ours.values()):,}"
