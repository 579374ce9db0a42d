"""Alerts: what runs report becomes one message per incident at a real receiver on loopback."""

import json
import logging

import dagster as dg
import pytest

from amazon_reviews.alerts.destinations import Alerting
from amazon_reviews.defs.alerts import send_alerts
from amazon_reviews.errors import BuildError
from amazon_reviews.redaction import HIDDEN, redacted
from amazon_reviews_tests.ports import free_port

UI = "http://ui.example"
BROKEN: dict[str, str] = {}
"""The reasons of the partitions, checks and steps that fail now, by name."""
PARTS = dg.StaticPartitionsDefinition(["part_2", "part_10", "part_11"])


@dg.asset(
    key=["silver", "reviews"],
    partitions_def=PARTS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("accounted", asset=["silver", "reviews"], blocking=True)],
)
def reviews(context):
    failed = [name for name in context.partition_keys if name in BROKEN]
    if failed:
        for name in set(context.partition_keys) - set(failed):
            context.log_event(dg.AssetMaterialization(context.asset_key, partition=name))
        raise dg.Failure("; ".join(f"{name}: {BROKEN[name]}" for name in failed))
    check = dg.AssetCheckResult(
        passed="accounted" not in BROKEN, description=BROKEN.get("accounted")
    )
    return dg.MaterializeResult(check_results=[check])


@dg.asset(key=["gold", "products"])
def products():
    if "products" in BROKEN:
        raise BuildError(BROKEN["products"])


@dg.asset(key=["gold", "reviews"], deps=[products])
def below():
    pass


@dg.asset_check(asset=products)
def drift():
    severity = dg.AssetCheckSeverity.WARN
    reason = BROKEN.get("drift")
    return dg.AssetCheckResult(passed=not reason, severity=severity, description=reason)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(name, asset=["gold", "reviews"], blocking=True)
        for name in ("schema", "unique")
    ]
)
def rules():
    for name in ("schema", "unique"):
        yield dg.AssetCheckResult(
            check_name=name, asset_key=["gold", "reviews"], passed=name not in BROKEN
        )


@dg.op
def tidy():
    if "tidy" in BROKEN:
        raise BuildError(BROKEN["tidy"])


@dg.job
def maintain_tables():
    tidy()


DEFS = dg.Definitions(
    [reviews, products, below], asset_checks=[drift, rules], jobs=[maintain_tables]
)
ALL = DEFS.resolve_implicit_global_asset_job_def()


@pytest.fixture(autouse=True)
def whole():
    BROKEN.clear()


class Watched:
    """An instance whose alerts go to a receiver."""

    def __init__(self, instance, *addresses, per_hour=20):
        self.instance = instance
        self.alerting = Alerting(addresses, per_hour, UI)
        self.look()

    def look(self, evaluations=()):
        return send_alerts(self.instance, [*evaluations], self.alerting, wait_seconds=0)

    def materialize(self, *keys, partitions=None):
        tags = {}
        if partitions:
            first, last = partitions[0], partitions[-1]
            start, end = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
            tags = {start: first, end: last}
        return ALL.execute_in_process(
            asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
            instance=self.instance,
            tags=tags,
            raise_on_error=False,
        )

    @property
    def state(self):
        key = "amazon_reviews/alerts"
        return json.loads(self.instance.daemon_cursor_storage.get_cursor_values({key})[key])


@pytest.fixture
def watched(receiver):
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(instance, receiver.url)


def test_failed_partitions_are_one_alert_and_one_when_they_are_built(watched, receiver):
    BROKEN.update(part_2="the gzip file breaks off", part_10="the gzip file breaks off")
    run = watched.materialize("silver/reviews", partitions=["part_2", "part_10"])

    assert watched.look() == ["open incidents: 2"]
    (alert,) = receiver.take()
    reason = "part_2: the gzip file breaks off; part_10: the gzip file breaks off"
    link = f"{UI}/runs/{run.run_id}"
    assert alert.pop("since") > 0
    assert alert == {
        "title": "failed: silver/reviews, part_2, part_10",
        "text": f"{reason}\n\n{link}\n\nRun: amazon-reviews run",
        "status": "failed",
        "asset": "silver/reviews",
        "partitions": ["part_2", "part_10"],
        "check": "",
        "reason": reason,
        "link": link,
        "command": "amazon-reviews run",
        "incidents": 2,
    }

    watched.materialize("silver/reviews", partitions=["part_2"])
    watched.look()
    assert receiver.take() == []

    del BROKEN["part_2"]
    watched.materialize("silver/reviews", partitions=["part_2"])
    assert watched.look() == ["open incidents: 1"]
    (over,) = receiver.take()
    assert (over["status"], over["partitions"]) == ("resolved", ["part_2"])
    assert over["reason"].startswith("was: part_2: the gzip file")


