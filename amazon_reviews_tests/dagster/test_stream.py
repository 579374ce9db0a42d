"""The stream in Dagster: what the sensor asks for, what runs do, what the checks say."""

import json
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace

import dagster as dg
import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from amazon_reviews import config
from amazon_reviews.defs import stream_run
from amazon_reviews.defs.event_hub_sensor import event_hub_sensor
from amazon_reviews.defs.resources import places_of
from amazon_reviews.defs.run_queue import STREAM_JOB
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.restore import restore
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.resources.lakehouse.restore import unpin
from amazon_reviews.resources.lakehouse.tables import row_count
from amazon_reviews_tests.dagster.project import Project, failed_steps, start_run
from amazon_reviews_tests.helpers import review, upload

GOLD_CHECKS = ("unique", "schema", "ranges")


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
    return Project(tmp_path, AMAZON_REVIEWS_STREAM_QUIET_SECONDS="1", **hub)


def tick(project, cursor=None):
    hub = project.defs.resources["event_hub"]
    resources = {"event_hub": hub, "lakehouse": project.lakehouse}
    with dg.build_sensor_context(
        instance=project.instance, cursor=cursor, resources=resources
    ) as context:
        return event_hub_sensor(context)


def run_stream(project, request=None):
    return project.execute(request or dg.RunRequest(), STREAM_JOB)


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


def test_a_stream_run_brings_events_to_gold_once_and_shows_its_progress(streaming, server):
    assert tick(streaming).skip_reason.skip_message == "no new events"
    server.append("reviews", "0", *map(body, range(4)))
    server.append("reviews", "3", body(3), b"no json")

    (request,) = tick(streaming).run_requests
    assert request.tags["amazon_reviews/reason"] == "6 events wait"
    run = run_stream(streaming, request)

    assert failed_steps(run) == {}
    assert gold(streaming, "count(*), count(DISTINCT review_id), any_value(source)") == [
        (4, 4, "stream")
    ]
    bronze = streaming.metadata("bronze/review_events")[None]
    assert (bronze["events_read"], bronze["dagster/row_count"]) == (6, 6)
    assert 0 < bronze["lag_seconds"] < 60
    assert streaming.metadata("silver/streamed_reviews")[None]["rejected_not_json"] == 1
    shown = streaming.metadata("gold/reviews")["stream"]
    assert shown["dagster/partition_row_count"] == 4
    assert shown["lag_seconds"] >= bronze["lag_seconds"]
    evaluations = run.get_asset_check_evaluations()
    assert {(e.asset_key.to_user_string(), e.check_name) for e in evaluations} == {
        *(("bronze/review_events", name) for name in ("lag_bound", "no_gaps")),
        ("silver/streamed_reviews", "accounted"),
        *(("gold/reviews", name) for name in ("accounted", *GOLD_CHECKS)),
    }
    assert all(evaluation.passed for evaluation in evaluations)
    assert tick(streaming).skip_reason.skip_message == "no new events"


def test_a_stream_run_goes_on_in_micro_batches_while_events_come(streaming, server, monkeypatch):
    server.append("reviews", "1", *map(body, range(3)))
    build, more = stream_run.build_gold_reviews, [[body(3)], [body(4), body(0)]]

    def build_and_send(*arguments):
        yield from build(*arguments)
        for events in more[:1]:
            server.append("reviews", "1", *events)
            more.remove(events)

    monkeypatch.setattr(stream_run, "build_gold_reviews", build_and_send)

    assert failed_steps(run_stream(streaming)) == {}

    assert gold(streaming) == [(5,)]
    assert not more
    # The first build is shown at once, and the newest at the end of the run.
    assert streaming.materialized("gold/reviews")["stream"] == 2
    bronze = streaming.metadata("bronze/review_events")[None]
    assert (bronze["events_read"], bronze["dagster/row_count"]) == (3, 6)
    records = streaming.lakehouse.records("gold/reviews")
    assert {records.checks[name][""] for name in GOLD_CHECKS} == {records.versions[""]}
    # Everything is checked and accounted for, so the planner has nothing to do.
    keys = ("bronze/review_events", "silver/streamed_reviews", "gold/reviews")
    assert not streaming.headless(" or ".join(f'key:"{key}"' for key in keys)).plan().work


@pytest.mark.parametrize("limit", ["RUN_EVENTS", "RUN_SECONDS"])
def test_a_stream_run_ends_at_its_limit_and_the_next_one_goes_on(
    streaming, server, tmp_path, limit, monkeypatch
):
    hub = {config.EVENT_HUB: server.connection_string("reviews")}
    settings = {f"AMAZON_REVIEWS_STREAM_{limit}": "1", "AMAZON_REVIEWS_STREAM_EVENTS": "2"}
    project = Project(tmp_path / limit, **hub, **settings)
    server.append("reviews", "1", *map(body, range(3)))
    if limit == "RUN_SECONDS":
        moments = count(0, 10)
        clock = SimpleNamespace(monotonic=lambda: next(moments), sleep=time.sleep)
        monkeypatch.setattr(stream_run, "time", clock)

    assert run_stream(project).success
    assert gold(project) == [(2,)]
    assert run_stream(project).success
    assert gold(project) == [(3,)]


def test_a_failed_check_ends_the_stream_run_and_blocks_what_is_below(streaming, server):
    server.append("reviews", "1", *map(body, range(3)))
    assert run_stream(streaming).success
    server.append("reviews", "1", body(3))
    rows = streaming.lakehouse.delta("gold/reviews").to_pyarrow_table(
        filters=[("partition", "=", "stream")]
    )
    twice = rows.slice(0, 1).set_column(
        rows.column_names.index("partition"), "partition", pa.array(["partition_9"])
    )
    write_deltalake(streaming.lakehouse.delta("gold/reviews"), twice, mode="append")

    (failure,) = failed_steps(run_stream(streaming)).values()

    assert failure == "gold/reviews: check unique failed: 1 review_id occur more than once"
    records = streaming.lakehouse.records("gold/reviews")
    assert records.checks["unique"][""] == -records.versions[""]


def test_no_second_stream_run_is_requested_while_one_goes_on(streaming, server):
    server.append("reviews", "1", *map(body, range(5)))
    streaming.instance.create_run_for_job(
        streaming.defs.resolve_job_def(STREAM_JOB), status=dg.DagsterRunStatus.STARTED
    )

    assert tick(streaming).skip_reason.skip_message == "a stream run takes the events"


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
    ranges = {"ops": {"bronze__review_events": {"config": {"ranges": {"0": text}}}}}

    (said,) = failed_steps(streaming.materialize("bronze/review_events", config=ranges)).values()

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
    assert failed_steps(run_stream(streaming, request)) == {}

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
