"""Incidents in Dagster's event log: failed builds and checks of runs that have ended."""

import shlex
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg

from amazon_reviews.alerts.incidents import Incident, Incidents
from amazon_reviews.errors import OWN_CLASS, shortened
from amazon_reviews.resources.landing.names import natural_order

_ENDS = (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE)
_READ = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}
_WILL_RETRY = "dagster/will_retry"
# Reported by the check itself, and by the person who stopped the run.
_NO_FAILURES = ("DagsterAssetCheckFailedError", "DagsterExecutionInterruptedError")
_PAGE = 1_000
# Reading a run takes some milliseconds, and a tick has a minute.
_MOST_RUNS = 500
_MOST_PARTITIONS = 100
_COMMANDS = {
    "accounted": "amazon-reviews reconcile",
    "drift": "amazon-reviews run --rebuild model/sentiment",
    "every_file_read": "amazon-reviews doctor",
    "fresh": "amazon-reviews run --plan",
    "lag_bound": "amazon-reviews doctor",
    "no_gaps": "dagster job execute -m amazon_reviews.definitions -j acknowledge_event_gaps",
    "rejected_share": "amazon-reviews rejected list",
}
"""The commands that help with a failed check, by its name; for others the table is rebuilt."""


def read_new_runs(instance: dg.DagsterInstance, incidents: Incidents, dagster_url: str) -> None:
    """Open and end incidents by the runs that ended since the last call, at most the newest 500.

    The first call reads nothing: what failed before alerts were switched on is known.
    """
    ended: list[tuple[float, str]] = []
    for end in _ENDS:
        cursor = incidents.cursors.get(end.value)
        if cursor is None:
            incidents.cursors[end.value] = instance.fetch_run_status_changes(end, 1).cursor
            continue
        while True:
            page = instance.fetch_run_status_changes(end, _PAGE, cursor, ascending=True)
            ended += [(record.timestamp, record.run_id) for record in page.records]
            incidents.cursors[end.value] = cursor = page.cursor
            if not page.has_more:
                break
    for _, run_id in sorted(ended)[-_MOST_RUNS:]:
        # Retention may have removed it.
        if run := instance.get_run_by_id(run_id):
            _read(instance, run, incidents, dagster_url)


def add_verdict(
    incidents: Incidents, evaluation: dg.AssetCheckEvaluation, at: float, dagster_url: str
) -> None:
    """Open the incident of a failed check, or end that of one that passed."""
    asset, name = evaluation.asset_key.to_user_string(), evaluation.check_name
    partition = evaluation.partition or ""
    if evaluation.passed:
        incidents.resolve(asset, partition, name, at)
        return
    rebuilt = f"{asset}:{partition}" if partition else asset
    incidents.report(
        Incident(
            asset=asset,
            partition=partition,
            check=name,
            warning=evaluation.severity == dg.AssetCheckSeverity.WARN,
            reason=shortened(evaluation.description or "failed"),
            link=f"{dagster_url}/assets/{asset}?view=checks&checkDetail={name}",
            command=_COMMANDS.get(name, f"amazon-reviews run --rebuild {shlex.quote(rebuilt)}"),
            since=at,
        )
    )


@dataclass
class _Run:
    """The planned outputs and checks of a run, by step, what was built when, and its failures."""

    planned: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    checks: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    built: dict[tuple[str, str], float] = field(default_factory=dict)
    failures: list[tuple[float, dg.DagsterEvent]] = field(default_factory=list)

    def add(self, event: dg.DagsterEvent, at: float) -> None:
        """Take in an event of the run."""
        step = event.step_key or ""
        if event.is_asset_materialization_planned:
            key = _name(event.asset_key)
            self.planned[step] += [(key, name) for name in _planned_partitions(event)]
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            check = event.asset_check_planned_data
            self.checks[step].append((_name(check.asset_key), check.check_name))
        elif event.is_step_materialization:
            self.built[_name(event.asset_key), event.partition or ""] = at
        else:
            self.failures.append((at, event))


def _read(
    instance: dg.DagsterInstance, run: dg.DagsterRun, incidents: Incidents, dagster_url: str
) -> None:
    found = _Run()
    for entry in instance.all_logs(run.run_id, of_type=_READ):
        event = entry.get_dagster_event()
        if event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            found.add(event, entry.timestamp)
            continue
        evaluation = event.asset_check_evaluation_data
        add_verdict(incidents, evaluation, entry.timestamp, dagster_url)
    for (asset, partition), at in found.built.items():
        incidents.resolve(asset, partition, "", at)
        if run.is_success:
            # Of more partitions than have incidents of their own.
            incidents.resolve(asset, "", "", at)
    job = f"job {run.job_name}"
    if run.is_success:
        incidents.resolve(job, "", "", float("inf"))
    elif run.tags.get(_WILL_RETRY) != "true":
        for at, event in found.failures:
            for asset, partition, check, reason in _failed(event, found, job):
                incidents.report(
                    Incident(
                        asset=asset,
                        partition=partition,
                        check=check,
                        reason=reason,
                        link=f"{dagster_url}/runs/{run.run_id}",
                        command=_command(run, asset),
                        since=at,
                    )
                )


def _failed(event: dg.DagsterEvent, run: _Run, job: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield asset, partition, check and reason of what failed; a job without assets is one.

    Of a run that died in no step, and of a step with several assets, that is the first one that
    was not built.
    """
    step = event.step_key or ""
    if event.is_step_failure:
        failure = event.step_failure_data
        error = failure.error and (failure.error.cause or failure.error)
        if failure.error and failure.error.cls_name in _NO_FAILURES:
            return
        own = failure.user_failure_data and failure.user_failure_data.description
        reason = own or OWN_CLASS.sub("", error.message if error else "") or "failed"
        planned, checks = run.planned.get(step, []), run.checks.get(step, [])
    elif len(run.failures) > 1:
        # The failure of the run follows from that of its steps.
        return
    else:
        reason = event.message or "failed"
        planned = [pair for pairs in run.planned.values() for pair in pairs]
        checks = [pair for pairs in run.checks.values() for pair in pairs]
    missing = [pair for pair in planned if pair not in run.built]
    names = natural_order(partition for asset, partition in missing if asset == missing[0][0])
    if missing:
        for partition in names if len(names) <= _MOST_PARTITIONS else [""]:
            yield missing[0][0], partition, "", shortened(reason)
    elif checks and not planned:
        yield checks[0][0], "", checks[0][1], shortened(reason)
    elif not planned:
        yield job, "", "", shortened(reason)


def _command(run: dg.DagsterRun, asset: str) -> str:
    if asset.startswith("job "):
        return f"dagster job execute -m amazon_reviews.definitions -j {run.job_name}"
    return "amazon-reviews run"


def _planned_partitions(event: dg.DagsterEvent) -> list[str]:
    if event.partitions_subset is not None:
        return [*event.partitions_subset.get_partition_keys()]
    return [event.partition or ""]


def _name(key: dg.AssetKey | None) -> str:
    return key.to_user_string() if key else ""