def test_a_failed_blocking_check_is_one_alert_and_the_step_is_none(watched, receiver):
    BROKEN["accounted"] = "unbalanced: part_11"
    watched.materialize("silver/reviews", partitions=["part_11"])
    watched.look()

    (alert,) = receiver.take()
    assert (alert["status"], alert["check"], alert["reason"]) == (
        "failed",
        "accounted",
        "unbalanced: part_11",
    )
    assert alert["link"] == f"{UI}/assets/silver/reviews?view=checks&checkDetail=accounted"
    assert alert["command"] == "amazon-reviews reconcile"


def test_a_failed_blocking_check_of_a_step_of_its_own_is_one_alert(watched, receiver):
    BROKEN["unique"] = ""
    watched.materialize("gold/products", "gold/reviews")
    watched.look()

    (alert,) = receiver.take()
    assert (alert["asset"], alert["check"], alert["reason"]) == ("gold/reviews", "unique", "failed")
    assert alert["command"] == "amazon-reviews run --rebuild gold/reviews"


def test_a_check_that_warns_is_a_warning_until_it_passes(watched, receiver):
    BROKEN["drift"] = "0.4 is above 0.2"
    watched.materialize("gold/products")
    watched.look()
    BROKEN.clear()
    watched.materialize("gold/products")
    watched.look()

    assert [alert["status"] for alert in receiver.take()] == ["warning", "resolved"]


@pytest.mark.long
def test_what_failed_and_was_repaired_between_two_looks_is_no_alert(watched, receiver):
    BROKEN["products"] = "no room"
    watched.materialize("gold/products")
    BROKEN.clear()
    watched.materialize("gold/products")

    assert watched.look() == ["open incidents: 0"]
    assert receiver.take() == []


def test_the_assets_below_a_failed_one_are_no_alerts(watched, receiver):
    BROKEN["products"] = "no room"
    watched.materialize("gold/products", "gold/reviews")
    watched.look()

    (alert,) = receiver.take()
    assert (alert["asset"], alert["reason"]) == ("gold/products", "no room")


@pytest.mark.long
def test_a_failed_job_without_assets_is_an_alert_until_it_succeeds(watched, receiver):
    BROKEN["tidy"] = "the disk is full"
    maintain_tables.execute_in_process(instance=watched.instance, raise_on_error=False)
    watched.look()
    BROKEN.clear()
    maintain_tables.execute_in_process(instance=watched.instance)
    watched.look()

    failed, over = receiver.take()
    assert (failed["asset"], failed["reason"]) == ("job maintain_tables", "the disk is full")
    assert failed["command"].endswith("-j maintain_tables")
    assert over["status"] == "resolved"


@pytest.mark.parametrize("retried", [False, True])
def test_a_run_whose_process_died_is_an_alert_unless_it_is_retried(watched, receiver, retried):
    tags = {"dagster/will_retry": "true"} if retried else {}
    run = watched.instance.create_run_for_job(
        ALL.get_subset(asset_selection={dg.AssetKey(["gold", "products"])}), tags=tags
    )
    watched.instance.report_run_failed(run, "The process that ran it was killed or died.")
    watched.look()

    alerts = receiver.take()
    if retried:
        assert alerts == []
    else:
        (alert,) = alerts
        assert alert["asset"] == "gold/products"
        assert alert["reason"] == "The process that ran it was killed or died."


def test_a_receiver_that_is_down_is_tried_again_a_limited_number_of_times(
    watched, receiver, monkeypatch
):
    clock = [1e10]
    monkeypatch.setattr("amazon_reviews.defs.alerts.time.time", lambda: clock[0])
    BROKEN["products"] = "no room"
    watched.materialize("gold/products")
    receiver.statuses = [503] * 9

    problem = "destination 1 accepts no alert (503); the alert is tried again"
    assert watched.look() == ["open incidents: 1", problem]
    assert watched.look() == ["open incidents: 1"]
    waits = []
    while watched.state["deliveries"]:
        waits.append(watched.state["deliveries"][0]["not_before"] - clock[0])
        clock[0] += waits[-1]
        *_, problem = watched.look()

    assert problem.endswith("the alert is given up")
    assert [wait / 60 for wait in waits] == [1, 2, 4, 8, 16, 32, 64]
    assert len(receiver.statuses) == 1


