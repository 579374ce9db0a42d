"""The health of what no run may look at for long, and alerts of it and of what runs report.

The sensor and the headless run do the same. The state of alerts is in Dagster's own storage, as
it holds positions in the event log. Checks of lag, lost events and freshness depend on the time and
on the hub, so they are judged here too, without a run.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import ValidationError

from amazon_reviews.alerts.destinations import Alerting, send
from amazon_reviews.alerts.incidents import Incident, Incidents
from amazon_reviews.defs.checks.freshness import judge_freshness
from amazon_reviews.defs.checks.streaming import judge_gaps, judge_lag
from amazon_reviews.defs.run_incidents import add_verdict, read_new_runs
from amazon_reviews.errors import AmazonReviewsError, one_line, shortened
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse

_OFF = "alerts are off: AMAZON_REVIEWS_ALERTS is not set"

_STATE = "amazon_reviews/alerts"
_LAG = dg.AssetCheckKey(dg.AssetKey(["bronze", "review_events"]), "lag_bound")
_GAPS = dg.AssetCheckKey(dg.AssetKey(["bronze", "review_events"]), "no_gaps")
_FRESH = dg.AssetCheckKey(dg.AssetKey(["gold", "freshness"]), "fresh")
# A tick of a sensor has a minute, of which a dead destination may use one attempt.
_MOST_SECONDS = 20


def watch_health(
    instance: dg.DagsterInstance,
    event_hub: EventHub,
    lakehouse: Lakehouse,
    fresh_hours: int,
    alerting: Alerting,
    *,
    wait_seconds: float,
    commands: Mapping[str, str] | None = None,
) -> list[str]:
    """Judge lag, lost events and freshness, then send alerts; `commands` are of `send_alerts`.

    Return the state in a few words, then a text for each thing that is wrong with this itself.
    """
    problems = []
    evaluations: list[dg.AssetCheckEvaluation] = []
    try:
        evaluations = report_health(instance, event_hub, lakehouse, fresh_hours)
    except AmazonReviewsError as error:
        # Alerts of runs go out all the more.
        problems = [f"freshness, lag and lost events cannot be judged: {one_line(error)}"]
    state = send_alerts(
        instance, evaluations, alerting, wait_seconds=wait_seconds, commands=commands
    )
    return state + problems


def report_health(
    instance: dg.DagsterInstance, event_hub: EventHub, lakehouse: Lakehouse, fresh_hours: int
) -> list[dg.AssetCheckEvaluation]:
    """Judge lag, lost events and freshness; store and return the results.

    A result is stored if it differs from the newest one, so that ticks add nothing to the storage.
    """
    results = {
        _LAG: judge_lag(event_hub, lakehouse),
        _GAPS: judge_gaps(lakehouse),
        _FRESH: judge_freshness(lakehouse, fresh_hours),
    }
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key([*results])
    evaluations = []
    for key, result in results.items():
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=result.passed,
            metadata=result.metadata,
            severity=result.severity,
            description=result.description,
            blocking=False,
        )
        evaluations.append(evaluation)
        before = newest[key].evaluation if key in newest else None
        # A run that is under way, or has died, only planned to judge it.
        known = (
            (before.passed, before.description)
            if isinstance(before, dg.AssetCheckEvaluation)
            else None
        )
        # Before the first build there is nothing that could pass.
        if (result.passed, result.description) != known and (key in newest or not result.passed):
            instance.report_runless_asset_event(evaluation)
    return evaluations


def send_alerts(
    instance: dg.DagsterInstance,
    evaluations: list[dg.AssetCheckEvaluation],
    alerting: Alerting,
    *,
    wait_seconds: float,
    commands: Mapping[str, str] | None = None,
) -> list[str]:
    """Tell the destinations of new incidents and of those that ended.

    `commands` are command lines that ended, each with the reason of a failure that no event of a
    run reports, or with "".

    Return the state in a few words, then a text for each destination that accepts nothing. While
    another process does the same, this one waits, and then leaves it to that one.
    """
    if not alerting.addresses:
        return [_OFF]
    lock = FileLock(Path(instance.root_directory) / "alerts.lock", fallback_to_soft=False)
    try:
        with lock.acquire(timeout=wait_seconds):
            return [*_send(instance, evaluations, alerting, commands or {})]
    except Timeout:
        return ["another process sends alerts now"]


def _send(
    instance: dg.DagsterInstance,
    evaluations: list[dg.AssetCheckEvaluation],
    alerting: Alerting,
    commands: Mapping[str, str],
) -> Iterator[str]:
    storage = instance.daemon_cursor_storage
    stored = storage.get_cursor_values({_STATE}).get(_STATE, "{}")
    try:
        incidents = Incidents.model_validate_json(stored)
    except ValidationError:
        # Of another release.
        incidents = Incidents()
    now = time.time()
    read_new_runs(instance, incidents, alerting.dagster_url)
    for evaluation in evaluations:
        add_verdict(incidents, evaluation, now, alerting.dagster_url)
    for command, reason in commands.items():
        if reason:
            incidents.report(_of_command(command, reason, now))
        else:
            incidents.resolve(command, "", "", now)
    incidents.compose(now, alerting.per_hour, len(alerting.addresses))
    # Before anything is sent: a process that dies afterwards repeats few messages.
    stored = _store(instance, incidents, stored)
    problems = [*_deliver(incidents, alerting.addresses)]
    _store(instance, incidents, stored)
    yield f"open incidents: {len(incidents.failing)}"
    yield from problems


def send_without_state(command: str, reason: str, alerting: Alerting) -> list[str]:
    """Announce the failure of a command that cannot open Dagster's storage, each time.

    Return a text for each destination that accepts nothing.
    """
    incidents = Incidents()
    incidents.report(_of_command(command, reason, time.time()))
    incidents.compose(time.time(), alerting.per_hour, len(alerting.addresses))
    return [*_deliver(incidents, alerting.addresses)]


def _of_command(command: str, reason: str, now: float) -> Incident:
    advice = "amazon-reviews doctor"
    return Incident(asset=command, reason=shortened(reason), link="", command=advice, since=now)


def _store(instance: dg.DagsterInstance, incidents: Incidents, stored: str) -> str:
    text = incidents.model_dump_json()
    if text != stored:
        instance.daemon_cursor_storage.set_cursor_values({_STATE: text})
    return text


def _deliver(incidents: Incidents, addresses: tuple[str, ...]) -> Iterator[str]:
    """Send what is due; yield a text for each destination that does not accept it."""
    started = time.monotonic()
    for number, address in enumerate(addresses):
        for delivery in incidents.due(number, time.time()):
            if time.monotonic() - started > _MOST_SECONDS:
                return
            if not (problem := send(address, delivery.message)):
                incidents.delivered(delivery)
                continue
            given_up = incidents.failed(delivery, time.time())
            what = "is given up" if given_up else "is tried again"
            yield f"destination {number + 1} accepts no alert ({problem}); the alert {what}"
            # What follows would wait as long.
            break
