"""A process killed while it reads captures: no event is lost or repeated, and gaps are closed."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from amazon_reviews.pipeline.capture import read_captures
from amazon_reviews.pipeline.capture_files import unread_captures
from amazon_reviews.pipeline.stream_gaps import (
    compare_with_captures,
    open_gaps,
    record_gap,
    uncompared_captures,
)
from amazon_reviews.resources.event_hub import EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.captures import capture
from amazon_reviews_tests.helpers import content, rows

HUB = "shop/reviews"
NAME = "shop.servicebus.windows.net/reviews"
EVENTS, GAPS = "bronze/review_events", "bronze/event_gaps"
# Commits of the process: four of events, of four each, then one of gaps.
POINTS = [f"{when} commit {number}" for number in range(1, 6) for when in ("before", "after")]
SHORT = ["after commit 1", "after commit 4", "before commit 5"]

CHILD = """
import os, signal, sys

from amazon_reviews.pipeline import capture
from amazon_reviews.resources.lakehouse import tables as module
from amazon_reviews_tests.pipeline import test_capture_kill

landing, location, when, number = sys.argv[1:]
capture.COMMIT_EVENTS = 4
left = int(number)


def mortal(commit):
    def wrapped(*arguments, **options):
        global left
        left -= 1
        if not left and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = commit(*arguments, **options)
        if not left and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


module.write_deltalake = mortal(module.write_deltalake)
test_capture_kill.take_to_bronze(landing, location)
"""


def take_to_bronze(landing, location):
    """Read captures and close gaps, as a run does."""
    lakehouse = Lakehouse(str(location))
    read_captures(LandingZone(str(landing)), lakehouse, EventHub())
    compare_with_captures(lakehouse, "")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Some events in bronze with a gap, files that are not read, and the tables when they are."""
    folder = tmp_path_factory.mktemp("given")
    landing, before = LandingZone(str(folder / "landing")), Lakehouse(str(folder / "before"))
    capture(landing, HUB, [0, 1, 15], time="2024/05/06/12/00/00")
    take_to_bronze(landing.location, before.location)
    record_gap(before, NAME, "1", Span(0, 2))
    capture(landing, HUB, range(1, 10), time="2024/05/06/12/05/00")
    capture(landing, HUB, range(8, 15), time="2024/05/06/12/10/00")
    capture(landing, HUB, [1], partition="1", time="2024/05/07/12/00/00")
    expected = Lakehouse(str(folder / "expected"))
    shutil.copytree(before.location, expected.location)
    take_to_bronze(landing.location, expected.location)
    assert [(gap["first"], gap["last"]) for gap in open_gaps(expected)] == [(0, 0), (2, 2)]
    return SimpleNamespace(landing=landing, before=before, expected=expected)


def numbers(lakehouse):
    return rows(lakehouse, EVENTS, "hub_partition", "sequence_number", "body")


def assert_recovers_from(given, folder, point):
    lakehouse = Lakehouse(str(folder / "lakehouse"))
    shutil.copytree(given.before.location, lakehouse.location)
    when, _, number = point.split()
    killed = subprocess.Popen(
        [sys.executable, "-c", CHILD, given.landing.location, lakehouse.location, when, number],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )
    _, errors = killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL, f"not killed {point}: {errors}"
    read = numbers(lakehouse)
    assert len(read) == len({*read}), point
    pending = unread_captures(given.landing, lakehouse, EventHub()).days
    assert pending or uncompared_captures(lakehouse, "") or point == POINTS[-1]

    take_to_bronze(given.landing.location, lakehouse.location)

    assert numbers(lakehouse) == numbers(given.expected), point
    times = ("found_at", "acknowledged_at")
    assert content(lakehouse, GAPS, times) == content(given.expected, GAPS, times), point
    assert unread_captures(given.landing, lakehouse, EventHub()).days == ()
    assert uncompared_captures(lakehouse, "") == []


@pytest.mark.fault("kill at a commit or during a write")
@pytest.mark.parametrize("point", SHORT)
def test_next_run_recovers_from_kill_at_a_point(given, tmp_path, point):
    assert_recovers_from(given, tmp_path, point)


@pytest.mark.long
@pytest.mark.fault("kill at a commit or during a write")
@pytest.mark.parametrize("point", [point for point in POINTS if point not in SHORT])
def test_next_run_recovers_from_kill_at_any_point(given, tmp_path, point):
    assert_recovers_from(given, tmp_path, point)
