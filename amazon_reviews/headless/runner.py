"""What sensors and automation would do, in one process, until nothing is left.

A partition of a table is stale when it was never materialized, a partition above it was
materialized later, or a blocking check of the table failed last; in bronze, when the landing
folder is not as it was read. A table without partitions is made also where nothing came in.
Tables are taken from the top down; what lies below a failed blocking check waits.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.execution.plan.objects import StepFailureData

from amazon_reviews import interrupts
from amazon_reviews.defs.landing_sensor import consecutive, range_tags
from amazon_reviews.defs.partitions import (
    GOLD_REVIEW_PARTITIONS,
    known_partitions,
    missing_partitions,
    missing_stream,
)
from amazon_reviews.defs.pending import arrived
from amazon_reviews.errors import EventHubUnavailableError, HubChangedError, LandingError
from amazon_reviews.headless.dead_runs import living_process, report_dead_runs
from amazon_reviews.headless.materializations import WHOLE, Recorded
from amazon_reviews.pipeline.datasets import DATASETS, STREAM
from amazon_reviews.pipeline.reconciliation import ROWS_KEPT, nothing_kept, silver_accounts
from amazon_reviews.pipeline.stream import unread
from amazon_reviews.progress import watching
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone

_NAMED = 3
_EVENTS = dg.AssetKey(STREAM.bronze.split("/"))
_STREAMED = dg.AssetKey(STREAM.silver.split("/"))


@dataclass(frozen=True)
class Stage:
    """Tables to materialize in one run: their stale partitions, none where they have none."""

    keys: tuple[dg.AssetKey, ...]
    partitions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The tables as the user knows them."""
        names = [key.to_user_string() for key in self.keys]
        more = f" and {len(names) - 2} more" if len(names) > _NAMED else ""
        return ", ".join(names[:2] if more else names) + more


