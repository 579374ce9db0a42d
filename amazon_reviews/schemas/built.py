"""Records of outputs: the version of an output, and the versions of the inputs it was built from.

Every output (a partition of a table, a warehouse table, a model, a report) carries such a record,
committed with its data. What needs work follows from the records alone.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

WHOLE = ""
"""Stands for the whole of an output without partitions."""

_RANDOM_BITS, _CODE_BITS = 12, 7


def new_version(code_version: str = "0") -> int:
    """Return a version for what is written now by code of this version, as a number of 63 bits.

    It holds the milliseconds since 1970, the code version, and random bits, so that two writes
    never have the same.
    """
    milliseconds = time.time_ns() // 1_000_000
    code = int(code_version) % (1 << _CODE_BITS)
    random = secrets.randbits(_RANDOM_BITS)
    return ((milliseconds << _CODE_BITS) | code) << _RANDOM_BITS | random


def written_at(version: int) -> datetime:
    """Return the moment at which a version was written."""
    return datetime.fromtimestamp((version >> (_RANDOM_BITS + _CODE_BITS)) / 1000, UTC)


def code_of(version: int) -> str:
    """Return the code version that wrote a version."""
    return str((version >> _RANDOM_BITS) % (1 << _CODE_BITS))


@dataclass(frozen=True)
class Records:
    """The records of the partitions of a table, and of the table as a whole under `WHOLE`.

    `versions` are by partition, `inputs` by key of the input and partition. `checks` are by name
    and partition: the version that a blocking check judged, negative if it failed.
    """

    versions: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, dict[str, int]] = field(default_factory=dict)
    checks: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, built: "Built") -> "Records":
        """Return the record of an output without partitions as records of a whole."""
        return cls(
            {WHOLE: built.version},
            {key: {WHOLE: version} for key, version in built.inputs.items()},
            {
                name: {WHOLE: built.version if passed else -built.version}
                for name, passed in built.checks.items()
            },
        )


@dataclass(frozen=True)
class Built:
    """The record of an output without partitions.

    `version` is its own version, `inputs` are those of the inputs by key, `checks` the verdicts of
    its blocking checks on this version by name.
    """

    version: int
    inputs: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[str, bool] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the record as JSON, which `from_json` reads."""
        return json.dumps(
            {"version": self.version, "inputs": dict(self.inputs), "checks": dict(self.checks)},
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> "Built | None":
        """Return the record in a JSON text, None if it is not one."""
        try:
            values = json.loads(text)
            inputs = {key: int(version) for key, version in values["inputs"].items()}
            checks = {name: bool(passed) for name, passed in values["checks"].items()}
            return cls(int(values["version"]), inputs, checks)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None
