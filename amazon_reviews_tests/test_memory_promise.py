"""The whole graph of two million reviews, models included, in a control group of 3 GiB."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.dagster.project import environment

REVIEWS = 2_000_000
LIMIT = 3 << 30
MOUNTED = Path("/sys/fs/cgroup")


class Group:
    """A control group with a hard limit of memory, of version 2 or 1, and without swap."""

    def __init__(self, limit: int) -> None:
        self._second = "memory" in _text(MOUNTED / "cgroup.controllers").split()
        name = f"amazon_reviews_{uuid4().hex}"
        self.folder = MOUNTED / name if self._second else MOUNTED / "memory" / name
        self.folder.mkdir()
        limits = (
            {"memory.max": limit, "memory.swap.max": 0}
            if self._second
            else {"memory.limit_in_bytes": limit, "memory.swappiness": 0}
        )
        for file, value in limits.items():
            (self.folder / file).write_text(str(value))

    def enter(self) -> None:
        """Move this process into the group."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def peak(self) -> int:
        """The most memory that was in use at once, in bytes, with the cache of files."""
        name = "memory.peak" if self._second else "memory.max_usage_in_bytes"
        return int(_text(self.folder / name) or 0)

    @property
    def killed(self) -> bool:
        """True if the limit killed a process."""
        counts = _text(self.folder / ("memory.events" if self._second else "memory.oom_control"))
        return dict(map(str.split, counts.splitlines())).get("oom_kill", "0") != "0"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@pytest.fixture
def group() -> Iterator[Group]:
    try:
        made = Group(LIMIT)
    except OSError as error:
        pytest.skip(f"no control group for memory can be made: {error}")
    yield made
    with suppress(OSError):
        made.folder.rmdir()


@pytest.mark.long
def test_the_whole_graph_of_two_million_reviews_fits_into_3_gib(
    group: Group, tmp_path: Path
) -> None:
    options = SampleOptions(
        reviews=REVIEWS, products=REVIEWS // 50, users=REVIEWS // 20, partitions=10, events=1_000
    )
    generate(options, tmp_path / "landing")

    done = subprocess.run(
        [sys.executable, "-m", "amazon_reviews.cli", "run", "--json"],
        env=os.environ | environment(tmp_path) | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        preexec_fn=group.enter,
    )

    assert done.returncode == 0, done.stderr[-4_000:]
    assert not group.killed
    assert 0 < group.peak <= LIMIT
    assert "of the disk in" in done.stderr
    rows = json.loads(done.stdout)["warehouse"]
    assert rows["gold/reviews"] > 0.9 * REVIEWS
    assert rows["gold/sentiment_predictions"]
    assert rows["gold/recommender_top"]
    assert (tmp_path / "report.html").exists()
