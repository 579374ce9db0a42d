"""Runs that sensors ask for: the pending work of the planner that no run does already."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from amazon_reviews.defs.partitions import PARTITIONS, PARTITIONS_A_RUN, add_missing, in_order
from amazon_reviews.defs.run_options import partition_options, partitions_of, step_of
from amazon_reviews.defs.run_queue import STREAM_JOB
from amazon_reviews.errors import shortened
from amazon_reviews.pipeline.datasets import REVIEWS, STREAM
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.state import Observed, Places, discard_damaged, observe
from amazon_reviews.planner.model import Plan, State, Work, name_of
from amazon_reviews.planner.plan import make_plan
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import GOLD_REVIEWS, SILVER_STREAMED_REVIEWS
from amazon_reviews.schemas.sentiment import SENTIMENT_PREDICTIONS

REASON_TAG = "amazon_reviews/reason"
"""The tag of a run that says why it was started."""

STARTED_BY_TAG = "amazon_reviews/started_by"
"""The tag of a run that says who started it: command line, sensor or schedule; else a person."""

_STREAMED = frozenset(
    ((STREAM.silver, WHOLE), (GOLD_REVIEWS.key, WHOLE), (GOLD_REVIEWS.key, STREAM.partition))
)
"""The work that a stream run does again and again."""

PRIORITY = {"dagster/priority": "-1"}
"""The tag of automatic runs: a run that a person starts comes before them."""

BY_SENSOR = PRIORITY | {STARTED_BY_TAG: "sensor"}
"""The tags of the runs of sensors."""

BY_SCHEDULE = PRIORITY | {STARTED_BY_TAG: "schedule"}
"""The tags of the runs of schedules."""

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_ENDED = {*dg.DagsterRunStatus} - {*UNFINISHED}
_EXAMPLES = 3
_DIGEST_BYTES = 6
_WITH_STREAM = {t.key for t in (SILVER_STREAMED_REVIEWS, GOLD_REVIEWS, SENTIMENT_PREDICTIONS)}
_MART_STEPS = {
    step: {key for key, t in TABLES.items() if t.partials and (t.domain == "sentiment") == is_of}
    for step, is_of in (("review_marts", False), ("sentiment_marts", True))
}
_OUTPUTS = {output.key: output for output in OUTPUTS}


def asset_key(key: str) -> dg.AssetKey:
    """Return the key of the asset of an output."""
    return dg.AssetKey(key.split("/"))


def table_checks(work: Work) -> list[dg.AssetCheckKey]:
    """Return the checks of a whole table that run after its build."""
    return [dg.AssetCheckKey(asset_key(work.key), c) for c in _OUTPUTS[work.key].table_checks]


def reason_tag(work: Sequence[Work]) -> dict[str, str]:
    """Return the tag of a run with the reason of its first work."""
    return {REASON_TAG: f"{work[0].name}: {work[0].reason}"[:200]}


def run_options(
    instance: dg.DagsterInstance, work: Sequence[Work]
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the tags with the partitions of a run that does this work, and its steps' options."""
    rebuilt = {one.key for one in work if one.rebuilds and not one.is_first}
    options: dict[str, dict[str, Any]] = {key: {"rebuild": True} for key in rebuilt & _WITH_STREAM}
    for step, marts in _MART_STEPS.items():
        if of_step := sorted(rebuilt & marts):
            options[step] = {"rebuild": of_step}
    tags: dict[str, str] = {}
    if names := [one.partition for one in work if one.partition]:
        tags, more = partition_options(instance, work[0].key, names)
        options[work[0].key] = options.get(work[0].key, {}) | more
    return tags, {step_of(key): {"config": chosen} for key, chosen in options.items() if chosen}


def add_partitions(instance: dg.DagsterInstance, state: State, *, streams: bool) -> None:
    """Add partitions that the instance lacks: of tables, of the landing zone, and of a hub.

    An instance may be newer than the tables.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for output in OUTPUTS:
        if output.partitioned:
            found = state.found.get(output.key)
            in_table = found.records.versions if found else {}
            set_name = str(TABLES[output.key].partitions)
            names[set_name] |= {*in_table, *state.arrived.get(output.key, ())} - {WHOLE}
    names[str(GOLD_REVIEWS.partitions)] |= names[REVIEWS.name] | (
        {STREAM.partition} if streams else set()
    )
    for name, partitions in names.items():
        add_missing(instance, PARTITIONS[name], partitions)


@dataclass
class Asked:
    """Runs to ask for, the cursor for the next tick, and a text for people."""

    requests: list[dg.RunRequest]
    cursor: str
    summary: str

    def result(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Return the result of a tick, which shows the summary."""
        summary = shortened(self.summary)
        if self.requests:
            context.log.info(summary)
            return dg.SensorResult(run_requests=self.requests, cursor=self.cursor)
        return dg.SensorResult(skip_reason=summary, cursor=self.cursor)


