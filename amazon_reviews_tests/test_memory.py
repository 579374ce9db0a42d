"""The memory of the engine follows the limits of the process."""

import logging
import os
import resource
import subprocess
import sys

import pytest

from amazon_reviews import memory
from amazon_reviews.errors import BuildError, SettingsError
from amazon_reviews.memory import (
    check_charts,
    engine_memory,
    explain_failure,
    memory_limit,
    warehouse_memory,
)
from amazon_reviews_tests.dagster.project import LAYERS, Project, environment
from amazon_reviews_tests.helpers import review

MIB = 1 << 20
NO_LIMIT_V1 = (1 << 63) - 4096


@pytest.fixture
def root(tmp_path):
    """Return a function that writes the control groups of a machine below a folder."""

    def write(of_process, **limits):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(of_process)
        for path, value in limits.items():
            file = tmp_path / "sys/fs/cgroup" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
        return tmp_path

    return write


@pytest.fixture(autouse=True)
def no_ulimit(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, 0))


@pytest.mark.parametrize(
    ("of_process", "limits", "expected"),
    [
        ("0::/a/b\n", {"a/b/memory.max": 4096 * MIB}, ("a/b/memory.max", 4096)),
        (
            "0::/a/b\n",
            {"a/b/memory.max": "max", "a/memory.max": 2048 * MIB},
            ("a/memory.max", 2048),
        ),
        (
            "0::/a\n",
            {"a/memory.max": 4096 * MIB, "a/memory.high": 3072 * MIB},
            ("a/memory.high", 3072),
        ),
        # A container shows its own group at the top.
        ("0::/\n", {"memory.max": 2048 * MIB}, ("memory.max", 2048)),
        # A hybrid of both versions.
        (
            "9:cpu:/x\n4:memory:/a\n0::/\n",
            {
                "memory/a/memory.limit_in_bytes": 1024 * MIB,
                "memory/memory.limit_in_bytes": NO_LIMIT_V1,
            },
            ("memory/a/memory.limit_in_bytes", 1024),
        ),
        # The path of the host is not there in a container.
        (
            "4:cpu,memory:/docker/0123\n",
            {"memory/memory.limit_in_bytes": 1024 * MIB},
            ("memory/memory.limit_in_bytes", 1024),
        ),
    ],
)
def test_the_lowest_limit_of_a_control_group_and_those_above_counts(
    root, of_process, limits, expected
):
    limit = memory_limit(root(of_process, **limits))

    file, size = expected
    assert limit.bytes == size * MIB
    assert str(limit) == f"the control group's /sys/fs/cgroup/{file} allows {size:,} MiB"


@pytest.mark.parametrize(
    ("of_process", "limits"),
    [
        ("0::/a\n", {"a/memory.max": "max"}),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": NO_LIMIT_V1}),
        ("4:cpu:/a\n", {"cpu/a/memory.limit_in_bytes": MIB}),
        ("0::/a\n", {}),
    ],
)
def test_without_a_limit_the_setting_counts(root, of_process, limits):
    folder = root(of_process, **limits)

    assert memory_limit(folder) is None
    assert engine_memory(1 << 30, folder) == 1 << 30


def test_a_system_without_control_groups_has_no_limit(tmp_path):
    assert memory_limit(tmp_path) is None


def test_memory_is_lowered_to_what_a_limit_leaves_with_one_log_line(root, caplog):
    folder = root("0::/a\n", **{"a/memory.max": 2048 * MIB})

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert engine_memory(1024 * MIB, folder) == 512 * MIB
    assert caplog.messages == [
        "AMAZON_REVIEWS_ENGINE_MEMORY is lowered from 1,024 to 512 MiB: the control group's "
        "/sys/fs/cgroup/a/memory.max allows 2,048 MiB"
    ]
    assert engine_memory(256 * MIB, folder) == 256 * MIB


def test_too_little_memory_is_an_error_that_names_the_limit(root):
    folder = root("0::/a\n", **{"a/memory.max": 512 * MIB})

    with pytest.raises(SettingsError) as raised:
        engine_memory(1024 * MIB, folder)
    assert str(raised.value) == (
        "AMAZON_REVIEWS_ENGINE_MEMORY: the control group's /sys/fs/cgroup/a/memory.max allows "
        "512 MiB, and at least 1,280 MiB are needed; raise the limit"
    )


def test_the_warehouse_takes_no_more_than_the_limit_leaves(monkeypatch):
    limit = memory._MAPPED + 512 * MIB
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limit, limit))

    assert warehouse_memory(100 * MIB) == 100 * MIB
    assert warehouse_memory(1 << 40) == 256 * MIB