@pytest.mark.long
def test_open_incidents_survive_a_restart(tmp_path, receiver):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        watched = Watched(instance, receiver.url)
        BROKEN["products"] = "no room"
        watched.materialize("gold/products")
        watched.look()
        assert [alert["status"] for alert in receiver.take()] == ["failed"]

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        again = Watched(instance, receiver.url)
        again.materialize("gold/products")
        again.look()
        assert receiver.take() == []
        BROKEN.clear()
        again.materialize("gold/products")
        again.look()
        assert [alert["status"] for alert in receiver.take()] == ["resolved"]


def test_an_unreachable_receiver_gets_the_alert_later_and_others_get_it_now(receiver, monkeypatch):
    clock = [1e10]
    monkeypatch.setattr("amazon_reviews.defs.alerts.time.time", lambda: clock[0])
    with dg.DagsterInstance.ephemeral() as instance:
        nobody = f"http://127.0.0.1:{free_port()}/nobody"
        watched = Watched(instance, nobody, receiver.url)
        BROKEN["products"] = "no room"
        watched.materialize("gold/products")
        _, problem = watched.look()
        assert problem.startswith("destination 1 accepts no alert (ConnectionError)")
        assert len(receiver.take()) == 1

        clock[0] += 60
        Watched(instance, receiver.url, receiver.url)
        assert len(receiver.take()) == 1


def test_without_an_address_nothing_is_read_or_stored(receiver):
    with dg.DagsterInstance.ephemeral() as instance:
        text = send_alerts(instance, [], Alerting((), 20, UI), wait_seconds=0)

        assert text == ["alerts are off: AMAZON_REVIEWS_ALERTS is not set"]
        assert not instance.daemon_cursor_storage.get_cursor_values({"amazon_reviews/alerts"})


def test_a_look_without_new_runs_reads_no_run_and_writes_nothing(watched, monkeypatch):
    watched.materialize("gold/products")
    watched.look()
    monkeypatch.delattr(dg.DagsterInstance, "get_run_by_id")
    storage = type(watched.instance.daemon_cursor_storage)
    monkeypatch.setattr(storage, "set_cursor_values", None)

    assert watched.look() == ["open incidents: 0"]


def test_texts_of_the_data_do_nothing_in_an_alert(watched, receiver):
    BROKEN["products"] = "<!channel> @everyone \u202egnp.exe [x](http://evil)\x1b[31m"
    watched.materialize("gold/products")
    watched.look()

    (alert,) = receiver.take()
    shown = "<!channel> @everyone \\u202egnp.exe [x](http://evil)\\x1b[31m"
    assert alert["reason"] == shown
    assert alert["text"].startswith(f"` {shown} `\n")


def test_the_address_of_a_destination_is_in_no_text(receiver, monkeypatch, caplog):
    addresses = [receiver.url, f"json://{receiver.host}/hook/s3cr3tKey0fTheHook", "nonsense://x/y"]
    monkeypatch.setenv("AMAZON_REVIEWS_ALERTS", " ".join(addresses))
    with dg.DagsterInstance.ephemeral() as instance, caplog.at_level(logging.DEBUG):
        watched = Watched(instance, *addresses)
        receiver.statuses = [500, 500]
        BROKEN["products"] = f"cannot reach {receiver.url}"
        watched.materialize("gold/products")
        texts = watched.look()

    assert len(texts) == 4
    assert "s3cr3tKey0fTheHook" not in " ".join(texts)
    assert "s3cr3tKey0fTheHook" not in redacted(caplog.text)
    assert "s3cr3tKey0fTheHook" not in repr(watched.alerting)
    assert HIDDEN in redacted(f"POST {receiver.url} failed")


def test_a_service_of_apprise_gets_title_and_text(receiver):
    with dg.DagsterInstance.ephemeral() as instance:
        watched = Watched(instance, f"json://{receiver.host}/through-apprise")
        BROKEN["products"] = "no room"
        watched.materialize("gold/products")

        assert watched.look() == ["open incidents: 1"]

    (alert,) = receiver.take()
    assert receiver.paths == ["/through-apprise"]
    assert alert["title"] == "failed: gold/products"
    assert alert["message"].startswith("no room\n\n")
    assert alert["type"] == "failure"