@dataclass
class Outcome:
    """What a headless run did.

    `stages` with their seconds; `disappeared` landing partitions; `died` runs that earlier
    processes left behind.
    """

    stages: list[tuple[Stage, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    disappeared: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)

    @property
    def nothing_new(self) -> bool:
        """Whether everything was up to date."""
        return not self.stages and not self.failures


Watcher = Callable[[Stage], Callable[[str], None]]


class HeadlessRun:
    """One pass over the selected tables; what it knows of the instance is asked when needed."""

    def __init__(
        self,
        defs: dg.Definitions,
        instance: dg.DagsterInstance,
        selection: dg.AssetSelection,
        again: Mapping[str, Sequence[str]],
    ) -> None:
        """`again` names partitions of silver tables that are stale whatever is known of them."""
        self._again = {dg.AssetKey(["silver", noun]): again[noun] for noun in again}
        self._job = defs.resolve_implicit_global_asset_job_def()
        self._graph: AssetGraph = defs.resolve_asset_graph()
        self._instance = instance
        self._selected = selection.resolve(self._graph)
        self._outcome = Outcome()
        self._recorded = Recorded(instance, self._graph)
        lakehouse = (defs.resources or {})["lakehouse"]
        assert isinstance(lakehouse, Lakehouse)
        self._lakehouse = lakehouse
        self._unread = self._look_at_landing(defs)

    def run(self, watch: Watcher, done: Callable[[Stage, float], None]) -> Outcome:
        """Materialize what is missing or stale, with its checks.

        `watch` is told each stage and gives back what to call for every partition that is
        done; `done` is told the stage and its seconds when it has ended.
        """
        self._outcome.died = report_dead_runs(self._instance)
        with living_process(self._instance) as tags:
            for keys in self._definitions():
                for stage in self._stages(keys):
                    done(stage, self._materialize(stage, watch(stage), tags))
        for dataset in DATASETS:
            if dg.AssetKey(dataset.silver.split("/")) in self._selected:
                accounts = silver_accounts(self._lakehouse, dataset)
                self._outcome.failures += nothing_kept(self._lakehouse, accounts)
        return self._outcome

    def _look_at_landing(self, defs: dg.Definitions) -> dict[dg.AssetKey, list[str]]:
        """Add the partitions that arrived; give what bronze has to read."""
        resources = defs.resources or {}
        landing, lakehouse = resources["landing"], self._lakehouse
        assert isinstance(landing, LandingZone)
        # Resolves the environment variables that hold the credentials.
        landing = landing
        unread_folders: dict[dg.AssetKey, list[str]] = {}
        errors = []
        for dataset in DATASETS:
            try:
                known, arrival = arrived(self._instance, landing, lakehouse, dataset)
            except LandingError as error:
                errors.append(error)
                continue
            new = [name for name in arrival.unread if name not in known]
            for partitions, names in missing_partitions(self._instance, dataset.name, new).items():
                self._instance.add_dynamic_partitions(partitions, names)
            unread_folders[dg.AssetKey(dataset.bronze.split("/"))] = list(arrival.unread)
            gone = (f"{dataset.folder}/{name}" for name in arrival.disappeared)
            self._outcome.disappeared += gone
            self._outcome.failures += arrival.faults
        if len(errors) == len(DATASETS):
            # Not a folder of it, but the landing zone itself cannot be read.
            raise errors[0]
        self._outcome.failures += map(str, errors)
        hub = resources["event_hub"]
        assert isinstance(hub, EventHub)
        # Resolves the environment variable that holds the address.
        hub = hub
        if hub.enabled:
            self._instance.add_dynamic_partitions(
                str(GOLD_REVIEW_PARTITIONS.name), missing_stream(self._instance)
            )
            unread_folders[_EVENTS] = [WHOLE] if _events_wait(hub, lakehouse) else []
        return unread_folders

    def _definitions(self) -> list[list[dg.AssetKey]]:
        """The selected tables by what makes them, from the top down."""
        levels = self._graph.toposorted_asset_keys_by_level
        tables: dict[str, list[dg.AssetKey]] = {}
        above: dict[str, set[str]] = {}
        for key in (key for level in levels for key in sorted(level)):
            name = self._definition(key)
            tables.setdefault(name, []).append(key)
            parents = map(self._definition, self._graph.get(key).parent_keys)
            above.setdefault(name, set()).update(set(parents) - {name})
        order = TopologicalSorter({name: sorted(above[name]) for name in above}).static_order()
        return [[key for key in tables[name] if key in self._selected] for name in order]

    def _definition(self, key: dg.AssetKey) -> str:
        return self._graph.get(key).assets_def.node_def.name

    def _stages(self, keys: Sequence[dg.AssetKey]) -> Iterator[Stage]:
        stale: dict[dg.AssetKey, list[str]] = {}
        for key in (key for key in keys if not self._waits(key)):
            follows = [WHOLE] if self._graph.get(key).parent_keys & stale.keys() else []
            if names := self._stale(key) or follows:
                stale[key] = names
        whole = tuple(key for key in stale if not self._graph.get(key).is_partitioned)
        if whole:
            yield Stage(self._made_together(whole))
        for key in keys:
            if partitions := self._graph.get(key).partitions_def:
                order = known_partitions(self._instance, partitions)
                if not order:
                    # Nothing came in yet: the table is there, and empty.
                    self._lakehouse.ensure("/".join(key.path))
                for names in consecutive(stale.get(key, ()), order, len(order)):
                    yield Stage((key,), tuple(names))

    def _made_together(self, keys: tuple[dg.AssetKey, ...]) -> tuple[dg.AssetKey, ...]:
        """The keys and those that are always made with them: an interrupted step leaves a part."""
        definition = self._graph.get(keys[0]).assets_def
        return keys if definition.can_subset else tuple(sorted(definition.keys))

    def _waits(self, key: dg.AssetKey) -> bool:
        ancestors = self._graph.get_ancestor_asset_keys(key) - {key}
        return any(self._recorded.is_blocked(ancestor) for ancestor in ancestors)

    def _stale(self, key: dg.AssetKey) -> list[str]:
        own = self._recorded.materialized(key)
        made = {} if self._recorded.is_blocked(key) else own
        again = [*self._unread.get(key, ()), *self._again.get(key, ()), *(own.keys() - made.keys())]
        older = [name for name, event in self._above(key).items() if made.get(name, -1) < event]
        return list(dict.fromkeys([*again, *older]))

    def _above(self, key: dg.AssetKey) -> dict[str, int]:
        """For each partition the newest materialization above it."""
        parents = {
            above: self._recorded.materialized(above) for above in self._graph.get(key).parent_keys
        }
        if not self._graph.get(key).is_partitioned:
            any_part = [event for events in parents.values() for event in events.values()]
            # Partitions may be missing where nothing came in, and then the table is empty; a whole
            # table above is made first.
            waits = any(
                not events
                for above, events in parents.items()
                if not self._graph.get(above).is_partitioned
            )
            return {} if waits and not any_part else {WHOLE: max(any_part, default=0)}
        if (stream := parents.get(_STREAMED)) and WHOLE in stream:
            stream[STREAM.partition] = stream.pop(WHOLE)
        newest: dict[str, int] = {}
        whole = max((events.get(WHOLE, 0) for events in parents.values()), default=0)
        for events in parents.values():
            for name in events.keys() - {WHOLE}:
                newest[name] = max(newest.get(name, 0), events[name], whole)
        return newest

    def _materialize(
        self, stage: Stage, advance: Callable[[str], None], tags: Mapping[str, str]
    ) -> float:
        interrupts.check()
        started = time.monotonic()
        with watching(advance):
            result = self._job.execute_in_process(
                asset_selection=list(stage.keys),
                instance=self._instance,
                run_config=self._run_config(stage),
                tags={**tags, **(range_tags(stage.partitions) if stage.partitions else {})},
                raise_on_error=False,
            )
        seconds = time.monotonic() - started
        self._recorded = Recorded(self._instance, self._graph)
        self._outcome.stages.append((stage, seconds))
        self._outcome.failures += list(_failures(result))
        # Dagster takes it for a failed step.
        interrupts.check()
        return seconds

    def _run_config(self, stage: Stage) -> dict[str, Any]:
        config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        if _STREAMED in stage.keys and _STREAMED in self._again:
            config["ops"] = {self._definition(_STREAMED): {"config": {"rebuild": True}}}
        return config


def _events_wait(hub: EventHub, lakehouse: Lakehouse) -> bool:
    """Whether there is something to read, or to fail for."""
    try:
        return bool(unread(lakehouse, hub.look()))
    except (EventHubUnavailableError, HubChangedError):
        return True


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_failure and not _is_check(event.step_failure_data):
            yield f"{str(event.step_key).replace('__', '/')}: {_said(event.step_failure_data)}"
    for check in result.get_asset_check_evaluations():
        # What kept no rows is told at the end of every run, as long as it is so.
        if check.check_name == ROWS_KEPT:
            continue
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            said = f": {check.description}" if check.description else ""
            yield f"{check.asset_key.to_user_string()}: check {check.check_name} failed{said}"


def _is_check(failure: StepFailureData) -> bool:
    """Whether the step ended because of a blocking check, which is told by itself."""
    return bool(failure.error and failure.error.cls_name == "DagsterAssetCheckFailedError")


def _said(failure: StepFailureData) -> str:
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error and (failure.error.cause or failure.error)
    # The texts of the project's own errors say all without the name of the class.
    return (
        re.sub(r"^amazon_reviews\.[\w.]+: ", "", str(error.message).strip()) if error else "failed"
    )
