"""The headless run: does the work of sensors and automation in one process.

A partition of a table is stale if it was never materialized, if a partition upstream was
materialized later, or if the last blocking check of the table failed. In bronze it is stale if the
landing folder has changed. A table without partitions is built even if no input arrived. Tables
are built in the order of the graph; tables below a failed blocking check wait.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg

from amazon_reviews import interrupts
from amazon_reviews.defs.landing_sensor import consecutive, range_tags
from amazon_reviews.defs.partitions import (
    GOLD_REVIEW_PARTITIONS,
    known_partitions,
    missing_partitions,
    missing_stream,
)
from amazon_reviews.defs.pending import find_pending
from amazon_reviews.defs.resources import Resources
from amazon_reviews.errors import EventHubUnavailableError, HubChangedError, LandingError
from amazon_reviews.headless.dagster_private import AssetGraph, StepFailureData
from amazon_reviews.headless.dead_runs import living_process, report_dead_runs
from amazon_reviews.headless.materializations import WHOLE, Materializations
from amazon_reviews.pipeline.datasets import DATASETS, STREAM
from amazon_reviews.pipeline.reconciliation import (
    ROWS_KEPT,
    describe_wholly_rejected,
    reconcile_silver,
)
from amazon_reviews.pipeline.stream_offsets import unread_spans
from amazon_reviews.progress import watching
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.landing.zone import LandingZone

# The name of a stage with more tables is shortened.
_MOST_NAMES = 3
_EVENTS = dg.AssetKey(STREAM.bronze.split("/"))
_STREAMED = dg.AssetKey(STREAM.silver.split("/"))


@dataclass(frozen=True)
class Stage:
    """Tables to materialize in one run, with their stale partitions if they are partitioned."""

    keys: tuple[dg.AssetKey, ...]
    partitions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The keys of the tables, at most three."""
        names = [key.to_user_string() for key in self.keys]
        more = f" and {len(names) - 2} more" if len(names) > _MOST_NAMES else ""
        return ", ".join(names[:2] if more else names) + more


