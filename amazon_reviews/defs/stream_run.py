"""The stream run: takes events from the hub to gold in micro-batches, as long as they keep coming.

It is one step of a job without assets. So Dagster regards its tables as being written by no run,
and others may write or read them between two commits. The locks of the tables let them take turns.
"""

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from amazon_reviews.defs.assets.gold import accounted_reviews, materialization
from amazon_reviews.defs.assets.metadata import is_behind, rounded, version_tags
from amazon_reviews.defs.assets.partitioned import target_of
from amazon_reviews.defs.assets.stream import EXPECTED_ERRORS, built_from_events
from amazon_reviews.defs.checks.streaming import judge_gaps
from amazon_reviews.defs.checks.tables import judge
from amazon_reviews.defs.partitions import GOLD_REVIEW_PARTITIONS, add_missing
from amazon_reviews.defs.requests import asset_key
from amazon_reviews.defs.run_queue import STREAM_JOB
from amazon_reviews.errors import FailedPartitionsError, by_reason
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.gold import build_gold_reviews
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.pipeline.stream_commit import Received
from amazon_reviews.planner.verdicts import unrun_check
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.maintenance import compact
from amazon_reviews.resources.lakehouse.tables import Lakehouse, row_count
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas.built import WHOLE, Records
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS

# Other runs change the products, or add captured events.
_SECONDS_BETWEEN_LOOKS = 60
# Dagster's storage would grow by hundreds of megabytes a day.
_SECONDS_BETWEEN_EVENTS = 60
# A micro-batch adds a file to bronze, and silver reads all of a segment.
_MICRO_BATCHES_TO_COMPACT = 100
_SECONDS_TO_FINISH_READING = 2

Events = Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]


