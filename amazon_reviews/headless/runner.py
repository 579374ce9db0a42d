"""The headless run: does all pending work of the planner in one process.

The work comes from the tables as they are: after each stage they are looked at again. Work that
failed is not tried twice in a run; what is built from it goes on with what is there. What arrives
while it runs is left to the next one.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg

from amazon_reviews import interrupts
from amazon_reviews.defs.adoption import adopt
from amazon_reviews.defs.dagster_private import AssetGraph
from amazon_reviews.defs.partitions import PARTITIONS_A_RUN, add_missing, in_order
from amazon_reviews.defs.requests import (
    STARTED_BY_TAG,
    add_partitions,
    asset_key,
    reason_tag,
    run_options,
    table_checks,
)
from amazon_reviews.defs.run_queue import SHARED_PLACE
from amazon_reviews.errors import PinnedTableError
from amazon_reviews.headless.dead_runs import living_process, report_dead_runs
from amazon_reviews.headless.failures import failures_of
from amazon_reviews.pipeline.datasets import DATASETS, STREAM
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.reconciliation import describe_wholly_rejected, reconcile_silver
from amazon_reviews.pipeline.state import Observed, Places, discard_damaged, observe
from amazon_reviews.pipeline.upgrade import add_missing_columns
from amazon_reviews.planner.model import Plan, State, Work
from amazon_reviews.planner.plan import make_plan
from amazon_reviews.progress import watching
from amazon_reviews.resources.landing.reasons import FOLDER_WITHOUT_FILES
from amazon_reviews.resources.landing.unmatched import UnmatchedFiles
from amazon_reviews.schemas.built import WHOLE

# The name of a stage with more tables is shortened.
_MOST_NAMES = 3
_NOTHING_READ = (
    "the landing zone holds files, but none of them is read; the warnings name them, and "
    "docs/how-to/landing-zone.md says what is read"
)
BY_COMMAND_LINE = {"user": "headless run", STARTED_BY_TAG: "command line", **SHARED_PLACE}
"""The tags of headless runs. Dagster's UI shows `user` as what launched a run."""

_QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Rebuild = Mapping[str, Collection[str]]
"""The partitions to build again, by key of their output; `WHOLE` among them stands for all."""


@dataclass(frozen=True)
class Stage:
    """Work that one run does: some outputs, or some partitions of one, or their checks."""

    keys: tuple[dg.AssetKey, ...]
    work: tuple[Work, ...]

    @property
    def name(self) -> str:
        """The keys of the outputs, at most three."""
        names = [key.to_user_string() for key in self.keys]
        more = f" and {len(names) - 2} more" if len(names) > _MOST_NAMES else ""
        return ", ".join(names[:2] if more else names) + more

    @property
    def partitions(self) -> tuple[str, ...]:
        """The partitions, none for outputs without."""
        return tuple(work.partition for work in self.work if work.partition)

    @property
    def remark(self) -> str:
        """The reason, if it is another than that an input is newer, or nothing is there yet."""
        remarkable = (
            w.reason for w in self.work if (w.rebuilds and not w.is_first) or w.only_checks
        )
        return next(remarkable, "")


