"""The values of a report: runs, their steps, and the outputs that these wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

ColumnLineage: TypeAlias = Mapping[str, Sequence[tuple[str, str]]]
"""The columns that a column is made from, by its name: each as key of the output and column."""


class Ending(Enum):
    """The end of a run."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELED = "canceled"


@dataclass(frozen=True)
class Run:
    """One run of a Dagster job."""

    id: str
    job: str


@dataclass(frozen=True)
class Step:
    """One step of a run, and the keys of the outputs that it is to write."""

    run: Run
    name: str
    outputs: tuple[str, ...]


@dataclass
class Written:
    """An output that a step wrote, with the sums over its partitions in this run.

    `rows` and `rejected` are None if they are not known. `at` is when it was written, in seconds of
    the epoch. `version` is the version of the Delta table, `columns` its column lineage.
    """

    key: str
    at: float
    partitions: int = 0
    rows: int | None = None
    rejected: int | None = None
    version: int | None = None
    columns: ColumnLineage = field(default_factory=dict)


class Observer(Protocol):
    """Hears of runs and steps; all times are in seconds of the epoch."""

    def run_started(self, run: Run, at: float) -> None:
        """A run of this process started."""

    def step_started(self, step: Step, at: float) -> None:
        """A step of a started run started."""

    def step_ended(
        self, step: Step, at: float, written: Mapping[str, Written], error: str | None
    ) -> None:
        """A started step ended, in case of an error after it wrote some of its outputs."""

    def run_ended(self, run: Run, at: float, ending: Ending, error: str | None) -> None:
        """A run ended: one of this process, or one that another process left unfinished."""
