"""The memory that this process may use, as its control group and `ulimit` limit it.

A process that goes beyond its control group's limit is killed; beyond `ulimit -v`, a library that
gets no memory may end it. So what is sized in advance takes its share of the limit.
"""

import logging
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from amazon_reviews.errors import SettingsError

ENGINE_MEMORY = "AMAZON_REVIEWS_ENGINE_MEMORY"
_log = logging.getLogger(__name__)
_MIB = 1 << 20
# The interpreter, the libraries and the buffers of readers and writers.
_RESIDENT = 768 * _MIB
# Libraries reserve addresses for each thread, most of which they never use.
_MAPPED = 4096 * _MIB
_LEAST = 128 * _MIB
# Control groups of the first version have this or a larger number without a limit.
_UNLIMITED = 1 << 60


@dataclass(frozen=True, order=True)
class MemoryLimit:
    """A limit of the memory of this process.

    Attributes:
        share: bytes that the embedded engine may take for queries, and as much the warehouse.
        bytes: the limit.
        name: what sets it, for people.
    """

    share: int
    bytes: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} allows {self.bytes // _MIB:,} MiB"


def memory_limit(root: Path = Path("/")) -> MemoryLimit | None:
    """Return the limit that leaves the least; None without one. `root` holds proc and sys."""
    limits = [MemoryLimit((size - _RESIDENT) // 2, size, name) for size, name in _of_groups(root)]
    size, _ = resource.getrlimit(resource.RLIMIT_AS)
    if size != resource.RLIM_INFINITY:
        limits.append(MemoryLimit((size - _MAPPED) // 2, size, "`ulimit -v`"))
    return min(limits, default=None)


@cache
def engine_memory(wanted: int, root: Path = Path("/")) -> int:
    """Return the bytes for queries: `wanted`, or what the limit leaves; a lower value is logged.

    Raises:
        SettingsError: the limit leaves too little to work.
    """
    limit = memory_limit(root)
    if limit is None or limit.share >= wanted:
        return wanted
    if limit.share < _LEAST:
        needed = limit.bytes - 2 * (limit.share - _LEAST)
        raise SettingsError(
            ENGINE_MEMORY,
            f"{limit}, and at least {needed // _MIB:,} MiB are needed; raise the limit",
        )
    _log.warning(
        "%s is lowered from %s to %s MiB: %s",
        *(ENGINE_MEMORY, f"{wanted // _MIB:,}", f"{limit.share // _MIB:,}", limit),
    )
    return limit.share


def warehouse_memory(wanted: int) -> int:
    """Return the bytes for DuckDB: `wanted`, or what the limit leaves, but at least 128 MiB."""
    limit = memory_limit()
    return wanted if limit is None else min(wanted, max(limit.share, _LEAST))


def _of_groups(root: Path) -> Iterator[tuple[int, str]]:
    """Yield the limits of the control groups of this process and of those above."""
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            names, mounts = ("memory.max", "memory.high"), (mounted, mounted / "unified")
        elif "memory" in controllers.split(","):
            names, mounts = ("memory.limit_in_bytes",), (mounted / "memory",)
        else:
            continue
        # In a container the path may be that of the host, of which only the top is mounted.
        group = Path(path.lstrip("/"))
        files = (m / g / name for m in mounts for g in (group, *group.parents) for name in names)
        for file in dict.fromkeys(files):
            # The text of no limit is "max".
            with suppress(OSError, ValueError):
                if (size := int(file.read_text())) < _UNLIMITED:
                    yield size, f"the control group's /{file.relative_to(root)}"
