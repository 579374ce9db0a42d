"""The frame of a batch job: its folders, its clock and its command line.

Imports the standard library only, since some peers run in an environment of their own.
"""

import argparse
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

REVIEWS, PRODUCTS = "amazon_reviews", "amazon_metadata"


class Job(ABC):
    """A batch job over a landing zone; every table is a folder of Parquet files below `out`.

    Attributes:
        differences: Sentences about what the job leaves out or does otherwise.
    """

    differences: ClassVar[Sequence[str]] = ()

    def __init__(self, landing: Path, out: Path) -> None:
        self.landing, self.out = landing, out
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        out.mkdir(parents=True)

    @abstractmethod
    def build(self) -> int:
        """Build gold from the landing zone, and return its rows as counted from the files."""

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time of the block to that of the step."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[step] = self.seconds.get(step, 0) + time.perf_counter() - wall
        self.cpu_seconds[step] = self.cpu_seconds.get(step, 0) + time.process_time() - cpu

    def partitions(self, dataset: str) -> list[str]:
        """Return the landing partitions of a dataset in natural order."""
        names = [path.name for path in (self.landing / dataset).iterdir()]
        return sorted(names, key=lambda name: int(name.removeprefix("partition_")))

    def files(self, dataset: str, partition: str) -> list[Path]:
        """Return the files of a landing partition in order."""
        return sorted((self.landing / dataset / partition).iterdir())

    def folder(self, name: str) -> Path:
        """Return a folder below `out`, which exists afterwards."""
        folder = self.out / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def main(job: type[Job]) -> None:
    """Run the job on the folders of the command line, and print its figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("landing", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    run = job(arguments.landing, arguments.out)
    figures = {"rows": run.build(), "seconds": run.seconds, "cpu": run.cpu_seconds}
    print(json.dumps(figures | {"differences": list(run.differences)}))
