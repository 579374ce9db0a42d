"""The stream in Dagster: what the sensor asks for, what runs do, what the checks say."""

import json
import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pytest

from amazon_reviews import config
from amazon_reviews.defs.event_hub_sensor import STREAM_JOB, event_hub_sensor
from amazon_reviews.defs.resources import places_of
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.restore import restore
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.resources.lakehouse.restore import unpin
from amazon_reviews.resources.lakehouse.tables import row_count
from amazon_reviews_tests.dagster.project import Project, failed_steps, start_run
from amazon_reviews_tests.helpers import review, upload


def body(number):
    fields = review(reviewText=f"Text {number}.", overall="4.0", verified="true")
    return json.dumps({key: fields[key] for key in fields if key != "unixReviewTime"}).encode()


@pytest.fixture(scope="module")
def server():
    with EventHubEmulator({"reviews": 4}) as server:
        yield server


@pytest.fixture
def streaming(tmp_path, spark, server, monkeypatch):
    """A project whose hub has just been made again, with four empty partitions."""
    server.recreate("reviews")
    monkeypatch.setenv(config.EVENT_HUB, server.connection_string("reviews"))
    hub = {config.EVENT_HUB: server.connection_string("reviews")}
    return Project(tmp_path, AMAZON_REVIEWS_STREAM_EVENTS="5", **hub)


def tick(project, cursor=None):
    hub = project.defs.resources["event_hub"]
    resources = {"event_hub": hub, "lakehouse": project.lakehouse}
    with dg.build_sensor_context(
        instance=project.instance, cursor=cursor, resources=resources
    ) as context:
        return event_hub_sensor(context)


def asked(result):
    return [
        request.run_config["ops"]["bronze__review_events"]["config"]["ranges"]
        for request in result.run_requests or []
    ]


def gold(project, columns="count(*)"):
    table = duckdb.arrow(project.lakehouse.delta("gold/reviews").to_pyarrow_table())
    return table.query("gold", f"SELECT {columns} FROM gold").fetchall()


def test_streaming_is_off_without_a_hub_and_the_sensor_says_why(empty):
    sensor = next(s for s in empty.defs.sensors if s.name == "event_hub_sensor")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert sensor.description.startswith("Off: AMAZON_REVIEWS_EVENT_HUB is not set.")
    # It was switched on all the same.
    assert empty.tick(sensor).skip_message == "AMAZON_REVIEWS_EVENT_HUB is not set"
    assert sensor.minimum_interval_seconds == 3_600

    assert empty.materialize("bronze/review_events", "silver/streamed_reviews").success
    assert empty.metadata("bronze/review_events")[None]["streaming"] == "off: no hub is set"
    assert empty.check("bronze/review_events")["lag_bound"].passed


def test_few_events_wait_for_the_time_limit(streaming, server):
    server.append("reviews", "0", body(1), body(2))

    result = tick(streaming)

    assert not result.run_requests
    assert result.skip_reason.skip_message == "2 events wait, the first for 0 s"
    later = json.dumps({"waiting_since": time.time() - 60})
    assert asked(tick(streaming, later)) == [{"0": "0-1"}]


def test_enough_events_are_requested_at_once_by_sequence_number(streaming, server):
    server.append("reviews", "0", *map(body, range(4)))
    server.append("reviews", "3", body(9), b"no json")

    result = tick(streaming)

    assert asked(result) == [{"0": "0-3", "3": "0-1"}]
    assert result.cursor == "{}"


def test_requested_run_brings_events_to_gold_once(streaming, server):
    server.append("reviews", "0", *map(body, range(4)))
    server.append("reviews", "3", body(3), b"no json")
    result = tick(streaming)
    server.append("reviews", "3", body(50))

    (request,) = result.run_requests
    run = streaming.execute(request, STREAM_JOB.name)

    assert failed_steps(run) == {}
    assert gold(streaming, "count(*), count(DISTINCT review_id), any_value(source)") == [
        (4, 4, "stream")
    ]
    assert streaming.metadata("bronze/review_events")[None]["events_read"] == 6
    assert streaming.metadata("bronze/review_events")[None]["lag_events"] == 1
    assert streaming.metadata("silver/streamed_reviews")[None]["rejected_not_json"] == 1
    assert streaming.metadata("gold/reviews")["stream"]["dagster/partition_row_count"] == 4
    assert not tick(streaming).run_requests
    assert streaming.execute(request, STREAM_JOB.name).success
    assert gold(streaming) == [(4,)]


def test_no_second_run_is_requested_while_one_is_running(streaming, server):
    server.append("reviews", "1", *map(body, range(5)))
    streaming.instance.create_run_for_job(
        streaming.defs.resolve_job_def(STREAM_JOB.name), status=dg.DagsterRunStatus.STARTED
    )

    assert not tick(streaming).run_requests


@pytest.mark.parametrize(
    ("key", "partition", "is_asked_for"),
    [
        ("gold/reviews", "stream", False),
        ("silver/streamed_reviews", "", False),
        ("gold/reviews", "partition_1", True),
    ],
)
def test_events_wait_for_other_runs_that_build_their_tables(
    streaming, server, key, partition, is_asked_for
):
    server.append("reviews", "1", *map(body, range(5)))
    tags = {"dagster/partition": partition} if partition else {}
    start_run(streaming.instance, key, status=dg.DagsterRunStatus.QUEUED, tags=tags)

    assert bool(tick(streaming).run_requests) is is_asked_for


