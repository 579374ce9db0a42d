"""Description of the machine, without the names of its host, user and paths."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("pysail", "pyspark", "dagster", "deltalake", "duckdb", "azure-eventhub")


def describe() -> dict[str, str | int | float]:
    """Return CPU model, cores of this process, memory in GiB, load before, and versions."""
    description: dict[str, str | int | float] = {
        "cpu": _cpu_model(),
        "cores": cores(),
        "memory_gib": round(_memory_bytes() / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
    return description | {name: version(name) for name in _PACKAGES}


def cores() -> int:
    """Return the cores of this process."""
    return len(os.sched_getaffinity(0))


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _memory_bytes() -> int:
    """Return the memory of the machine, or the limit of the control group if that is less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdecimal() else total
