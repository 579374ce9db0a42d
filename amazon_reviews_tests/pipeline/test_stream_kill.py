"""A process killed on the way from events to gold: no event is lost or repeated."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from amazon_reviews.defs.stream_run import stream_job
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews_tests.helpers import BATCH_ROWS, content, review, rows

PARTITIONS = 4
PATIENCE_SECONDS = 400
TABLES = [
    *("bronze/review_events", "silver/streamed_reviews", "silver/rejected", "silver/duplicates"),
    *("gold/reviews", "gold/duplicates"),
]
POINTS = [
    "after the read",
    "during the write of bronze",
    "after the commit of bronze",
    "during the write of silver",
    "after the commit of silver",
    "before the commit of gold",
    "after the commit of gold",
    "after the last commit",
]
SHORT = ["after the read", "after the commit of bronze", "before the commit of gold"]
MICRO_BATCH = 16
# How often a run of several micro-batches comes to a point before it is killed there: silver and
# gold are committed several times in each.
LATER = {
    "after the read": 1,
    "during the write of bronze": 1,
    "after the commit of bronze": 1,
    "during the write of silver": 1,
    "after the commit of silver": 4,
    "before the commit of gold": 4,
    "after the commit of gold": 4,
}
MOMENTS = list(range(200))
FEW = MOMENTS[:1]
_SEED = 20_261_121


def take_to_gold(spark, event_hub, lakehouse, batch_events=BATCH_ROWS):
    """Bring new events to gold by a stream run that ends when the hub is quiet."""
    hub = replace(event_hub, batch_events=batch_events, batch_seconds=0, quiet_seconds=0.01)
    engine = SimpleNamespace(session=spark, batch_rows=BATCH_ROWS)
    with dg.DagsterInstance.ephemeral() as instance:
        stream_job.execute_in_process(
            instance=instance,
            resources={"event_hub": hub, "engine": engine, "lakehouse": lakehouse},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


def tables(lakehouse):
    return {key: content(lakehouse, key) for key in TABLES}


def events(first, last):
    """Yield event bodies; some are repeated and some are not reviews."""
    for number in range(first, last):
        fields = review(reviewText=f"Text {number - number % 5 // 4}.", unixReviewTime=...)
        yield b"no review" if number % 7 == 6 else json.dumps(fields).encode()


@pytest.fixture(scope="module")
def given_state(spark, tmp_path_factory):
    """A hub whose first events are in gold, and the tables after an undisturbed run.

    `seconds` is the time that a process takes for the other events.
    """
    folder = tmp_path_factory.mktemp("given")
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    with EventHubEmulator({"reviews": PARTITIONS}) as server:
        address = server.connection_string("reviews")
        event_hub = EventHub(address=address)
        for partition in range(PARTITIONS):
            server.append("reviews", str(partition), *events(20 * partition, 20 * partition + 8))
        take_to_gold(spark, event_hub, lakehouse)
        for partition in range(PARTITIONS):
            server.append(
                "reviews", str(partition), *events(20 * partition + 8, 20 * partition + 20)
            )
        undisturbed = Lakehouse(location=str(folder / "undisturbed"))
        shutil.copytree(lakehouse.location, undisturbed.location)
        started = time.monotonic()
        errors = child(address, undisturbed, "").communicate(timeout=PATIENCE_SECONDS)[1]
        seconds = time.monotonic() - started
        before, expected = tables(lakehouse), tables(undisturbed)
        changed = [key for key in TABLES if before[key] != expected[key]]
        assert changed == [key for key in TABLES if key != "gold/duplicates"], errors
        yield SimpleNamespace(
            folder=folder,
            address=address,
            event_hub=event_hub,
            before=before,
            expected=expected,
            seconds=seconds,
        )


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
from amazon_reviews.resources import event_hub as hubs
from amazon_reviews.resources.lakehouse import tables as module
from amazon_reviews.resources.spark.engine import start_session
from amazon_reviews_tests.pipeline import test_stream_kill

address, location, point, batch_events, skipped = sys.argv[1:]
skipped = int(skipped)
FOLDERS = {
    "bronze": "bronze/review_events", "silver": "silver/streamed_reviews", "gold": "gold/reviews"
}
when, _, layer = point.rpartition(" of ")


def die():
    # The run comes to some points several times.
    global skipped
    skipped -= 1
    if skipped < 0:
        os.kill(os.getpid(), signal.SIGKILL)


def mortal(commit):
    def wrapped(table, *arguments, **options):
        at_point = table.table_uri.rstrip("/").endswith(FOLDERS.get(layer, "nowhere"))
        if at_point and when == "before the commit":
            die()
        result = commit(table, *arguments, **options)
        if at_point and when == "after the commit":
            die()
        return result

    return wrapped


def reading(self, spans, convert, read=hubs.EventHub.read):
    yield from read(self, spans, convert)
    die()


def die_at_new_file(folder):
    while True:
        known = set(folder.rglob("*.parquet"))
        while set(folder.rglob("*.parquet")) <= known:
            pass
        die()


if point == "after the read":
    hubs.EventHub.read = reading
elif when == "during the write":
    Thread(target=die_at_new_file, args=[Path(location, FOLDERS[layer])], daemon=True).start()
else:
    class Mortal(deltalake.DeltaTable):
        create_write_transaction = mortal(deltalake.DeltaTable.create_write_transaction)

    module.DeltaTable = Mortal
    module.write_deltalake = mortal(module.write_deltalake)
test_stream_kill.take_to_gold(
    start_session("sail", 1 << 30),
    hubs.EventHub(address=address),
    module.Lakehouse(location=location),
    int(batch_events),
)
if point == "after the last commit":
    die()
"""


