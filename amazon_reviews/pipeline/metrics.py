"""Metrics of the pipeline for Prometheus, from what lakehouse, warehouse and models record.

They come from the logs of the tables and from the small marts about the pipeline, never from rows
of data. Labels are keys of outputs and names of datasets, so their number does not grow.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from amazon_reviews.errors import DamagedTableError, one_line
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.state import Places, observe
from amazon_reviews.pipeline.stream_gaps import open_gaps
from amazon_reviews.planner.plan import make_plan
from amazon_reviews.resources.lakehouse.log import TableLog
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE, Records, written_at
from amazon_reviews.schemas.layers import BRONZE_EVENT_GAPS, SILVER_REJECTED
from amazon_reviews.schemas.marts import PIPELINE_RUNS, PIPELINE_STREAM

T = TypeVar("T")
TableState: TypeAlias = tuple[int, tuple[int, int]]
"""The version of a table's log, and what identifies its newest commit."""

_CACHE_SECONDS = 10
# Collecting takes at most a twentieth of a core, which matters with ten thousands of partitions.
_PAUSE = 20
# Prometheus gives up after 10 seconds.
_WAIT_SECONDS = 5
_OUTPUT_LABEL = "table"
_log = logging.getLogger(__name__)


class PipelineMetrics(Collector):
    """Collects the metrics when they are scraped, at most every ten seconds.

    What cannot be read is left out and counted; it never fails a scrape. A scrape does not wait
    long: with very many partitions it gets the metrics that were collected before.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._changed = threading.Condition()
        self._collecting = False
        self._due_at = 0.0
        self._families: list[GaugeMetricFamily] = []
        self._of_logs: dict[tuple[str, str], tuple[TableState, Any]] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics; those of the last seconds are not collected again."""
        with self._changed:
            if not self._collecting and time.monotonic() >= self._due_at:
                self._collecting = True
                threading.Thread(target=self._refresh, daemon=True).start()
            limit = _WAIT_SECONDS if self._families else None
            self._changed.wait_for(lambda: not self._collecting, limit)
            families = self._families
        yield from families

    def _refresh(self) -> None:
        families: list[GaugeMetricFamily] = []
        started = time.monotonic()
        try:
            families += self._collect()
        finally:
            seconds = time.monotonic() - started
            took = _single("collection_seconds", "Seconds that it took to collect these metrics.")
            took.add_metric([], seconds)
            at = _single("collection_timestamp_seconds", "Time when these metrics were collected.")
            at.add_metric([], time.time())
            with self._changed:
                self._families = [*families, took, at]
                self._due_at = time.monotonic() + max(_CACHE_SECONDS, _PAUSE * seconds)
                self._collecting = False
                self._changed.notify_all()

    def _collect(self) -> Iterator[GaugeMetricFamily]:
        errors = GaugeMetricFamily(
            "amazon_reviews_collection_errors",
            "1 if this part of the metrics could not be collected, and is missing.",
            labels=["part"],
        )
        parts: dict[str, Callable[[], list[GaugeMetricFamily]]] = {
            "tables": self._tables,
            "plan": self._plan,
            "stream": self._stream,
            "runs": self._runs,
        }
        for name, collect in parts.items():
            try:
                yield from collect()
                errors.add_metric([name], 0)
            except Exception as error:  # noqa: BLE001 - a scrape must not fail by any storage
                _log.warning("the metrics of part %s are missing: %s", name, one_line(error))
                errors.add_metric([name], 1)
        yield errors

    def _tables(self) -> list[GaugeMetricFamily]:
        """Return the state of each table by its log."""
        rows = _gauge("rows", "Rows of the table.")
        size = _gauge("size_bytes", "Bytes of the table's present data files.")
        written = _gauge(
            "last_success_timestamp_seconds",
            "Time of the newest write of the table. It stays as it is while no input is newer.",
        )
        failed = _gauge(
            "failed_checks",
            "Partitions of the table whose present version failed a blocking check.",
        )
        damaged = _gauge("damaged", "1 if the table's log cannot be read.")
        rejected = _gauge("rejected_rows", "Lines of the dataset in silver/rejected.", "dataset")
        for key in TABLES:
            try:
                log = self._places.lakehouse.log(key)
                if log is None:
                    continue
                of_files = self._of_log("files", key, log, _files)
            except DamagedTableError:
                damaged.add_metric([key], 1)
                continue
            damaged.add_metric([key], 0)
            rows.add_metric([key], sum(lines for lines, _ in of_files.values()))
            size.add_metric([key], sum(size for _, size in of_files.values()))
            failed.add_metric([key], _failed_checks(log.records))
            if version := log.records.versions.get(WHOLE):
                written.add_metric([key], written_at(version).timestamp())
            if key == SILVER_REJECTED.key:
                for dataset, (lines, _) in of_files.items():
                    rejected.add_metric([dataset], lines)
        return [rows, size, written, failed, damaged, rejected]

    def _plan(self) -> list[GaugeMetricFamily]:
        """Return the pending work of each output that was ever built, or has pending work."""
        pending = _gauge(
            "pending_outputs",
            "Partitions of the output that wait to be built or checked, 1 for an output without "
            "partitions. Files that wait in the landing zone are not counted.",
        )
        state = observe(self._places, data_files=False, arrivals=()).state
        waiting = dict.fromkeys(state.found, 0)
        for work in make_plan(OUTPUTS, state).work:
            waiting[work.key] = waiting.get(work.key, 0) + 1
        for key, number in waiting.items():
            pending.add_metric([key], number)
        return [pending]

    def _stream(self) -> list[GaugeMetricFamily]:
        """Return the stream as gold/pipeline_stream and bronze/event_gaps record it."""
        rows = self._rows(PIPELINE_STREAM.key)
        families = []
        if rows:
            lost = _single(
                "stream_lost_events", "Events that the hub dropped before they were read."
            )
            lost.add_metric([], sum(row["lost"] for row in rows))
            newest = _single(
                "stream_newest_event_timestamp_seconds",
                "Time when the hub got the newest event that bronze has.",
            )
            newest.add_metric([], max(row["newest_event_at"] for row in rows).timestamp())
            families += [lost, newest]
        measured = [row for row in rows if row["looked_at"] and row["lag_events"] is not None]
        if measured:
            events = _single("stream_lag_events", "Events that waited in the hub when it was read.")
            events.add_metric([], sum(row["lag_events"] for row in measured))
            seconds = _single(
                "stream_lag_seconds", "How long the oldest of the waiting events had waited."
            )
            seconds.add_metric([], max(row["lag_seconds"] for row in measured))
            at = _single("stream_lag_timestamp_seconds", "Time when the lag was measured.")
            at.add_metric([], max(row["looked_at"] for row in measured).timestamp())
            families += [events, seconds, at]
        log = self._places.lakehouse.log(BRONZE_EVENT_GAPS.key)
        if log:
            gaps = _single("stream_open_gaps", "Gaps of the stream that nobody acknowledged.")
            number = self._of_log(
                "gaps", BRONZE_EVENT_GAPS.key, log, lambda lake, _: len(open_gaps(lake))
            )
            gaps.add_metric([], number)
            families.append(gaps)
        return families

    def _runs(self) -> list[GaugeMetricFamily]:
        """Return the seconds of the newest successful run of each table, by gold/pipeline_runs."""
        seconds = _gauge(
            "run_seconds",
            "Seconds of the newest successful run that built the table, from start to end, with "
            "all that this run built.",
        )
        rows = [row for row in self._rows(PIPELINE_RUNS.key) if row["status"] == "SUCCESS"]
        newest: dict[str, float] = {}
        for row in sorted(rows, key=lambda row: row["started_at"]):
            for key in row["assets"].split(", "):
                newest[key] = row["seconds"]
        known = {output.key for output in OUTPUTS}
        for key in sorted(newest.keys() & known):
            seconds.add_metric([key], newest[key])
        return [seconds]

    def _rows(self, key: str) -> list[dict[str, Any]]:
        log = self._places.lakehouse.log(key)
        return self._of_log("rows", key, log, _small_table) if log else []

    def _of_log(self, name: str, key: str, log: TableLog, read: Callable[[Lakehouse, str], T]) -> T:
        """Return what `read` returns for a table, which is read again after a new commit only."""
        state = (log.version, log.newest)
        known = self._of_logs.get((name, key))
        if known is None or known[0] != state:
            known = (state, read(self._places.lakehouse, key))
            self._of_logs[name, key] = known
        value: T = known[1]
        return value