@dataclass
class Outcome:
    """The result of a headless run.

    `stages` have their seconds; `disappeared` are landing partitions; `dead_runs` are runs of
    earlier processes that died.
    """

    stages: list[tuple[Stage, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    disappeared: list[str] = field(default_factory=list)
    dead_runs: list[str] = field(default_factory=list)

    @property
    def nothing_new(self) -> bool:
        """True if everything was up to date."""
        return not self.stages and not self.failures


Watcher = Callable[[Stage], Callable[[str], None]]


class HeadlessRun:
    """One pass over the selected tables."""

    def __init__(
        self,
        defs: dg.Definitions,
        resources: Resources,
        instance: dg.DagsterInstance,
        selection: dg.AssetSelection,
        rebuild: Mapping[str, Sequence[str]],
    ) -> None:
        """Read the landing zone and the hub; `rebuild` names silver partitions to build again."""
        self._rebuild = {dg.AssetKey(["silver", name]): rebuild[name] for name in rebuild}
        self._job = defs.resolve_implicit_global_asset_job_def()
        self._graph: AssetGraph = defs.resolve_asset_graph()
        self._instance = instance
        self._selected = selection.resolve(self._graph)
        self._outcome = Outcome()
        self._recorded = Materializations(instance, self._graph)
        self._lakehouse = resources["lakehouse"]
        self._unread = self._read_landing(resources["landing"])
        self._unread |= self._read_event_hub(resources["event_hub"])

    def run(self, watch: Watcher, done: Callable[[Stage, float], None]) -> Outcome:
        """Materialize missing and stale partitions, with their checks.

        `watch` is called before each stage, and returns a function that is called with each
        finished partition. `done` is called after the stage, with its seconds.
        """
        self._outcome.dead_runs = report_dead_runs(self._instance)
        with living_process(self._instance) as tags:
            for keys in self._definitions():
                for stage in self._stages(keys):
                    done(stage, self._materialize(stage, watch(stage), tags))
        for dataset in DATASETS:
            if dg.AssetKey(dataset.silver.split("/")) in self._selected:
                accounts = reconcile_silver(self._lakehouse, dataset)
                self._outcome.failures += describe_wholly_rejected(self._lakehouse, accounts)
        return self._outcome

    def _read_landing(self, landing: LandingZone) -> dict[dg.AssetKey, list[str]]:
        """Add new partitions to the instance; return the unread partitions of each bronze table."""
        unread_partitions: dict[dg.AssetKey, list[str]] = {}
        errors = []
        for dataset in DATASETS:
            try:
                known, pending = find_pending(self._instance, landing, self._lakehouse, dataset)
            except LandingError as error:
                errors.append(error)
                continue
            new = [name for name in pending.unread if name not in known]
            for partitions, names in missing_partitions(self._instance, dataset.name, new).items():
                self._instance.add_dynamic_partitions(partitions, names)
            unread_partitions[dg.AssetKey(dataset.bronze.split("/"))] = list(pending.unread)
            gone = (f"{dataset.folder}/{name}" for name in pending.disappeared)
            self._outcome.disappeared += gone
            self._outcome.failures += pending.faults
        if len(errors) == len(DATASETS):
            # Then the landing zone itself cannot be read, and not only a folder of it.
            raise errors[0]
        self._outcome.failures += map(str, errors)
        return unread_partitions

    def _read_event_hub(self, hub: EventHub) -> dict[dg.AssetKey, list[str]]:
        if not hub.enabled:
            return {}
        self._instance.add_dynamic_partitions(
            str(GOLD_REVIEW_PARTITIONS.name), missing_stream(self._instance)
        )
        try:
            waiting = bool(unread_spans(self._lakehouse, hub.look()))
        except (EventHubUnavailableError, HubChangedError):
            # The asset raises the error again, so that Dagster records it.
            waiting = True
        return {_EVENTS: [WHOLE] if waiting else []}

    def _definitions(self) -> list[list[dg.AssetKey]]:
        """Return the selected tables of each asset definition, in the order of the graph."""
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
            yield Stage(self._built_together(whole))
        for key in keys:
            if partitions := self._graph.get(key).partitions_def:
                order = known_partitions(self._instance, partitions)
                if not order:
                    # Without input the table exists, and is empty.
                    self._lakehouse.ensure("/".join(key.path))
                for names in consecutive(stale.get(key, ()), order, len(order)):
                    yield Stage((key,), tuple(names))

    def _built_together(self, keys: tuple[dg.AssetKey, ...]) -> tuple[dg.AssetKey, ...]:
        """Add the tables of the same step: an interrupted one has materialized some of them."""
        definition = self._graph.get(keys[0]).assets_def
        return keys if definition.can_subset else tuple(sorted(definition.keys))

    def _waits(self, key: dg.AssetKey) -> bool:
        ancestors = self._graph.get_ancestor_asset_keys(key) - {key}
        return any(self._recorded.is_blocked(ancestor) for ancestor in ancestors)

    def _stale(self, key: dg.AssetKey) -> list[str]:
        newest = self._recorded.materialized(key)
        valid = {} if self._recorded.is_blocked(key) else newest
        invalid = newest.keys() - valid.keys()
        again = [*self._unread.get(key, ()), *self._rebuild.get(key, ()), *invalid]
        older = [name for name, event in self._above(key).items() if valid.get(name, -1) < event]
        return list(dict.fromkeys([*again, *older]))

    def _above(self, key: dg.AssetKey) -> dict[str, int]:
        """Return the newest upstream materialization of each partition."""
        parents = {
            above: self._recorded.materialized(above) for above in self._graph.get(key).parent_keys
        }
        if not self._graph.get(key).is_partitioned:
            any_part = [event for events in parents.values() for event in events.values()]
            # Partitions are missing if no input arrived, and then the table is empty. A whole table
            # upstream is built first.
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
        self._recorded = Materializations(self._instance, self._graph)
        self._outcome.stages.append((stage, seconds))
        self._outcome.failures += list(_failures(result))
        # Dagster reports an interrupt in a step as a failed step.
        interrupts.check()
        return seconds

    def _run_config(self, stage: Stage) -> dict[str, Any]:
        config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        if _STREAMED in stage.keys and _STREAMED in self._rebuild:
            config["ops"] = {self._definition(_STREAMED): {"config": {"rebuild": True}}}
        return config


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_failure and not _is_check(event.step_failure_data):
            yield f"{str(event.step_key).replace('__', '/')}: {_reason(event.step_failure_data)}"
    for check in result.get_asset_check_evaluations():
        # `run` reports partitions without kept rows at its end, also when nothing was built.
        if check.check_name == ROWS_KEPT:
            continue
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            reason = f": {check.description}" if check.description else ""
            yield f"{check.asset_key.to_user_string()}: check {check.check_name} failed{reason}"


def _is_check(failure: StepFailureData) -> bool:
    """Return True if a blocking check failed the step; the check has a failure of its own."""
    return bool(failure.error and failure.error.cls_name == "DagsterAssetCheckFailedError")


def _reason(failure: StepFailureData) -> str:
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error and (failure.error.cause or failure.error)
    # The texts of the package's own errors do not need the name of the class.
    return (
        re.sub(r"^amazon_reviews\.[\w.]+: ", "", str(error.message).strip()) if error else "failed"
    )
