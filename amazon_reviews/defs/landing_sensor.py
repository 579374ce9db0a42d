"""The sensor that requests runs for new and changed landing partitions."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from amazon_reviews.defs.partitions import missing_partitions
from amazon_reviews.defs.pending import find_pending, fingerprint_text
from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.datasets import DATASETS, Dataset
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
_RUNS_A_TICK = 4
_PARTITIONS_A_RUN = 50

JOBS = {
    dataset.name: dg.define_asset_job(
        f"read_{dataset.name}", dg.AssetSelection.assets(dataset.bronze.split("/"))
    )
    for dataset in DATASETS
}
"""One job per dataset, because a job has one set of partitions."""


@dg.sensor(jobs=list(JOBS.values()), minimum_interval_seconds=30)
def landing_sensor(
    context: dg.SensorEvaluationContext,
    landing: dg.ResourceParam[LandingZone],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.SensorResult:
    """Request runs for partitions that are new or changed since bronze read them.

    The cursor holds the fingerprints that were requested and not read yet, so that a partition
    that cannot be read is requested once, and again when its content changes.
    """
    asked: dict[str, str] = json.loads(context.cursor or "{}")
    work = find_work(context.instance, landing, lakehouse, asked, _RUNS_A_TICK)
    return dg.SensorResult(
        run_requests=work.requests,
        skip_reason=None if work.requests else work.quiet,
        dynamic_partitions_requests=work.added,
        cursor=json.dumps(work.asked, sort_keys=True),
    )


def daily_landing(dataset: Dataset) -> dg.ScheduleDefinition:
    """Return the schedule that reads one dataset once a day at 03:00 UTC; off by default."""

    @dg.schedule(
        name=f"daily_{dataset.name}",
        cron_schedule="0 3 * * *",
        job=JOBS[dataset.name],
        execution_timezone="UTC",
        description=f"Reads new and changed folders of {dataset.folder} once a day.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext,
        landing: dg.ResourceParam[LandingZone],
        lakehouse: dg.ResourceParam[Lakehouse],
    ) -> list[dg.RunRequest] | dg.SkipReason:
        work = find_work(context.instance, landing, lakehouse, asked={}, datasets=[dataset])
        for request in work.added:
            context.instance.add_dynamic_partitions(
                request.partitions_def_name, list(request.partition_keys)
            )
        return work.requests or dg.SkipReason(work.quiet)

    return schedule


@dataclass
class Work:
    """Runs to ask for, partitions to add, and the state of the landing zone that led to them.

    `asked` are the fingerprints that are asked for and not read yet; `disappeared` the
    partitions whose folder is gone; `faults` say what cannot be read.
    """

    requests: list[dg.RunRequest] = field(default_factory=list)
    added: list[dg.AddDynamicPartitionsRequest] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    disappeared: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def quiet(self) -> str:
        """The reason why no run is requested."""
        reasons = ["nothing new in the landing zone"]
        if self.asked:
            reasons.append(f"requested already and not read yet: {', '.join(self.asked)}")
        if self.disappeared:
            reasons.append(
                f"no longer in the landing zone, rows are kept: {', '.join(self.disappeared)}"
            )
        return "; ".join([*reasons, *self.faults])


def find_work(
    instance: dg.DagsterInstance,
    landing: LandingZone,
    lakehouse: Lakehouse,
    asked: Mapping[str, str],
    most_runs: int | None = None,
    datasets: Sequence[Dataset] = DATASETS,
) -> Work:
    """Return the runs for landing partitions that have no run yet for their present content.

    At most `most_runs` runs, the rest waits for the next tick; None is no bound.
    """
    work = Work()
    for dataset in datasets:
        try:
            known, pending = find_pending(instance, landing, lakehouse, dataset)
        except LandingError as error:
            work.faults.append(str(error))
            work.asked |= {k: v for k, v in asked.items() if k.startswith(f"{dataset.folder}/")}
            continue
        new = [name for name in pending.unread if name not in known]
        for partitions, names in missing_partitions(instance, dataset.name, new).items():
            if names:
                work.added.append(dg.AddDynamicPartitionsRequest(partitions, names))
        versions = {
            name: fingerprint_text(fingerprint) for name, fingerprint in pending.unread.items()
        }
        keys = {name: f"{dataset.folder}/{name}" for name in versions}
        todo = [name for name in versions if asked.get(keys[name]) != versions[name]]
        groups = list(consecutive(todo, [*known, *new], _PARTITIONS_A_RUN))
        if most_runs is not None:
            groups = groups[: most_runs - len(work.requests)]
        taken = {name for names in groups for name in names}
        work.requests += [_request(dataset, names, versions) for names in groups]
        work.asked |= {keys[n]: versions[n] for n in versions if n in taken or n not in todo}
        work.faults += pending.faults
        work.disappeared += [f"{dataset.folder}/{name}" for name in pending.disappeared]
    return work


def consecutive(names: Sequence[str], order: Sequence[str], limit: int) -> Iterator[list[str]]:
    """Yield `names` in groups that are consecutive in `order`, each of at most `limit`."""
    remaining = set(names)
    group: list[str] = []
    for name in [*order, ""]:
        if group and (name not in remaining or len(group) == limit):
            yield group
            group = []
        if name in remaining:
            group.append(name)


def range_tags(names: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run over consecutive partitions."""
    return {RANGE_START: names[0], RANGE_END: names[-1]}


def _request(dataset: Dataset, names: Sequence[str], versions: dict[str, str]) -> dg.RunRequest:
    content = json.dumps({name: versions[name] for name in names})
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"{dataset.folder}/{names[0]}..{names[-1]}/{digest}",
        job_name=JOBS[dataset.name].name,
        tags=range_tags(names),
    )
