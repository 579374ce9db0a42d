"""Finds new and changed folders of the landing zone and asks for runs that read them."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from amazon_reviews.partitions import PARTITIONS
from amazon_reviews.pipeline.landing import arrivals
from amazon_reviews.pipeline.subjects import SUBJECTS, Subject
from amazon_reviews.resources.lakehouse import Lakehouse
from amazon_reviews.resources.landing import LandingZone

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
_RUNS_A_TICK = 4
_PARTITIONS_A_RUN = 50

BRONZE = dg.AssetSelection.groups("bronze")


@dg.sensor(target=BRONZE, minimum_interval_seconds=30)
def landing_sensor(
    context: dg.SensorEvaluationContext, landing: LandingZone, lakehouse: Lakehouse
) -> dg.SensorResult | dg.SkipReason:
    """Reads folders that bronze has not read as they are now; the tables below follow.

    The cursor holds the fingerprints that were asked for and not read yet, so that a folder
    that cannot be read is asked for once, and again when its content changes.
    """
    asked: dict[str, str] = json.loads(context.cursor or "{}")
    requests, added, waiting = find_work(context.instance, landing, lakehouse, asked)
    if not requests:
        return dg.SkipReason(_quiet(waiting))
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=added,
        cursor=json.dumps(waiting, sort_keys=True),
    )


@dg.schedule(cron_schedule="0 3 * * *", target=BRONZE, execution_timezone="UTC")
def daily_landing(
    context: dg.ScheduleEvaluationContext, landing: LandingZone, lakehouse: Lakehouse
) -> list[dg.RunRequest] | dg.SkipReason:
    """The same once a day at 03:00 UTC, for those who want no sensor; off by default."""
    requests, added, _ = find_work(context.instance, landing, lakehouse, {})
    for request in added:
        context.instance.add_dynamic_partitions(
            request.partitions_def_name, list(request.partition_keys)
        )
    return requests or dg.SkipReason("nothing new in the landing zone")


def find_work(
    instance: dg.DagsterInstance, landing: LandingZone, lakehouse: Lakehouse, asked: dict[str, str]
) -> tuple[list[dg.RunRequest], list[dg.AddDynamicPartitionsRequest], dict[str, str]]:
    """Runs to ask for, partitions to add, and the fingerprints that are then asked for.

    At most `_RUNS_A_TICK` runs; what is left over waits for the next tick.
    """
    requests: list[dg.RunRequest] = []
    added: list[dg.AddDynamicPartitionsRequest] = []
    waiting: dict[str, str] = {}
    for subject in SUBJECTS:
        partitions_def = PARTITIONS[subject.noun]
        known = list(instance.get_dynamic_partitions(str(partitions_def.name)))
        unread = arrivals(landing, lakehouse, subject, known).unread
        new = [name for name in unread if name not in known]
        if new:
            added.append(partitions_def.build_add_request(new))
        marks = {name: f"{mark:016x}" for name, mark in unread.items()}
        todo = [name for name in marks if asked.get(_cursor_key(subject, name)) != marks[name]]
        waiting |= {_cursor_key(subject, name): marks[name] for name in marks if name not in todo}
        for names in consecutive(todo, [*known, *new], _PARTITIONS_A_RUN):
            if len(requests) < _RUNS_A_TICK:
                requests.append(_request(subject, names, marks))
                waiting |= {_cursor_key(subject, name): marks[name] for name in names}
    return requests, added, waiting


def consecutive(names: Sequence[str], order: Sequence[str], limit: int) -> Iterator[list[str]]:
    """`names` in groups that stand next to each other in `order`, each of at most `limit`."""
    wanted = set(names)
    group: list[str] = []
    for name in [*order, ""]:
        if group and (name not in wanted or len(group) == limit):
            yield group
            group = []
        if name in wanted:
            group.append(name)


def range_tags(names: Sequence[str]) -> dict[str, str]:
    """The tags of a run over consecutive partitions."""
    return {RANGE_START: names[0], RANGE_END: names[-1]}


def _request(subject: Subject, names: Sequence[str], marks: dict[str, str]) -> dg.RunRequest:
    content = json.dumps({name: marks[name] for name in names})
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"{subject.dataset}/{names[0]}..{names[-1]}/{digest}",
        asset_selection=[dg.AssetKey(subject.bronze.split("/"))],
        tags=range_tags(names),
    )


def _cursor_key(subject: Subject, name: str) -> str:
    return f"{subject.dataset}/{name}"


def _quiet(waiting: dict[str, Any]) -> str:
    if not waiting:
        return "nothing new in the landing zone"
    return f"asked for already and not read yet: {', '.join(waiting)}"