@dataclass
class Outcome:
    """The result of a headless run.

    `stages` have their seconds. `failures` are all, `run_failures` those that events of runs
    report. `disappeared` are landing partitions; `dead_runs` are runs of earlier processes that
    died; `unmatched` are files of the landing zone that are not read, and `warnings` texts about
    them. `pins` are texts about tables that are pinned, and so not built.
    """

    stages: list[tuple[Stage, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    run_failures: list[str] = field(default_factory=list)
    disappeared: list[str] = field(default_factory=list)
    dead_runs: list[str] = field(default_factory=list)
    unmatched: UnmatchedFiles = field(default_factory=UnmatchedFiles)
    warnings: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)

    @property
    def other_failures(self) -> list[str]:
        """The failures that no event of a run reports."""
        return [failure for failure in self.failures if failure not in self.run_failures]

    @property
    def nothing_new(self) -> bool:
        """True if everything was up to date."""
        return not self.stages and not self.failures


Watcher = Callable[[Stage], Callable[[str], None]]


class HeadlessRun:
    """One run over the selected outputs."""

    def __init__(
        self,
        defs: dg.Definitions,
        places: Places,
        instance: dg.DagsterInstance,
        selection: dg.AssetSelection,
        rebuild: Rebuild | None = None,
        *,
        code_changed: bool = False,
    ) -> None:
        """Look at everything; `rebuild` and `code_changed` are those of `make_plan`.

        Raises:
            PinnedTableError: what is to be built again is pinned.
        """
        self._job = defs.resolve_implicit_global_asset_job_def()
        self._graph: AssetGraph = defs.resolve_asset_graph()
        self._instance = instance
        self._places = places
        self._keys = {key.to_user_string() for key in selection.resolve(self._graph)}
        self._rebuild = rebuild or {}
        self._code_changed = code_changed
        self._tried: set[tuple[str, str]] = set()
        adopt(instance, places)
        add_missing_columns(places.lakehouse, places.warehouse)
        self._seen = self._observe_whole()
        for key in self._rebuild:
            found = self._seen.state.found.get(key)
            if found and found.pinned is not None:
                raise PinnedTableError(key, found.pinned)
        self._outcome = Outcome(
            failures=[*self.faults],
            disappeared=[*self._seen.disappeared],
            unmatched=self._seen.unmatched,
            warnings=self.warnings,
        )

    @property
    def faults(self) -> list[str]:
        """The texts about what could not be looked at, as far as it is selected."""
        kinds = {key.partition("/")[0] for key in self._keys}
        unseen = [text for kind, text in self._seen.unseen.items() if kind in kinds]
        return [*self._seen.faults, *unseen]

    @property
    def warnings(self) -> list[str]:
        """The texts about files of the landing zone that are not read."""
        return self._seen.warnings

    def plan(self) -> Plan:
        """Return the work that is pending now."""
        return self._plan(self._seen.state)

    def run(self, watch: Watcher, done: Callable[[Stage, float], None]) -> Outcome:
        """Do all pending work, with the checks of what is built.

        `watch` is called before each stage, and returns a function that is called with each
        finished partition. `done` is called after the stage, with its seconds.
        """
        self._outcome.dead_runs = report_dead_runs(self._instance)
        with living_process(self._instance) as tags:
            if discard_damaged(self._places.lakehouse, self._seen, self.plan()):
                self._seen = self._observe_whole()
            self._create_empty(self._seen.state)
            state = self._look_again()
            add_partitions(self._instance, state, streams=self._places.event_hub.enabled)
            while stage := self._next(self._plan(state)):
                done(stage, self._execute(stage, watch(stage), tags))
                state = self._look_again()
        left = self._plan(state)
        self._outcome.pins = left.pins()
        self._outcome.failures += [
            f"{name} cannot be built again: {why}" for name, why in left.lost.items()
        ]
        for dataset in DATASETS:
            readable = not {dataset.bronze, dataset.silver} & {*self._seen.damaged_logs}
            if dataset.silver in self._keys and readable:
                accounts = reconcile_silver(self._places.lakehouse, dataset)
                rejected = [*describe_wholly_rejected(self._places.lakehouse, accounts)]
                self._outcome.run_failures += rejected
                self._outcome.failures += rejected
        if self._reads_nothing(state):
            self._outcome.failures.append(_NOTHING_READ)
        return self._outcome

    def _reads_nothing(self, state: State) -> bool:
        """Return True if the landing zone holds files, and bronze never had a row of any."""
        tables = {dataset.bronze for dataset in DATASETS} & self._keys
        found = (state.found.get(key) for key in (*tables, STREAM.bronze))
        ever_read = any(any(one.records.versions.keys() - {WHOLE}) for one in found if one)
        files = len(self._seen.unmatched) - self._seen.unmatched.count(FOLDER_WITHOUT_FILES)
        return bool(tables and files and not self._seen.landed and not ever_read)

    def _observe_whole(self) -> Observed:
        return observe(self._places, data_files=True)

    def _plan(self, state: State) -> Plan:
        return make_plan(
            OUTPUTS,
            state,
            rebuild=self._rebuild,
            code_changed=self._code_changed,
            settled=self._tried,
            selected=self._keys,
        )

    def _look_again(self) -> State:
        """Return the state now, with what had arrived and was damaged at the start."""
        found = dict(observe(self._places, data_files=False, arrivals=()).state.found)
        for key, before in self._seen.state.found.items():
            damage = {p: why for p, why in before.damage.items() if (key, p) not in self._tried}
            if damage and key in found:
                found[key] = replace(found[key], damage={**damage, **found[key].damage})
        arrived = {
            key: {p: why for p, why in partitions.items() if (key, p) not in self._tried}
            for key, partitions in self._seen.state.arrived.items()
        }
        return State(found, arrived)

    def _create_empty(self, state: State) -> None:
        """Create partitioned tables without any input, so that they exist and are empty."""
        pending = {work.key for work in self._plan(state).work}
        for output in OUTPUTS:
            if output.partitioned and output.key in self._keys - state.found.keys() - pending:
                self._places.lakehouse.ensure(output.key)

    def _next(self, plan: Plan) -> Stage | None:
        """Return work that can be done now, all that is done together in one run.

        What is built in one step, such as the tables of the warehouse, waits until none of it
        waits for something else any more.
        """
        incomplete = None
        for work in plan.work:
            if not work.is_ready:
                continue
            if work.only_checks:
                return Stage((asset_key(work.key),), (work,))
            if work.partition:
                return self._of_partitions(work.key, plan)
            stage, is_complete = self._of_step(work.key, plan)
            if is_complete:
                return stage
            incomplete = incomplete or stage
        return incomplete

    def _of_partitions(self, key: str, plan: Plan) -> Stage:
        """Return the partitions of an output that can be built."""
        ready = {w.partition: w for w in plan.work if w.key == key and w.is_ready and w.partition}
        partitions = self._graph.get(asset_key(key)).partitions_def
        assert partitions is not None
        add_missing(self._instance, partitions, ready)
        names = in_order(ready)[:PARTITIONS_A_RUN]
        return Stage((asset_key(key),), tuple(ready[name] for name in names))

    def _of_step(self, key: str, plan: Plan) -> tuple[Stage, bool]:
        """Return what the step of an output can build now, and True if that is all of it."""
        definition = self._graph.get(asset_key(key)).assets_def
        of_step = [w for w in plan.work if not w.partition and asset_key(w.key) in definition.keys]
        taken: dict[str, Work] = {}
        for work in of_step:
            if not work.blocked and not work.only_checks and taken.keys() >= {*work.waits_on}:
                taken[work.key] = work
        # An interrupted step has built some of its outputs, and builds all of them again.
        keys = map(asset_key, taken) if definition.can_subset else sorted(definition.keys)
        return Stage(tuple(keys), tuple(taken.values())), len(taken) == len(of_step)

    def _execute(
        self, stage: Stage, advance: Callable[[str], None], tags: Mapping[str, str]
    ) -> float:
        interrupts.check()
        started = time.monotonic()
        # Dagster would describe the whole job in each run of a part of it.
        job, selection = self._job.get_subset(asset_selection={*stage.keys}), [*stage.keys]
        if stage.work[0].only_checks:
            checks = set(table_checks(stage.work[0]))
            job = self._job.get_subset(asset_selection=set(), asset_check_selection=checks)
            selection = []
        range_of_run, options = run_options(self._instance, stage.work)
        with watching(advance):
            result = job.execute_in_process(
                asset_selection=selection or None,
                instance=self._instance,
                run_config={**_QUIET, "ops": options} if options else _QUIET,
                tags={**tags, **BY_COMMAND_LINE, **reason_tag(stage.work), **range_of_run},
                raise_on_error=False,
            )
        seconds = time.monotonic() - started
        self._tried |= {(work.key, work.partition) for work in stage.work}
        self._outcome.stages.append((stage, seconds))
        failures = [*failures_of(result, Path(self._instance.root_directory))]
        self._outcome.run_failures += failures
        self._outcome.failures += failures
        # Dagster reports an interrupt in a step as a failed step.
        interrupts.check()
        return seconds
