"""Captures in Dagster: the plan, headless runs, the sensor, and the check of gaps."""

from pathlib import Path

import pytest

from amazon_reviews import config
from amazon_reviews.defs.landing_sensor import landing_sensor
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.resources.landing.zone import CAPTURE_FOLDER
from amazon_reviews_tests.captures import capture, enqueued, record
from amazon_reviews_tests.dagster.project import Project, failed_steps
from amazon_reviews_tests.helpers import event, rows

EVENTS = "bronze/review_events"
DAY = "2024/05/06"


def events(numbers):
    return [record(number, event(reviewText=f"Text {number}.")) for number in numbers]


@pytest.fixture
def streaming(tmp_path, spark, monkeypatch):
    """A project with a hub of one partition, and the emulator."""
    with EventHubEmulator({"reviews": 1}) as server:
        address = server.connection_string("reviews")
        monkeypatch.setenv(config.EVENT_HUB, address)
        yield Project(tmp_path, **{config.EVENT_HUB: address}), server


def requests_of(project, tick):
    return [
        (request, request.run_config.get("ops", {}))
        for request in tick.run_requests or []
        if "review_events" in str(request.asset_selection)
    ]


def test_captures_alone_reach_gold(tmp_path, spark):
    project = Project(tmp_path)
    capture(project.landing, "shop/reviews", [*events(range(3)), record(3, b"no json")])
    (work,) = [w for w in project.headless().plan().work if w.key == EVENTS]
    assert work.reason == "1 capture file is new in the landing zone"

    outcome = project.run()

    assert outcome.failures == []
    gold = rows(project.lakehouse, "gold/reviews", "review_text", "source", "partition")
    assert gold == [(f"Text {number}.", "stream", "stream") for number in range(3)]
    assert len(rows(project.lakehouse, "silver/rejected", "reason")) == 1
    metadata = project.metadata(EVENTS)[None]
    assert (metadata["capture_files"], metadata["captured_events"]) == (1, 4)
    assert project.run().nothing_new


def test_damaged_capture_fails_the_run_and_the_rest_reaches_gold(streaming):
    project, server = streaming
    name = f"127.0.0.1:{server.port}/reviews"
    capture(project.landing, name, events(range(2)), time=f"{DAY}/12/00/00")
    damaged = capture(project.landing, name, events(range(5, 7)), time=f"{DAY}/12/05/00")
    damaged.write_bytes(damaged.read_bytes()[:-5])
    for number in range(4):
        body = event(reviewText=f"Text {number}.")
        server.append("reviews", "0", body, enqueued_time=enqueued(number))

    (failure,) = project.run().failures

    assert "12/05/00.avro" in failure
    texts = rows(project.lakehouse, "gold/reviews", "review_text")
    assert texts == [(f"Text {number}.",) for number in range(4)]


@pytest.mark.long
def test_captured_events_turn_the_check_of_gaps_green(streaming):
    project, server = streaming
    for number in range(5):
        body = event(reviewText=f"Text {number}.")
        server.append("reviews", "0", body, enqueued_time=enqueued(number))
        if number == 0:
            assert project.run().failures == []
    server.trim("reviews", "0", 4)
    (failure,) = project.run().failures
    assert failure.startswith("bronze/review_events: check no_gaps failed: 3 events are lost")

    capture(project.landing, f"127.0.0.1:{server.port}/reviews", events(range(5)))
    assert project.run().failures == []

    assert project.check(EVENTS)["no_gaps"].passed
    assert len(rows(project.lakehouse, "gold/reviews", "review_id")) == 5
    assert project.run().nothing_new


def test_landing_sensor_asks_for_captures_once_and_not_for_events(streaming):
    project, server = streaming
    server.append("reviews", "0", b"{}")
    first = project.tick(landing_sensor)
    assert requests_of(project, first) == []

    capture(project.landing, "shop/reviews", events(range(2)))
    second = project.tick(landing_sensor, first.cursor)

    ((request, ops),) = requests_of(project, second)
    assert ops == {"bronze__review_events": {"config": {"captures_only": True}}}
    assert requests_of(project, project.tick(landing_sensor, second.cursor)) == []
    assert failed_steps(project.execute(request, "__ASSET_JOB")) == {}
    hubs = {hub for (hub,) in rows(project.lakehouse, EVENTS, "hub")}
    assert hubs == {"shop.servicebus.windows.net/reviews"}
    assert requests_of(project, project.tick(landing_sensor, second.cursor)) == []
    capture(project.landing, "shop/reviews", events(range(2, 4)), time=f"{DAY}/13/00/00")
    assert len(requests_of(project, project.tick(landing_sensor, second.cursor))) == 1


def test_unmatched_capture_is_named_by_the_run(tmp_path, spark):
    project = Project(tmp_path)
    path = Path(project.settings.landing, CAPTURE_FOLDER, "reviews", "0.avro")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")

    (failure,) = project.run().failures

    assert failure.startswith("event_hubs_capture/reviews/0.avro is not read")
    assert config.CAPTURE_NAMES in failure
