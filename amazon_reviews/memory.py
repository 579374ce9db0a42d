"""The memory that this process may use, as its control group and `ulimit` limit it.

A process that goes beyond its control group's limit is killed; beyond `ulimit -v`, a library that
gets no memory may end it. So what is sized in advance takes its share of the limit.
"""

import ctypes
import logging
import os
import re
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from amazon_reviews.errors import BuildError, SettingsError

ENGINE_MEMORY = "AMAZON_REVIEWS_ENGINE_MEMORY"
_log = logging.getLogger(__name__)
_MIB = 1 << 20
# The interpreter, the libraries and the buffers of readers and writers.
_RESIDENT = 1024 * _MIB
# Libraries reserve addresses, also for each core, and never use most of them.
_MAPPED = 3840 * _MIB + 512 * _MIB * (os.cpu_count() or 1)
# The engine of JavaScript in vl-convert, which ends the process if it gets less.
_MAPPED_BY_CHARTS = 68 << 30
_LEAST = 128 * _MIB
# Enough for some processes that keep their free memory.
_PLENTY = 8 << 30
# Parameters of glibc's mallopt, and what suits arrays of some megabytes.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TRIMMED, _MAPPED_ALONE = 4 * _MIB, _MIB
_EXHAUSTED = re.compile(
    r"MemoryError|out of memory|bad allocation|memory allocation of|can't start new thread", re.I
)
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


def shell_limit() -> int | None:
    """Return the bytes of addresses that `ulimit -v` allows; None without a limit."""
    size, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if size == resource.RLIM_INFINITY else size


def check_charts() -> None:
    """Check that the library of the charts can start; without enough addresses it would crash.

    Raises:
        BuildError: `ulimit -v` allows too few.
    """
    size = shell_limit()
    if size is not None and size < _MAPPED_BY_CHARTS:
        raise BuildError(
            f"no chart can be drawn: `ulimit -v` allows {size // _MIB:,} MiB of addresses, and "
            f"the library reserves {_MAPPED_BY_CHARTS // _MIB:,}; limit the memory of the control "
            "group instead"
        )


def memory_limit(root: Path = Path("/")) -> MemoryLimit | None:
    """Return the limit that leaves the least; None without one. `root` holds proc and sys."""
    limits = [MemoryLimit((size - _RESIDENT) // 2, size, name) for size, name in _of_groups(root)]
    if size := shell_limit():
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


def explain_failure(text: str) -> str:
    """Return which limit a failure comes from, if its text says that memory ran out."""
    limit = memory_limit()
    if limit is None or not _EXHAUSTED.search(text):
        return ""
    return f"the memory ran out: {limit}; raise the limit, or lower {ENGINE_MEMORY}"


def is_scarce() -> bool:
    """Return True if this process may use less than 8 GiB, by its limit or by its machine."""
    limit = memory_limit()
    return min(machine_memory(), limit.bytes if limit else _PLENTY) < _PLENTY


def machine_memory() -> int:
    """Return the bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def return_freed_memory() -> None:
    """Let the C library return the memory of freed arrays to the system.

    glibc keeps up to 32 MiB of each size otherwise, and as much in each thread. The fixed
    thresholds hold for this process; other C libraries do not have them.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_ALONE)
        mallopt(_M_TRIM_THRESHOLD, _TRIMMED)


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
            names, mounts = ["memory.max", "memory.high"], [mounted, mounted / "unified"]
        elif "memory" in controllers.split(","):
            names, mounts = ["memory.limit_in_bytes"], [mounted / "memory"]
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