def ask(
    instance: dg.DagsterInstance,
    observed: Observed,
    selected: Collection[str],
    cursor: str | None,
    now: datetime,
) -> Asked:
    """Return the runs for pending work of the selected outputs that no run has been asked to do.

    The cursor holds digests of the work that was asked for and is still pending: it is asked for
    again when its inputs change, and once a day. What is built from such work, or from work whose
    turn has not come, goes on with what is there. So does what is built from the tables of a stream
    run, which does their work as long as it goes on. A table with a damaged log waits until `look`
    has removed it: a run could not write it. `now` is the moment before everything was looked at.
    """
    running = _in_progress(instance, now)
    streamed = _STREAMED if is_streaming(instance, now) else frozenset()
    before = _digests(cursor)
    tried: set[tuple[str, str]] = set()
    later: set[tuple[str, str]] = set()
    asked: set[bytes] = set()
    while True:
        plan = _plan(observed, selected, tried | later | streamed)
        settled = len(tried) + len(later)
        for work in plan.work:
            if work.waits_on or _runs(running, work.key, work.partition):
                continue
            if (digest := _digest(work, observed, now)) in before:
                tried.add((work.key, work.partition))
                asked.add(digest)
            elif not work.is_due(now):
                later.add((work.key, work.partition))
        if len(tried) + len(later) == settled:
            break
    asked |= {_digest(work, observed, now) for work in plan.work} & before
    free = [
        work
        for work in plan.work
        if work.is_due(now) and work.key not in observed.damaged_logs and _is_free(work, running)
    ]
    requests: list[dg.RunRequest] = []
    for group in _groups(instance, free):
        requests.append(_request(instance, group))
        asked |= {_digest(work, observed, now) for work in group}
    return Asked(requests, _cursor(asked), summarize(plan, observed, tried, later))


def split_cursor(cursor: str | None, now: datetime) -> tuple[str, str, str]:
    """Return the hour, that of the last look at data files, and the cursor of `ask`."""
    last, _, asked = (cursor or "").partition(" ")
    return f"{now:%Y-%m-%dT%H}", last, asked


def summarize(
    plan: Plan,
    observed: Observed,
    tried: Collection[tuple[str, str]],
    later: Collection[tuple[str, str]],
) -> str:
    """Return what is pending, with numbers and a few examples."""
    parts = [_line(key, works) for key, works in _by_key(plan.work).items()]
    text = "; ".join(parts[:_EXAMPLES]) or "nothing is pending"
    if len(parts) > _EXAMPLES:
        text += f"; and {len(parts) - _EXAMPLES} more outputs"
    groups = {
        "failed, and asked for again when their inputs change": [name_of(*work) for work in tried],
        "wait for their turn": [name_of(*work) for work in later],
        "pinned, and not built": [f"{key} to version {v}" for key, v in plan.pinned.items()],
        "cannot be built again": [f"{name}: {why}" for name, why in plan.lost.items()],
        "no longer in the landing zone, rows are kept": observed.disappeared,
        "cannot be read": [*observed.faults, *observed.unseen.values()],
        "in the landing zone": observed.warnings,
    }
    for title, names in groups.items():
        if names:
            more = f" and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else ""
            text += f"; {title}: {', '.join(sorted(names)[:_EXAMPLES])}{more}"
    return text


def _line(key: str, works: list[Work]) -> str:
    number = f" ({len(works):,} partitions)" if len(works) > 1 else ""
    name = key if number else works[0].name
    return f"{name}{number}: {works[0].blocked or works[0].reason}"


def _by_key(works: Iterable[Work]) -> dict[str, list[Work]]:
    by_key: dict[str, list[Work]] = defaultdict(list)
    for work in works:
        by_key[work.key].append(work)
    return by_key


def _plan(
    observed: Observed, selected: Collection[str], tried: Collection[tuple[str, str]]
) -> Plan:
    return make_plan(OUTPUTS, observed.state, settled=tried, selected=selected)


def _is_free(work: Work, running: Mapping[str, set[str] | None]) -> bool:
    """Return True if no run builds it or an input of it."""
    if work.blocked or _runs(running, work.key, work.partition):
        return False
    for key, _ in work.inputs:
        partition = work.partition if key in TABLES and TABLES[key].partitions else ""
        if _runs(running, key, partition):
            return False
    return True


def _runs(running: Mapping[str, set[str] | None], key: str, partition: str) -> bool:
    """Return True if an unfinished run builds a partition of an output, or any of a whole one."""
    if key not in running:
        return False
    partitions = running[key]
    return partitions is None or not partition or partition in partitions


