"""The health sensor and the headless run: freshness, lag and lost events without a run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from amazon_reviews import config
from amazon_reviews.defs import health_sensor as module
from amazon_reviews.defs.checks.freshness import judge_freshness
from amazon_reviews.defs.health_sensor import health_sensor
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.pipeline.stream_gaps import acknowledge_gaps, record_gap
from amazon_reviews.resources.event_hub import Span
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS
from amazon_reviews.schemas.marts import FRESHNESS
from amazon_reviews_tests.dagster.project import Project
from amazon_reviews_tests.helpers import review
from amazon_reviews_tests.test_cli import cli

FRESH = dg.AssetCheckKey(dg.AssetKey(["gold", "freshness"]), "fresh")
LAG = dg.AssetCheckKey(dg.AssetKey(["bronze", "review_events"]), "lag_bound")
TODAY = datetime.now(UTC).date()


@pytest.fixture
def watched(tmp_path, receiver):
    """A project that expects a review a day, and whose alerts go to the receiver."""
    return Project(tmp_path, AMAZON_REVIEWS_FRESH_HOURS="24", AMAZON_REVIEWS_ALERTS=receiver.url)


def newest_review(project, day):
    """Build gold/freshness now, with this day as that of the newest review."""
    row = {"source": "batch", "reviews": 1, "last_on": day}
    project.lakehouse.ensure(FRESHNESS.key)
    rows = pa.Table.from_pylist([row], FRESHNESS.arrow_schema)
    project.lakehouse.write(rows, FRESHNESS.key, replacing=ALL_ROWS)


def tick(project):
    return project.tick(health_sensor).skip_message


def shown(project, key=FRESH):
    """Return the result of a check that the UI shows."""
    records = project.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
    return records[key].evaluation if key in records else None


def test_old_reviews_are_stale_until_a_new_one_arrives(watched, receiver):
    newest_review(watched, TODAY - timedelta(days=9))

    assert tick(watched) == "open incidents: 1"
    stale = shown(watched)
    assert not stale.passed
    assert stale.description == "the newest review or event is older than the limit of 24 hours"
    assert stale.metadata["limit_hours"].value == 24
    assert 8 * 24 <= stale.metadata["age_hours"].value <= 9 * 24
    assert stale.metadata["newest_event"].value > 1e9
    (alert,) = receiver.take()
    assert (alert["status"], alert["asset"], alert["check"]) == (
        "warning",
        "gold/freshness",
        "fresh",
    )
    assert alert["link"].endswith("/assets/gold/freshness?view=checks&checkDetail=fresh")

    # A backfill of 2014.
    watched.instance.report_runless_asset_event(dg.AssetMaterialization(FRESH.asset_key))
    assert tick(watched) == "open incidents: 1"
    assert not shown(watched).passed
    # A tick without news stores nothing.
    storage = watched.instance.event_log_storage
    assert len(storage.get_asset_check_execution_history(FRESH, 10)) == 1

    newest_review(watched, TODAY)
    assert tick(watched) == "open incidents: 0"
    assert shown(watched).passed
    assert [alert["status"] for alert in receiver.take()] == ["resolved"]


def test_finished_data_is_not_applicable_and_never_red(tmp_path):
    project = Project(tmp_path)
    newest_review(project, TODAY - timedelta(days=4_000))

    assert tick(project) == "alerts are off: AMAZON_REVIEWS_ALERTS is not set"
    assert shown(project) is None
    fresh = judge_freshness(project.lakehouse, project.defs.resources["fresh_hours"])
    assert fresh.passed
    assert fresh.description.startswith("not applicable: nothing new is expected")


def test_tick_stays_short_however_much_is_wrong(empty, monkeypatch):
    monkeypatch.setattr(module, "watch_health", lambda *_, **__: ["wrong"] * 10_000)

    text = tick(empty)

    assert text.startswith("wrong; wrong; ")
    assert len(text) <= 1_000


def test_a_check_that_a_dead_run_has_planned_is_judged(watched):
    newest_review(watched, TODAY - timedelta(days=9))
    job = watched.job.get_subset(asset_selection=set(), asset_check_selection={FRESH})
    watched.instance.create_run_for_job(job)

    tick(watched)

    assert not shown(watched).passed


def test_lost_events_are_an_alert_until_they_are_acknowledged(watched, receiver):
    record_gap(watched.lakehouse, "hub", "0", Span(1, 9))
    tick(watched)
    acknowledge_gaps(watched.lakehouse)
    tick(watched)

    lost, over = receiver.take()
    assert (lost["status"], lost["check"]) == ("failed", "no_gaps")
    assert lost["reason"].startswith("9 events are lost")
    assert lost["command"].endswith("-j acknowledge_event_gaps")
    assert over["status"] == "resolved"


@pytest.mark.long
def test_events_that_wait_too_long_are_an_alert_until_they_are_read(tmp_path, receiver):
    hours_ago = datetime.now(UTC) - timedelta(hours=3)
    with EventHubEmulator({"reviews": 1}) as hub:
        address = hub.connection_string("reviews")
        project = Project(
            tmp_path, AMAZON_REVIEWS_ALERTS=receiver.url, **{config.EVENT_HUB: address}
        )
        event_hub = project.defs.resources["event_hub"]
        hub.append("reviews", "0", b"1", enqueued_time=hours_ago)
        receive(event_hub, project.lakehouse)
        hub.append("reviews", "0", b"2")
        tick(project)
        receive(event_hub, project.lakehouse)
        tick(project)

    late, over = receiver.take()
    assert (late["check"], late["reason"]) == ("lag_bound", "hub partitions above 900 s: 0")
    assert over["status"] == "resolved"


@pytest.mark.long
def test_alerts_of_runs_go_out_while_a_table_cannot_be_read(watched, receiver):
    tick(watched)
    newest_review(watched, TODAY)
    for entry in Path(watched.settings.lakehouse, "gold/freshness/_delta_log").glob("*.json"):
        entry.write_text("{")
    run = watched.instance.create_run_for_job(watched.defs.resolve_job_def("maintain_tables"))
    watched.instance.report_run_failed(run, "The process that ran it was killed or died.")

    text = tick(watched)

    assert text.startswith("open incidents: 1; freshness, lag and lost events cannot be judged: ")
    assert [alert["asset"] for alert in receiver.take()] == ["job maintain_tables"]


@pytest.mark.long
def test_a_hub_that_cannot_be_read_is_a_lag_alert(tmp_path, receiver, monkeypatch):
    with EventHubEmulator({"reviews": 1}) as hub:
        address = hub.connection_string("reviews")
    monkeypatch.setenv(config.EVENT_HUB, address)
    project = Project(tmp_path, AMAZON_REVIEWS_ALERTS=receiver.url, **{config.EVENT_HUB: address})

    tick(project)

    (alert,) = receiver.take()
    assert (alert["check"], alert["status"]) == ("lag_bound", "warning")
    assert not shown(project, LAG).passed


@pytest.mark.long
def test_a_headless_run_sends_the_alert_of_a_broken_file_and_its_end(
    tmp_path, spark, receiver, monkeypatch
):
    monkeypatch.setenv("AMAZON_REVIEWS_ALERTS", receiver.url)
    project = Project(tmp_path)
    project.add_file("amazon_reviews", "partition_1", review())
    assert cli(tmp_path, "run", "--select", 'key:"bronze/reviews"').exit_code == 0
    assert receiver.take() == []
    file = project.break_off("amazon_reviews", "partition_1")

    failed = cli(tmp_path, "run", "--select", 'key:"bronze/reviews"')

    assert failed.exit_code == 1
    (alert,) = receiver.take()
    assert (alert["asset"], alert["partitions"]) == ("bronze/reviews", ["partition_1"])
    assert file in alert["reason"]

    receiver.statuses = [500]
    (tmp_path / "landing/amazon_reviews/partition_1" / file).unlink()
    project.add_file("amazon_reviews", "partition_1", review(summary="another"))
    repaired = cli(tmp_path, "run", "--select", 'key:"bronze/reviews"')
    assert repaired.exit_code == 0
    assert "destination 1 accepts no alert (500); the alert is tried again" in repaired.stderr
    key = b"s3cr3tKey0fTheHook"
    assert key not in repaired.output_bytes
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if key in path.read_bytes()]