def test_a_headless_run_reads_up_to_the_head_and_then_finds_nothing_new(streaming, server):
    upload(streaming.landing, "amazon_reviews", "partition_1", review(reviewText="Text 1."))
    server.append("reviews", "2", body(1), body(2), body(2))

    outcome = streaming.run()

    assert outcome.failures == []
    rows = gold(streaming, "partition, source, reviewed_on IS NULL")
    assert sorted(rows) == [
        ("partition_1", "batch", False),
        ("stream", "stream", True),
        ("stream", "stream", True),
    ]
    assert streaming.run().nothing_new
    server.append("reviews", "2", body(3))
    names = [stage.name for stage, _ in streaming.run().stages]
    assert "bronze/review_events" in names
    assert "gold/reviews" in names
    assert gold(streaming, "count(DISTINCT review_id)") == gold(streaming)


def test_events_that_a_killed_run_left_in_bronze_reach_gold(streaming, server):
    assert streaming.run().failures == []
    server.append("reviews", "0", *map(body, range(5)))
    receive(streaming.defs.resources["event_hub"], streaming.lakehouse)

    outcome = streaming.run()

    assert outcome.failures == []
    assert gold(streaming) == [(5,)]
    assert streaming.run().nothing_new


@pytest.mark.long
def test_review_of_a_later_file_replaces_the_streamed_one(streaming, server):
    same = review(reviewText="Text 1.", overall=4.0)
    server.append("reviews", "0", body(1))
    assert streaming.run().failures == []
    assert gold(streaming, "source, reviewed_on") == [("stream", None)]

    upload(streaming.landing, "amazon_reviews", "partition_1", same)
    assert streaming.run().failures == []

    ((source, partition, day),) = gold(streaming, "source, partition, reviewed_on")
    assert (source, partition, str(day)) == ("batch", "partition_1", "2016-09-01")


@pytest.mark.long
def test_a_hub_that_cannot_be_reached_fails_the_run_and_names_the_hub(tmp_path, spark, monkeypatch):
    secret = "c2VjcmV0"
    address = (
        "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=reader;"
        f"SharedAccessKey={secret};EntityPath=reviews;UseDevelopmentEmulator=true"
    )
    monkeypatch.setenv(config.EVENT_HUB, address)
    project = Project(tmp_path, **{config.EVENT_HUB: address})

    outcome = project.run()

    (failure,) = outcome.failures
    assert "127.0.0.1:1/reviews" in failure
    assert config.EVENT_HUB in failure
    assert secret not in failure


@pytest.mark.long
def test_the_lag_is_checked_against_its_bound(streaming, server):
    hours_ago = datetime.now(UTC) - timedelta(hours=3)
    server.append("reviews", "0", body(1), enqueued_time=hours_ago)
    assert streaming.run().failures == []
    assert streaming.check("bronze/review_events")["lag_bound"].passed
    server.append("reviews", "0", body(2))

    found = streaming.check("bronze/review_events")["lag_bound"]

    assert not found.passed
    assert found.metadata["lag_events"].value == 1
    assert found.metadata["lag_seconds"].value > 3 * 3600
    assert found.description == "hub partitions above 900 s: 0"


@pytest.mark.long
def test_lost_events_fail_a_check_until_somebody_accepts_it(streaming, server):
    server.append("reviews", "0", body(1))
    assert streaming.run().failures == []
    server.append("reviews", "0", body(2), body(3), body(4))
    server.trim("reviews", "0", 3)

    (failure,) = streaming.run().failures
    assert failure.startswith("bronze/review_events: check no_gaps failed: 2 events are lost")

    found = streaming.check("bronze/review_events")["no_gaps"]
    assert not found.passed
    assert found.metadata["lost_events"].value == 2
    job = streaming.defs.resolve_job_def("acknowledge_event_gaps")
    assert job.execute_in_process(instance=streaming.instance).success
    assert streaming.check("bronze/review_events")["no_gaps"].passed


@pytest.mark.long
def test_gold_with_the_stream_can_be_materialized_as_one_range(streaming, server):
    upload(streaming.landing, "amazon_reviews", "partition_1", review())
    server.append("reviews", "0", body(1))
    assert streaming.run().failures == []

    assert streaming.materialize("gold/reviews", partitions=["partition_1", "stream"]).success

    assert gold(streaming) == [(2,)]


@pytest.mark.parametrize("text", ["5", "a-b", "9-"])
def test_malformed_range_is_an_error_with_its_name(streaming, text):
    config = {"ops": {"bronze__review_events": {"config": {"ranges": {"0": text}}}}}
    request = dg.RunRequest(run_config=config, partition_key="stream")
    streaming.instance.add_dynamic_partitions("gold_reviews", ["stream"])

    (said,) = failed_steps(streaming.execute(request, STREAM_JOB.name)).values()

    assert f"ranges: 0: '{text}' is not first-last" in said


@pytest.mark.long
def test_events_wait_before_pinned_gold_and_reach_it_once_when_it_is_unpinned(streaming, server):
    server.append("reviews", "0", *map(body, range(5)))
    assert not streaming.run().failures
    version = streaming.lakehouse.version("gold/reviews")
    server.append("reviews", "0", *map(body, range(5, 10)))
    assert not streaming.run().failures
    assert gold(streaming) == [(10,)]

    restore(places_of(streaming.settings), "gold/reviews", version)
    server.append("reviews", "0", *map(body, range(10, 15)))
    (request,) = tick(streaming).run_requests
    assert failed_steps(streaming.execute(request, STREAM_JOB.name)) == {}

    assert gold(streaming) == [(5,)]
    events = streaming.lakehouse.delta("bronze/review_events")
    assert (
        row_count(events) == row_count(streaming.lakehouse.delta("silver/streamed_reviews")) == 15
    )
    assert not tick(streaming).run_requests

    assert unpin(streaming.lakehouse, "gold/reviews")
    assert not streaming.run().failures
    assert gold(streaming, "count(*), count(DISTINCT review_id)") == [(15, 15)]
    assert all(row.balanced for row in reconcile_all(streaming.lakehouse))
