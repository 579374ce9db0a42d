"""The values of the planner: outputs as declared and as they are, and the pending work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from amazon_reviews.schemas.built import Records, written_at
from amazon_reviews.schemas.table import Pace

_DAILY_HOUR = 3
_QUARTER = 15


@dataclass(frozen=True)
class Output:
    """An output as declared: a table, a warehouse table, a model, or a file.

    `inputs` are keys of outputs, `partition_inputs` pairs of a partition and an input that only
    this partition has. A copy of its input has no `code_version`. `checks` are blocking checks
    that its build evaluates, `table_checks` those that run after it, on all of it. One that
    `arrives` has rows from outside: the state names its pending partitions. What is built from an
    `optional` one goes on without the partitions of it that could not be built.
    """

    key: str
    inputs: tuple[str, ...] = ()
    partitioned: bool = False
    partition_inputs: tuple[tuple[str, str], ...] = ()
    code_version: str = "1"
    checks: tuple[str, ...] = ()
    table_checks: tuple[str, ...] = ()
    pace: Pace = "at once"
    arrives: bool = False
    optional: bool = False

    @property
    def all_inputs(self) -> tuple[str, ...]:
        """The inputs of all partitions together."""
        return (*self.inputs, *(key for _, key in self.partition_inputs))

    def inputs_of(self, partition: str) -> tuple[str, ...]:
        """Return the inputs of one partition."""
        return (*self.inputs, *(key for part, key in self.partition_inputs if part == partition))


@dataclass(frozen=True)
class Found:
    """An output as it is: its records, and what is wrong with its partitions or with the whole.

    `pinned` is the earlier version that a person has restored: until it is unpinned, it stays.
    """

    records: Records
    damage: Mapping[str, str] = field(default_factory=dict)
    pinned: int | None = None


@dataclass(frozen=True)
class State:
    """All that is there.

    `found` are the existing outputs by key. `arrived` are the partitions that wait outside, by
    key of the output that they belong to, each with the reason.
    """

    found: Mapping[str, Found]
    arrived: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """One partition of an output, or the whole of it, to be built, or only to be checked.

    `waits_on` are the keys of inputs with pending work. `blocked` says what else is in the way,
    such as a failed check. `inputs` are the versions that it would be built from now. `version` is
    its own, for a new partition that of the whole. `rebuilds` is True if also what did not change
    must be built again, `follows` if only pending inputs are the reason, `is_first` if nothing was
    ever built from it.
    """

    key: str
    partition: str
    reason: str
    waits_on: tuple[str, ...] = ()
    blocked: str = ""
    inputs: tuple[tuple[str, int], ...] = ()
    version: int = 0
    pace: Pace = "at once"
    rebuilds: bool = False
    follows: bool = False
    is_first: bool = False
    only_checks: bool = False

    @property
    def name(self) -> str:
        """The key, with the partition in brackets."""
        return name_of(self.key, self.partition)

    @property
    def general_reason(self) -> str:
        """The reason without the partition, which is the same for many partitions."""
        return self.reason.replace(f"[{self.partition}]", "") if self.partition else self.reason

    @property
    def is_ready(self) -> bool:
        """True if it can be done now."""
        return not self.waits_on and not self.blocked

    def is_due(self, now: datetime) -> bool:
        """Return True if a sensor may ask for it now.

        A missing output is due at once, all else at its pace: also a new partition, so that what
        is built from all partitions is built once for those that arrive together.
        """
        # What is missing has version 0, which counts as written in 1970.
        return self.pace == "at once" or written_at(self.version) < _last_turn(self.pace, now)


@dataclass(frozen=True)
class Plan:
    """The pending work in the order of the graph, and what nothing can make again.

    `lost` are texts by name of the output. `outdated` are the outputs whose code has changed since
    they were built, with their number of partitions, `pinned` those that are not built, with the
    version that they are pinned to.
    """

    work: tuple[Work, ...]
    lost: Mapping[str, str]
    outdated: Mapping[str, int]
    pinned: Mapping[str, int] = field(default_factory=dict)

    def pins(self) -> list[str]:
        """Return a text about each pinned output."""
        return [f"{key} is pinned to version {version}" for key, version in self.pinned.items()]


def name_of(key: str, partition: str) -> str:
    """Return the name of a partition of an output, or of the whole."""
    return f"{key}[{partition}]" if partition else key


def _last_turn(pace: Pace, now: datetime) -> datetime:
    """Return the last moment at which outputs of this pace were allowed to follow."""
    now = now.astimezone(UTC).replace(second=0, microsecond=0)
    if pace == "quarter-hourly":
        return now.replace(minute=now.minute // _QUARTER * _QUARTER)
    today = now.replace(hour=_DAILY_HOUR, minute=0)
    return today if today <= now else today - timedelta(days=1)
