"""The one place where the runs of Dagster are seen: those of the UI, the sensors and headless runs.

Every event that a process stores passes it. Nothing is watched unless a variable of OpenTelemetry
or OpenLineage names where reports go.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any

import dagster as dg

from amazon_reviews.config import Settings
from amazon_reviews.errors import one_line
from amazon_reviews.pipeline.run_reports.lineage import lineage_events
from amazon_reviews.pipeline.run_reports.report import (
    ColumnLineage,
    Ending,
    Observer,
    Run,
    Step,
    Written,
)
from amazon_reviews.redaction import redacted
from amazon_reviews.resources.tracing import tracer
from amazon_reviews.shown_text import printable_text

_ENDINGS = {
    dg.DagsterEventType.RUN_SUCCESS: Ending.SUCCESS,
    dg.DagsterEventType.RUN_FAILURE: Ending.FAILURE,
    dg.DagsterEventType.RUN_CANCELED: Ending.CANCELED,
}
_DIED = "the run ended before the step did"
_log = logging.getLogger(__name__)


def report_runs(settings: Settings, defs: dg.Definitions) -> None:
    """Report the runs of this process from now on to what the variables name, if any."""
    observers: list[Observer] = []
    if found := tracer():
        # Here because it imports OpenTelemetry, which only its users have.
        from amazon_reviews.pipeline.run_reports.spans import RunSpans

        observers.append(RunSpans(found))
    if events := lineage_events(settings):
        observers.append(events)
    if observers:
        watch(RunReports(observers, defs))


def watch(reports: "RunReports") -> None:
    """Show the reports every event that this process stores in an instance."""
    store = dg.DagsterInstance.handle_new_event

    @wraps(store)
    def handle_new_event(
        self: dg.DagsterInstance, event: dg.EventLogEntry, *arguments: Any, **options: Any
    ) -> None:
        store(self, event, *arguments, **options)
        try:
            reports.see(self, event)
        except Exception as error:  # noqa: BLE001 - a report must not fail a run
            _log.warning("an event of a run is not reported: %s", redacted(one_line(error)))

    dg.DagsterInstance.handle_new_event = handle_new_event  # type: ignore[method-assign, assignment]


@dataclass
class _OpenRun:
    """A run of this process; `steps` are started, each with what it wrote."""

    run: Run
    selected: frozenset[str]
    steps: dict[str, tuple[Step, dict[str, Written]]] = field(default_factory=dict)


class RunReports:
    """Turns events of Dagster into calls of observers."""

    def __init__(self, observers: Sequence[Observer], defs: dg.Definitions) -> None:
        self._observers = observers
        self._defs = defs
        self._open: dict[str, _OpenRun] = {}

    def see(self, instance: dg.DagsterInstance, entry: dg.EventLogEntry) -> None:
        """Report what an event says of a run, a step or an output."""
        event = entry.dagster_event
        if event is None:
            return
        if event.event_type is dg.DagsterEventType.RUN_START:
            self._start(instance, entry)
        elif event.event_type in _ENDINGS:
            self._end(instance, entry, _ENDINGS[event.event_type])
        elif (opened := self._open.get(entry.run_id)) and event.step_key:
            self._see_step(opened, event.step_key, event, entry.timestamp)

    def _see_step(self, opened: _OpenRun, name: str, event: dg.DagsterEvent, at: float) -> None:
        if event.event_type is dg.DagsterEventType.STEP_START:
            keys = self._keys_of_ops.get(name, ())
            outputs = tuple(k for k in keys if not opened.selected or k in opened.selected)
            # A step of a check writes nothing.
            if outputs:
                step = Step(opened.run, outputs[0] if len(keys) == 1 else name, outputs)
                opened.steps[name] = step, {}
                self._tell(lambda observer: observer.step_started(step, at))
        elif name in opened.steps:
            step, written = opened.steps[name]
            if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
                self._add(written, event.step_materialization_data.materialization, at)
            elif event.is_step_success or event.is_step_failure:
                del opened.steps[name]
                error = _step_error(event) if event.is_step_failure else None
                self._tell(lambda observer: observer.step_ended(step, at, written, error))

    def _start(self, instance: dg.DagsterInstance, entry: dg.EventLogEntry) -> None:
        if run := instance.get_run_by_id(entry.run_id):
            selected = frozenset(key.to_user_string() for key in run.asset_selection or ())
            opened = _OpenRun(Run(run.run_id, run.job_name), selected)
            self._open[run.run_id] = opened
            self._tell(lambda observer: observer.run_started(opened.run, entry.timestamp))

    def _end(self, instance: dg.DagsterInstance, entry: dg.EventLogEntry, ending: Ending) -> None:
        opened = self._open.pop(entry.run_id, None)
        error = None
        if ending is not Ending.SUCCESS and entry.dagster_event:
            error = _clean(entry.dagster_event.message or ending.value)
        at = entry.timestamp
        if opened:
            for step, written in opened.steps.values():
                died = error or _DIED
                self._tell(
                    lambda observer, step=step, written=written, died=died: observer.step_ended(
                        step, at, written, died
                    )
                )
            run = opened.run
        else:
            known = instance.get_run_by_id(entry.run_id)
            run = Run(entry.run_id, known.job_name if known else "")
        self._tell(lambda observer: observer.run_ended(run, at, ending, error))

    def _tell(self, tell: Callable[..., None]) -> None:
        for observer in self._observers:
            tell(observer)

    def _declared(self, key: dg.AssetKey) -> ColumnLineage:
        graph = self._defs.resolve_asset_graph()
        return _column_lineage(graph.get(key).metadata) if graph.has(key) else {}

    @cached_property
    def _keys_of_ops(self) -> Mapping[str, tuple[str, ...]]:
        """The keys of the outputs that each step can write, by the name of the step."""
        graph = self._defs.resolve_asset_graph()
        return {
            assets.node_def.name: tuple(sorted(key.to_user_string() for key in assets.keys))
            for assets in graph.assets_defs
            if assets.is_executable and assets.keys
        }

    def _add(self, written: dict[str, Written], event: dg.AssetMaterialization, at: float) -> None:
        """Add the figures of a materialization to those of its output."""
        key = event.asset_key.to_user_string()
        output = written.setdefault(key, Written(key, at))
        output.at = at
        output.partitions += event.partition is not None
        values = {name: value.value for name, value in event.metadata.items()}
        if event.partition is None:
            output.rows = _number(values, "dagster/row_count")
        else:
            output.rows = _sum(output.rows, _number(values, "dagster/partition_row_count"))
        output.rejected = _sum(output.rejected, _number(values, "rejected"))
        output.version = _number(values, "delta_version")
        # The declaration of an asset may have it instead.
        output.columns = (
            output.columns or _column_lineage(values) or self._declared(event.asset_key)
        )


def _column_lineage(metadata: Mapping[str, Any]) -> ColumnLineage:
    lineage = metadata.get("dagster/column_lineage")
    # Dagster wraps the values of declarations.
    lineage = getattr(lineage, "value", lineage)
    if not isinstance(lineage, dg.TableColumnLineage):
        return {}
    return {
        column: [(dep.asset_key.to_user_string(), dep.column_name) for dep in sources]
        for column, sources in lineage.deps_by_column.items()
    }


def _step_error(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return _clean(failure.user_failure_data.description)
    error = failure.error
    while error and error.cause:
        error = error.cause
    return _clean(error.message if error else event.message or "")


def _clean(text: str) -> str:
    """Return the first line of a text, without secrets and control characters."""
    return printable_text(redacted(next(iter(text.strip().splitlines()), "")))


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more


def _number(metadata: Mapping[str, Any], name: str) -> int | None:
    value = metadata.get(name)
    return value if isinstance(value, int) else None