def test_a_failure_for_lack_of_memory_names_the_limit(monkeypatch):
    assert explain_failure("MemoryError: ") == ""
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1 << 33, 1 << 33))

    assert explain_failure("no such file") == ""
    why = explain_failure("Out of Memory Error: Failed to allocate block")
    assert why.startswith("the memory ran out: `ulimit -v` allows 8,192 MiB; raise the limit")


def test_a_chart_is_refused_where_its_library_would_crash(monkeypatch):
    check_charts()
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1 << 33, 1 << 33))

    with pytest.raises(BuildError, match=r"no chart .* `ulimit -v` allows 8,192 MiB"):
        check_charts()


def test_the_limit_of_the_shell_counts():
    program = (
        "from amazon_reviews.memory import engine_memory, memory_limit\n"
        "print(memory_limit(), engine_memory(1 << 40) >> 20)"
    )
    command = f'ulimit -v {8 << 20}; exec "$0" -c "$1"'
    ended = subprocess.run(
        ["bash", "-c", command, sys.executable, program], capture_output=True, text=True, check=True
    )

    assert ended.stdout.startswith("`ulimit -v` allows 8,192 MiB ")
    assert "AMAZON_REVIEWS_ENGINE_MEMORY is lowered from" in ended.stderr


FREED = """
import sys
from pathlib import Path
import numpy as np
from amazon_reviews.memory import return_freed_memory

def resident():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) >> 10

if sys.argv[1] == "returned":
    return_freed_memory()
before = resident()
arrays = []
for _ in range(2):
    # The small arrays lie between the large ones, and are kept.
    arrays += [np.ones(size) for _ in range(30) for size in (1 << 18, 1 << 10)]
    arrays = [array for array in arrays if len(array) < 1 << 18]
print(resident() - before)
"""


def test_the_memory_of_freed_arrays_is_returned():
    held = {
        kept: int(subprocess.check_output([sys.executable, "-c", FREED, kept]))
        for kept in ("returned", "kept")
    }

    assert held["returned"] < 5
    assert held["kept"] > 30


QUERIED = """
import sys
from pathlib import Path
from pyspark.sql import functions as F
from amazon_reviews import memory
from amazon_reviews.resources.spark.engine import start_session

memory.machine_memory = lambda: int(sys.argv[1]) << 30
memory.memory_limit = lambda *_: None
rows = start_session("sail", 1 << 30).range(1_000_000)
keys = rows.select(F.sha2(F.col("id").cast("string"), 256).alias("key"))
assert keys.distinct().count() == 1_000_000
memory = Path("/proc/self/smaps_rollup").read_text()
print(int(memory.partition("LazyFree:")[2].split()[0]) >> 10)
"""


@pytest.mark.parametrize(("gibibytes", "offers"), [("7", True), ("8", False)])
def test_the_engine_offers_free_memory_where_memory_is_scarce(gibibytes, offers):
    command = [sys.executable, "-W", "ignore", "-c", QUERIED, gibibytes]
    # Without what the engine of this process set.
    environ = {name: value for name, value in os.environ.items() if "MIMALLOC" not in name}
    offered = int(subprocess.check_output(command, env=environ))

    assert (offered > 50) == offers


@pytest.mark.parametrize(("limit", "scarce"), [(4096, True), (16384, False)])
def test_memory_is_scarce_below_8_gib(root, monkeypatch, limit, scarce):
    group = root("0::/\n", **{"memory.max": limit * MIB})
    monkeypatch.setattr(memory, "machine_memory", lambda: 64 << 30)
    monkeypatch.setattr(memory, "memory_limit", lambda: memory_limit(group))

    assert memory.is_scarce() == scarce


def limited(kibibytes, root, *arguments):
    """Run a command of the project under `ulimit -v`."""
    script = f'ulimit -v {kibibytes}; exec "$0" -m amazon_reviews.cli "$@"'
    return subprocess.run(
        ["bash", "-c", script, sys.executable, *arguments],
        env=os.environ | environment(root),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
def test_the_least_limit_is_enough_for_all_but_charts(tmp_path):
    project = Project(tmp_path)
    for name in ("partition_1", "partition_2"):
        project.add_file("amazon_reviews", name, *(review(summary=f"{name} {n}") for n in range(9)))
    least = memory._MAPPED + 2 * memory._LEAST

    ran = limited(least >> 10, tmp_path, "run", "--select", LAYERS)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("AMAZON_REVIEWS_ENGINE_MEMORY is lowered from 1,024 to 128 MiB")
    report = limited(least >> 10, tmp_path, "report")
    assert report.returncode == 1
    assert report.stderr.startswith("Error: no chart can be drawn: `ulimit -v` allows")
    refused = limited((least >> 10) - 1024, tmp_path, "run", "--select", LAYERS)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith("Error: AMAZON_REVIEWS_ENGINE_MEMORY: `ulimit -v` allows")
    assert f"at least {least >> 20:,} MiB are needed" in line