def _gauge(name: str, text: str, label: str = _OUTPUT_LABEL) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"amazon_reviews_{name}", text, labels=[label])


def _single(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"amazon_reviews_{name}", text, labels=[])


def _files(lakehouse: Lakehouse, key: str) -> Mapping[str, tuple[int, int]]:
    """Return rows and bytes of a table's data files, by dataset if files are partitioned by it."""
    actions = pa.RecordBatchReader.from_stream(lakehouse.delta(key).get_add_actions()).read_all()
    totals = {"": (0, 0)}
    by_dataset = "table" in TABLES[key].partition_by
    names = ["num_records", "size_bytes", *(["partition"] if TABLES[key].partition_by else [])]
    for action in actions.select(names).to_pylist():
        dataset = action["partition"]["table"] if by_dataset else ""
        rows, size = totals.get(dataset, (0, 0))
        totals[dataset] = (rows + (action["num_records"] or 0), size + action["size_bytes"])
    if by_dataset:
        del totals[""]
    return totals


def _small_table(lakehouse: Lakehouse, key: str) -> list[dict[str, Any]]:
    """Return all rows of a table that has few."""
    return (
        lakehouse.delta(key)
        .to_pyarrow_dataset(schema=TABLES[key].arrow_schema)
        .to_table()
        .to_pylist()
    )


def _failed_checks(records: Records) -> int:
    """Return the number of partitions whose present version failed a check."""
    failed = {
        partition
        for verdicts in records.checks.values()
        for partition, verdict in verdicts.items()
        if verdict and verdict == -records.versions.get(partition, 0)
    }
    return len(failed)