def child(address, lakehouse, point, batch_events=BATCH_ROWS, skipped=0):
    """Start a process that brings the events to gold and kills itself at the point."""
    numbers = [str(batch_events), str(skipped)]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, address, lakehouse.location, point, *numbers],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_recovers(spark, given_state, lakehouse, point):
    for key, actual in tables(lakehouse).items():
        assert actual in (given_state.before[key], given_state.expected[key]), (
            f"killed {point}: {key} is half new"
        )
    assert_next_run_completes(spark, given_state, lakehouse, point)


def assert_next_run_completes(spark, given_state, lakehouse, point):
    take_to_gold(spark, given_state.event_hub, lakehouse)

    position = ("hub_partition", "sequence_number")
    times = Counter(rows(lakehouse, "bronze/review_events", *position))
    assert set(times.values()) == {1}, f"killed {point}: {times}"
    assert len(times) == PARTITIONS * 20, f"killed {point}: {len(times)} events"
    for key, actual in tables(lakehouse).items():
        assert actual == given_state.expected[key], f"killed {point}: {key}"
    assert all(row.balanced for row in reconcile_all(lakehouse)), f"killed {point}"


def assert_recovers_from_point(spark, given_state, lakehouse, point):
    killed = child(given_state.address, lakehouse, point)
    _, errors = killed.communicate(timeout=PATIENCE_SECONDS)
    assert killed.returncode == -signal.SIGKILL, f"not killed {point}: {errors}"
    assert_recovers(spark, given_state, lakehouse, point)


def assert_recovers_from_moment(spark, given_state, lakehouse, moment):
    seconds = random.Random(_SEED + moment).uniform(0, given_state.seconds)
    killed = child(given_state.address, lakehouse, "")
    try:
        killed.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        killed.kill()
        killed.communicate()
    assert_recovers(spark, given_state, lakehouse, f"at moment {moment}, {seconds:.2f} s")


def killed_in_a_micro_batch(given_state, lakehouse, point, skipped):
    killed = child(given_state.address, lakehouse, point, MICRO_BATCH, skipped)
    _, errors = killed.communicate(timeout=PATIENCE_SECONDS)
    assert killed.returncode == -signal.SIGKILL, f"not killed {point}: {errors}"
    return len(rows(lakehouse, "bronze/review_events", "sequence_number"))


@pytest.mark.long
def test_a_stream_run_takes_micro_batches_until_the_hub_is_quiet(spark, given_state, copied):
    before = copied.delta("gold/reviews").version()
    take_to_gold(spark, given_state.event_hub, copied, MICRO_BATCH)

    # Dagster shows the builds once a minute only.
    assert copied.delta("gold/reviews").version() - before >= 3
    assert tables(copied) == given_state.expected


@pytest.mark.long
@pytest.mark.fault("kill in a later micro-batch")
@pytest.mark.parametrize(("point", "skipped"), LATER.items())
def test_next_run_recovers_from_kill_in_a_later_micro_batch(
    spark, given_state, copied, point, skipped
):
    events = killed_in_a_micro_batch(given_state, copied, point, skipped)

    # Some micro-batches were complete, and some had not come.
    assert PARTITIONS * 8 < events <= PARTITIONS * 20
    assert_next_run_completes(spark, given_state, copied, point)


@pytest.mark.fault("kill at a commit or during a write")
@pytest.mark.parametrize("point", SHORT)
def test_next_run_recovers_from_kill_at_a_point(spark, given_state, copied, point):
    assert_recovers_from_point(spark, given_state, copied, point)


@pytest.mark.long
@pytest.mark.fault("kill at a commit or during a write")
@pytest.mark.parametrize("point", [point for point in POINTS if point not in SHORT])
def test_next_run_recovers_from_kill_at_any_point(spark, given_state, copied, point):
    assert_recovers_from_point(spark, given_state, copied, point)


@pytest.mark.fault("kill of the stream without Dagster")
@pytest.mark.parametrize("moment", FEW)
def test_next_run_recovers_from_kill_at_a_random_moment(spark, given_state, copied, moment):
    assert_recovers_from_moment(spark, given_state, copied, moment)


@pytest.mark.long
@pytest.mark.fault("kill of the stream without Dagster")
@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment not in FEW])
def test_next_run_recovers_from_kill_at_many_random_moments(spark, given_state, copied, moment):
    assert_recovers_from_moment(spark, given_state, copied, moment)
