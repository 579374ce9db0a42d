"""A process killed during a run: no table is half new, and the next run completes the work."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews.pipeline.gold import build_gold_reviews
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import (
    BATCH_ROWS,
    build_gold_all,
    content,
    product,
    review,
    rows,
    upload,
)

NAME = "partition_1"
TABLES = [
    *("bronze/reviews", "silver/rejected", "silver/duplicates", "silver/reviews"),
    *("gold/reviews", "gold/duplicates"),
]
SHORT = [("silver/reviews", "after")]
LONG = [(key, when) for key in TABLES for when in ("before", "after") if (key, when) not in SHORT]


def bring_all(spark, landing, lakehouse):
    """Bring one partition from its file to gold, as a run does."""
    ingest(landing, lakehouse, REVIEWS, NAME)
    list(build_silver(spark, lakehouse, REVIEWS, [NAME], BATCH_ROWS))
    list(build_gold_reviews(spark, lakehouse, [NAME], BATCH_ROWS))


def tables(lakehouse):
    return {key: content(lakehouse, key) for key in TABLES}


@pytest.fixture(scope="module")
def given_state(spark, tmp_path_factory):
    """Two partitions in gold, and a new upload of the first that moves rows in every table.

    `before` and `expected` are the contents of the tables before and after an undisturbed run.
    """
    folder = tmp_path_factory.mktemp("given")
    landing = LandingZone(location=str(folder / "landing"))
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    first, second, third = (review(reviewText=text) for text in ("first", "second", "third"))
    upload(landing, "amazon_metadata", NAME, product())
    upload(landing, "amazon_reviews", NAME, first, first, second, "broken")
    upload(landing, "amazon_reviews", "partition_2", first, second, third)
    build_gold_all(spark, landing, lakehouse)
    before = tables(lakehouse)
    upload(landing, "amazon_reviews", NAME, third, second, second, second, "[]", "{}")
    undisturbed = Lakehouse(location=str(folder / "undisturbed"))
    shutil.copytree(lakehouse.location, undisturbed.location)
    bring_all(spark, landing, undisturbed)
    expected = tables(undisturbed)
    assert all(before[key] != expected[key] for key in TABLES)
    return SimpleNamespace(folder=folder, landing=landing, before=before, expected=expected)


@pytest.fixture
def copied(given_state, tmp_path):
    """A copy of the lakehouse in the state before the run."""
    shutil.copytree(given_state.folder / "lakehouse", tmp_path / "lakehouse")
    return Lakehouse(location=str(tmp_path / "lakehouse"))


CHILD = """
import os, signal, sys
from pathlib import Path
from threading import Thread

import deltalake
from amazon_reviews.pipeline import bronze
from amazon_reviews.resources.lakehouse import tables as module
from amazon_reviews.resources.spark.engine import start_session
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.pipeline import test_kill

landing, lakehouse, work, point, when = sys.argv[1:]


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def mortal(commit):
    def wrapped(table, *arguments, **options):
        at_point = table.table_uri.rstrip("/").endswith(point)
        if at_point and when == "before":
            die()
        result = commit(table, *arguments, **options)
        if at_point and when == "after":
            die()
        return result

    return wrapped


def reading(source, profile, file, partition, read=bronze.record_batches):
    yield from read(source, profile, file, partition)
    die()


def die_at_new_file():
    folder = Path(lakehouse, point)
    known = set(folder.rglob("*.parquet"))
    while set(folder.rglob("*.parquet")) <= known:
        pass
    die()


if when == "while lines are read":
    bronze.record_batches = reading
elif when == "while files are written":
    Thread(target=die_at_new_file, daemon=True).start()
else:
    class Mortal(deltalake.DeltaTable):
        create_write_transaction = mortal(deltalake.DeltaTable.create_write_transaction)

    module.DeltaTable = Mortal
    module.write_deltalake = mortal(module.write_deltalake)
getattr(test_kill, work)(
    start_session("sail", 1 << 30),
    LandingZone(location=landing),
    module.Lakehouse(location=lakehouse),
)
"""


def child(landing, lakehouse, work, point="", when=""):
    """Start a process that does the work and kills itself at the point."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, landing.location, lakehouse.location, work, point, when],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_recovers(spark, given_state, lakehouse, point, when):
    killed = child(given_state.landing, lakehouse, "bring_all", point, when)
    _, errors = killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL, errors

    for key, actual in tables(lakehouse).items():
        assert actual in (given_state.before[key], given_state.expected[key]), f"{key} is half new"
        if when in ("before", "after"):
            reached = TABLES.index(key) < TABLES.index(point) + (when == "after")
            assert (actual == given_state.expected[key]) == reached, f"{key} is ahead of its turn"

    bring_all(spark, given_state.landing, lakehouse)

    assert tables(lakehouse) == given_state.expected
    assert all(row.balanced for row in reconcile_all(lakehouse))


@pytest.mark.fault("kill at a commit or during a write")
@pytest.mark.parametrize(("point", "when"), SHORT)
def test_next_run_recovers_from_kill_at_a_commit(spark, given_state, copied, point, when):
    assert_recovers(spark, given_state, copied, point, when)


@pytest.mark.long
@pytest.mark.fault("kill at a commit or during a write")
@pytest.mark.parametrize(("point", "when"), LONG)
def test_next_run_recovers_from_kill_at_any_commit(spark, given_state, copied, point, when):
    assert_recovers(spark, given_state, copied, point, when)


@pytest.mark.long
@pytest.mark.fault("kill at a commit or during a write")
@pytest.mark.parametrize(
    ("point", "when"),
    [
        ("bronze/reviews", "while lines are read"),
        ("bronze/reviews", "while files are written"),
        ("silver/reviews", "while files are written"),
        ("gold/reviews", "while files are written"),
    ],
)
def test_next_run_recovers_from_kill_during_a_write(spark, given_state, copied, point, when):
    assert_recovers(spark, given_state, copied, point, when)


def test_uncommitted_files_are_ignored(spark, given_state, copied):
    """A killed process leaves data files without an entry in the log."""
    for key in TABLES:
        for path in list(Path(copied.uri(key)).rglob("*.parquet")):
            left = Path(copied.uri(key)) / "data-left" / path.relative_to(copied.uri(key))
            left.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, left)

    assert tables(copied) == given_state.before
    assert copied.read(spark, "silver/reviews").count() == len(
        rows(copied, "silver/reviews", "line")
    )
    bring_all(spark, given_state.landing, copied)
    assert tables(copied) == given_state.expected


def build_silver_often(spark, landing, lakehouse):
    """Build silver of the partition several times."""
    for _ in range(3):
        list(build_silver(spark, lakehouse, REVIEWS, [NAME], BATCH_ROWS))


@pytest.mark.long
def test_two_processes_build_silver_of_the_same_partition(given_state, copied):
    ingest(given_state.landing, copied, REVIEWS, NAME)

    workers = [child(given_state.landing, copied, "build_silver_often") for _ in range(2)]

    errors = [worker.communicate(timeout=240)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], errors
    for key in ("silver/reviews", "silver/rejected", "silver/duplicates"):
        assert content(copied, key) == given_state.expected[key]