def is_busy(instance: dg.DagsterInstance) -> bool:
    """Return True if a run is queued or under way, other than a stream run, which hardly ends."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)))
    return any(run.job_name != STREAM_JOB for run in runs)


def is_streaming(instance: dg.DagsterInstance, since: datetime) -> bool:
    """Return True if a stream run is queued or under way, or was until after `since`."""
    unfinished = dg.RunsFilter(job_name=STREAM_JOB, statuses=list(UNFINISHED))
    ended = dg.RunsFilter(job_name=STREAM_JOB, updated_after=since)
    return any(instance.get_runs_count(runs) for runs in (unfinished, ended))


def is_being_built(
    instance: dg.DagsterInstance, since: datetime, partition: str, *keys: str
) -> bool:
    """Return True if a run builds this partition of an output, or did until after `since`."""
    running = _in_progress(instance, since)
    return any(_runs(running, key, partition) for key in keys)


def _in_progress(instance: dg.DagsterInstance, since: datetime) -> dict[str, set[str] | None]:
    """Return the outputs that runs build, with their partitions if they are known.

    A run that ended after `since` counts too: what it built may have been looked at before.
    """
    running: dict[str, set[str] | None] = {}
    unfinished = dg.RunsFilter(statuses=list(UNFINISHED))
    ended = dg.RunsFilter(statuses=list(_ENDED), updated_after=since)
    for run in (*instance.get_runs(unfinished), *instance.get_runs(ended)):
        keys = {key.to_user_string() for key in run.asset_selection or ()}
        keys |= {c.asset_key.to_user_string() for c in run.asset_check_selection or ()}
        partitions = partitions_of(run)
        for key in keys:
            before = running.get(key, set())
            running[key] = None if before is None or partitions is None else before | partitions
    return running


def _groups(instance: dg.DagsterInstance, works: list[Work]) -> Iterator[list[Work]]:
    """Yield work that one run does together.

    Partitions of an output, all whole outputs with what waits for them only, and checks of a whole
    table.
    """
    whole: dict[str, Work] = {}
    for key, of_key in _by_key(works).items():
        if of_key[0].only_checks:
            yield of_key
        elif of_key[0].partition:
            ready = {work.partition: work for work in of_key if not work.waits_on}
            if ready:
                add_missing(instance, PARTITIONS[str(TABLES[key].partitions)], ready)
                names = in_order(ready)
                for start in range(0, len(names), PARTITIONS_A_RUN):
                    yield [ready[name] for name in names[start : start + PARTITIONS_A_RUN]]
        elif whole.keys() >= {*of_key[0].waits_on}:
            whole[key] = of_key[0]
    if whole:
        yield [*whole.values()]


def _request(instance: dg.DagsterInstance, group: list[Work]) -> dg.RunRequest:
    tags = BY_SENSOR | reason_tag(group)
    if group[0].only_checks:
        return dg.RunRequest(asset_selection=[], asset_check_keys=table_checks(group[0]), tags=tags)
    range_of_run, config = run_options(instance, group)
    if STREAM.bronze in {work.key for work in group}:
        # Runs of the hub's own sensor read its events at the same time.
        config[step_of(STREAM.bronze)] = {"config": {"captures_only": True}}
    return dg.RunRequest(
        asset_selection=[*dict.fromkeys(asset_key(work.key) for work in group)],
        tags=tags | range_of_run,
        run_config={"ops": config} if config else {},
    )


def _digest(work: Work, observed: Observed, now: datetime) -> bytes:
    arrived = observed.fingerprints.get(work.name)
    content = f"{work.name} {work.only_checks} {work.inputs} {arrived} {now:%Y-%m-%d}"
    return hashlib.sha256(content.encode()).digest()[:_DIGEST_BYTES]


def _digests(cursor: str | None) -> set[bytes]:
    try:
        joined = base64.b64decode(cursor or "", validate=True)
    except ValueError:
        # An empty one, or that of an earlier release.
        return set()
    starts = range(0, len(joined), _DIGEST_BYTES)
    return {joined[start : start + _DIGEST_BYTES] for start in starts}


def _cursor(digests: Iterable[bytes]) -> str:
    # Dagster keeps the cursor of before when a sensor returns an empty one.
    return base64.b64encode(b"".join(sorted(digests))).decode() or "-"


def look(
    instance: dg.DagsterInstance,
    places: Places,
    selected: Collection[str],
    *,
    data_files: bool,
    arrivals: Collection[str] = (),
) -> Observed:
    """Look at everything, and remove damaged tables that the selected work builds again."""
    observed = observe(places, data_files=data_files, arrivals=[*arrivals])
    if observed.damaged_logs and not is_busy(instance):
        plan = _plan(observed, selected, ())
        if discard_damaged(places.lakehouse, observed, plan):
            observed = observe(places, data_files=data_files, arrivals=[*arrivals])
    return observed