@dg.op(pool=STREAM_JOB, config_schema={}, out=dg.Out(dg.Nothing))
def take_events(
    context: dg.OpExecutionContext,
    event_hub: dg.ResourceParam[EventHub],
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Events:
    """Take events to bronze, silver and gold, until the hub is quiet or the run has lasted enough.

    Each micro-batch is committed and checked like a run of the three assets. What an earlier
    run left on its way is done first. A blocking check that fails ends the run.
    """
    add_missing(context.instance, GOLD_REVIEW_PARTITIONS, [STREAM.partition])
    lakehouse.ensure(STREAM.bronze)
    try:
        yield from _StreamRun(context, event_hub, engine, lakehouse).micro_batches()
    except EXPECTED_ERRORS as error:
        raise dg.Failure(str(error)) from None
    except FailedPartitionsError as failed:
        raise dg.Failure(by_reason(failed.reasons), allow_retries=False) from failed


@dg.job(name=STREAM_JOB, description="Takes events of the hub to gold as long as they keep coming.")
def stream_job() -> None:
    """Take events to gold."""
    take_events()


@dataclass
class _StreamRun:
    """The state of a stream run: when each check and build was last shown, and what is held back.

    A build is shown at once, or a minute after the last one of its table.
    """

    context: dg.OpExecutionContext
    event_hub: EventHub
    engine: SparkEngine
    lakehouse: Lakehouse
    shown: dict[tuple[str, str, str | None], tuple[bool, float]] = field(default_factory=dict)
    made: dict[tuple[dg.AssetKey, str | None], float] = field(default_factory=dict)
    held: dict[tuple[dg.AssetKey, str | None], dg.AssetMaterialization] = field(
        default_factory=dict
    )
    unshown_events: int = 0

    def micro_batches(self) -> Events:
        """Take micro-batches until the run is over."""
        event_hub, lakehouse = self.event_hub, self.lakehouse
        began = started = time.monotonic()
        quiet_since, built = None, float("-inf")
        events = micro_batches = 0
        reading = _reading(event_hub, lakehouse)
        try:
            self.engine.session  # noqa: B018 - it starts while the first events are read
            while True:
                received = reading.result()
                now = time.monotonic()
                quiet_since = None if received.count else quiet_since or now
                events += received.count
                is_last = (
                    now - (quiet_since or now) >= event_hub.quiet_seconds
                    or now - began >= event_hub.run_seconds
                    or events >= event_hub.run_events
                )
                builds = bool(received.count or received.gaps) or built < 0
                if not builds and now - built >= _SECONDS_BETWEEN_LOOKS:
                    builds, built = self._is_behind(), now
                if builds:
                    built = now
                    yield from self._show_events(received)
                    yield from self._build_silver(received)
                if not is_last:
                    # The next events are read while gold is built: reading is mostly waiting.
                    pause = started + event_hub.batch_seconds - time.monotonic()
                    reading = _reading(event_hub, lakehouse, pause)
                    started = max(started + event_hub.batch_seconds, time.monotonic())
                if builds:
                    yield from self._build_gold(received)
                    micro_batches += 1
                    if micro_batches % _MICRO_BATCHES_TO_COMPACT == 0:
                        compact(lakehouse, STREAM.bronze)
                if is_last:
                    yield from self.held.values()
                    return
        finally:
            # An interrupted run ends within seconds. The next run reads what was not committed.
            wait([reading], _SECONDS_TO_FINISH_READING)

    def _is_behind(self) -> bool:
        """Return True if another run has changed what silver or gold was built from."""
        gold = GOLD_REVIEWS.key
        return is_behind(self.lakehouse, STREAM.silver, STREAM.bronze) or any(
            is_behind(self.lakehouse, gold, above, STREAM.partition)
            for above in (STREAM.silver, GOLD_PRODUCTS.key)
        )

    def _show_events(self, received: Received) -> Events:
        late = _lag_seconds(received)
        self.unshown_events += received.count
        for made in self._due(
            dg.AssetMaterialization(
                asset_key(STREAM.bronze),
                metadata={
                    "events_read": self.unshown_events,
                    "gaps": len(received.gaps),
                    "lag_seconds": late,
                    **_table_figures(self.lakehouse, STREAM.bronze),
                },
                tags=version_tags(self.lakehouse, STREAM.bronze, WHOLE),
            )
        ):
            self.unshown_events = 0
            yield made
        bound = dg.AssetCheckResult(
            check_name="lag_bound",
            passed=late <= self.event_hub.lag_seconds,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"lag_seconds": late},
        )
        yield from self._judged(STREAM.bronze, [bound, judge_gaps(self.lakehouse)], blocking=())

    def _build_silver(self, received: Received) -> Events:
        if _is_pinned(self.lakehouse, STREAM.silver):
            return
        figures, check = built_from_events(self.engine, self.lakehouse)
        yield from self._due(
            dg.AssetMaterialization(
                asset_key(STREAM.silver),
                metadata={
                    **figures,
                    "lag_seconds": _lag_seconds(received),
                    **_table_figures(self.lakehouse, STREAM.silver),
                },
                tags=version_tags(self.lakehouse, STREAM.silver, WHOLE),
            )
        )
        yield from self._judged(STREAM.silver, [check])

    def _build_gold(self, received: Received) -> Events:
        key = GOLD_REVIEWS.key
        if _is_pinned(self.lakehouse, key):
            return
        spark = self.engine.session
        done = dict(
            build_gold_reviews(spark, self.lakehouse, [STREAM.partition], self.engine.batch_rows)
        )
        late = _lag_seconds(received)
        for name, counts in done.items():
            yield from self._due(materialization(self.lakehouse, name, counts, lag_seconds=late))
        for name, check in accounted_reviews(self.lakehouse, [*done]).items():
            yield from self._judged(key, [check], partition=name)
        blocking = GOLD_REVIEWS.table_checks
        if unrun_check(blocking, self.lakehouse.records(key) or Records()):
            results = judge(spark, self.lakehouse, GOLD_REVIEWS, blocking)
            yield from self._judged(key, results, blocking=blocking)

    def _due(self, made: dg.AssetMaterialization) -> Iterator[dg.AssetMaterialization]:
        """Yield the event of a build, or hold it back if one was shown in the last minute."""
        place, now = (made.asset_key, made.partition), time.monotonic()
        if now < self.made.get(place, float("-inf")) + _SECONDS_BETWEEN_EVENTS:
            self.held[place] = made
            return
        self.made[place] = now
        self.held.pop(place, None)
        yield made

    def _judged(
        self,
        key: str,
        results: Sequence[dg.AssetCheckResult],
        *,
        partition: str | None = None,
        blocking: Collection[str] = ("accounted",),
    ) -> Iterator[dg.AssetCheckEvaluation]:
        """Yield the event of each check result that is new, and of the others once a minute.

        Raises:
            Failure: a blocking check failed.
        """
        target = None
        if partition is not None:
            target = target_of(self.context, asset_key(key), [partition]).get(partition)
        now = time.monotonic()
        for result in results:
            name = str(result.check_name)
            passed, shown_at = self.shown.get((key, name, partition), (None, 0.0))
            if passed == result.passed and now < shown_at + _SECONDS_BETWEEN_EVENTS:
                continue
            self.shown[key, name, partition] = result.passed, now
            yield dg.AssetCheckEvaluation(
                asset_key=asset_key(key),
                check_name=name,
                passed=result.passed,
                metadata=result.metadata,
                target_materialization_data=target,
                severity=result.severity,
                description=result.description,
                blocking=result.check_name in blocking,
                partition=partition,
            )
        for result in results:
            if not result.passed and result.check_name in blocking:
                raise dg.Failure(
                    f"{key}: check {result.check_name} failed: {result.description}",
                    allow_retries=False,
                )


def _reading(event_hub: EventHub, lakehouse: Lakehouse, pause: float = 0.0) -> Future[Received]:
    """Read the next events after a pause, in a thread that does not outlive the process."""
    reading: Future[Received] = Future()

    def read() -> None:
        try:
            time.sleep(max(0.0, pause))
            reading.set_result(receive(event_hub, lakehouse, None, event_hub.batch_events))
        except BaseException as error:  # noqa: BLE001 - whoever waits for the events raises it
            reading.set_exception(error)

    threading.Thread(target=read, name="events", daemon=True).start()
    return reading


def _table_figures(lakehouse: Lakehouse, key: str) -> dict[str, int]:
    table = lakehouse.delta(key)
    return {"dagster/row_count": row_count(table), "delta_version": table.version()}


def _is_pinned(lakehouse: Lakehouse, key: str) -> bool:
    log = lakehouse.log(key)
    return log is not None and log.pinned is not None


def _lag_seconds(received: Received) -> float:
    """Return the seconds since the hub received the first of these events."""
    if received.oldest is None:
        return 0.0
    return rounded((datetime.now(UTC) - received.oldest).total_seconds())
