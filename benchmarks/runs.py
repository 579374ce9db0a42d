"""Measured runs of the project and of its peers, each in new processes."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import Measured, measure
from benchmarks.peers.registry import Peer

ROOT = Path(__file__).resolve().parent.parent
TO_GOLD = '+key:"gold/reviews"'
LAYERS = ("bronze", "silver", "gold")
TO_WAREHOUSE = '+key:"warehouse/reviews" or +key:"warehouse/products"'


@dataclass
class Run:
    """A measured command: its figures, the rows of gold/reviews after it, and its steps.

    `steps` are (name, seconds, processor seconds); `gold` is the folder of gold/reviews, and
    `written` the bytes of the files in the folder of each layer when the command has ended.
    """

    name: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    rows: int
    gold: Path
    steps: list[tuple[str, float, float]] = field(default_factory=list)
    nothing_new: bool = False
    written: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def as_dict(self, reviews: int) -> dict[str, Any]:
        """Return the figures for JSON, with reviews (input lines) per second."""
        return {
            "name": self.name,
            "seconds": round(self.seconds, 2),
            "reviews_per_second": round(reviews / self.seconds),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "peak_mib": round(self.peak_bytes / 2**20),
            "rows": self.rows,
            "bytes": self.written,
            "steps": {
                name: {"seconds": round(wall, 2), "cpu_seconds": round(cpu, 2)}
                for name, wall, cpu in self.steps
            },
        }


class Project:
    """`amazon-reviews run` on a landing zone, with a new lakehouse below `out`.

    `environ` is the environment of its processes.
    """

    def __init__(self, landing: Path, out: Path) -> None:
        self._out = out
        self.environ = base_environ() | {
            "AMAZON_REVIEWS_LANDING": str(landing),
            "AMAZON_REVIEWS_LAKEHOUSE": str(self.lakehouse),
            "AMAZON_REVIEWS_WAREHOUSE": f"duckdb:///{out / 'warehouse.duckdb'}",
            "DAGSTER_HOME": str(out / "dagster"),
        }

    def run(self, name: str, select: str) -> Run:
        """Bring the selected assets up to date.

        Raises:
            CommandError: An asset or a check failed.
        """
        command = [
            sys.executable,
            "-m",
            "amazon_reviews.cli",
            "run",
            "--json",
            "--select",
            select,
        ]
        took = measure(command, self.environ, ROOT)
        report = json.loads(took.stdout)
        kept_rows = {table["table"]: table["kept"] for table in report["reconciliation"]}
        return Run(
            name,
            took.seconds,
            took.cpu_seconds,
            took.peak_bytes,
            kept_rows.get("gold/reviews", 0),
            self.lakehouse / "gold" / "reviews",
            list(_steps(took, report["stages"])),
            report["nothing_new"],
            written=bytes_by_layer(self.lakehouse),
        )

    @property
    def lakehouse(self) -> Path:
        """The folder of the tables."""
        return self._out / "lakehouse"

    def versions(self) -> dict[str, int]:
        """Return the Delta version of each table."""
        from deltalake import DeltaTable

        logs = sorted(self.lakehouse.glob("*/*/_delta_log"))
        return {str(log.parent): DeltaTable(str(log.parent)).version() for log in logs}


def _steps(took: Measured, stages: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """Return start, stages and rest; a stage ends with its line on stderr."""
    steps: list[tuple[str, float, float]] = []
    stamps = iter(took.stamps)
    before = 0.0
    for stage in stages:
        end = next((s.seconds for s in stamps if s.line.startswith(stage["assets"])), None)
        if end is None:
            return [(stage["assets"], stage["seconds"], 0.0) for stage in stages]
        if not steps:
            before = took.cpu_until(end - stage["seconds"])
            steps.append(("start", end - stage["seconds"], before))
        steps.append((stage["assets"], stage["seconds"], took.cpu_until(end) - before))
        before = took.cpu_until(end)
    rest = took.seconds - sum(seconds for _, seconds, _ in steps)
    return [*steps, ("between and end", max(0.0, rest), max(0.0, took.cpu_seconds - before))]


def run_peer(peer: Peer, python: str, landing: Path, out: Path) -> Run:
    """Run the module of a peer on the landing zone.

    Raises:
        CommandError: The module failed.
    """
    command = [python, "-m", f"benchmarks.peers.{peer.module}", str(landing), str(out)]
    took = measure(command, base_environ(), ROOT)
    report = json.loads(took.stdout.splitlines()[-1])
    steps = [(step, wall, report["cpu"].get(step, 0.0)) for step, wall in report["seconds"].items()]
    return Run(
        peer.name,
        took.seconds,
        took.cpu_seconds,
        took.peak_bytes,
        report["rows"],
        out / "gold" / "reviews",
        steps,
        written=bytes_by_layer(out),
        differences=report["differences"],
    )


def bytes_by_layer(tables: Path) -> dict[str, int]:
    """Return the bytes of all files below the folder of each layer, logs of tables included."""
    return {
        layer: sum(path.stat().st_size for path in (tables / layer).rglob("*") if path.is_file())
        for layer in LAYERS
    }


def base_environ() -> dict[str, str]:
    """Return the environment of this process without settings of the project or of Spark."""
    foreign = ("AMAZON_REVIEWS_", "DAGSTER_", "SPARK_", "SAIL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
