"""The commit that adds events to bronze together with their stream offsets."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from azure.eventhub import EventData

from amazon_reviews.pipeline.bronze_events import held_numbers
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.segments import (
    OPEN_SEGMENT_EVENTS,
    SEGMENT_EVENTS,
    next_segment,
    segments,
)
from amazon_reviews.pipeline.sequence_numbers import Numbers
from amazon_reviews.pipeline.stream_gaps import record_gap
from amazon_reviews.pipeline.stream_offsets import (
    captured_last_id,
    new_versions,
    recorded_versions,
    requested_spans,
    unread_spans,
)
from amazon_reviews.pipeline.stream_rows import event_rows
from amazon_reviews.resources.event_hub import EventHub, Hub, Span, number
from amazon_reviews.resources.lakehouse.prefetch import PrefetchedBatches
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS

_KEY = BRONZE_REVIEW_EVENTS.key
_SCHEMA = BRONZE_REVIEW_EVENTS.arrow_schema
# The writer keeps the files of all segments of a commit in memory until it ends.
COMMIT_EVENTS = 10 * SEGMENT_EVENTS
# Of events that are batches, or large ones, a commit takes fewer.
_COMMIT_ROWS = 2 * COMMIT_EVENTS
_COMMIT_BYTES = 2 * 1024**3


@dataclass
class Received:
    """The events of a run by hub partition, and the ranges that the hub no longer held.

    A batch is one event, however many rows it has in bronze. `oldest` is the time when the hub
    received the first of the events.
    """

    events: dict[str, int] = field(default_factory=dict)
    gaps: list[tuple[str, Span]] = field(default_factory=list)
    oldest: datetime | None = field(default=None, compare=False)

    @property
    def count(self) -> int:
        """The number of all events."""
        return sum(self.events.values())

    def add(self, other: "Received") -> None:
        """Add the events and gaps of another commit."""
        for name, count in other.events.items():
            self.events[name] = self.events.get(name, 0) + count
        self.gaps += other.gaps
        self.oldest = min(filter(None, (self.oldest, other.oldest)), default=None)


class CommitFullError(RuntimeError):
    """The events have too many rows for one commit; nothing was written."""

    def __init__(self, events: int) -> None:
        super().__init__(f"a commit has no room for {events} events")
        self.events = events


def commit_events_and_offsets(
    event_hub: EventHub,
    lakehouse: Lakehouse,
    hub: Hub,
    spans: Mapping[str, Span] | None,
    max_events: int,
) -> Received | None:
    """Commit the next events, at most `max_events`; None if none are left to read.

    Raises:
        CommitFullError: the events have too many rows; bronze is unchanged.
    """
    # Read before anything is decided, so that every later commit of another run is noticed.
    versions = recorded_versions(lakehouse, hub)
    unread = requested_spans(unread_spans(lakehouse, hub), spans)
    if not unread:
        return None
    received = Received()
    next_spans = {}
    share = max(1, max_events // len(unread))
    for name, span in list(unread.items())[:max_events]:
        held = max(span.first, hub.partitions[name].first)
        # Begins after its end if the hub dropped the whole span: then only the offset moves.
        next_spans[name] = Span(held, min(span.last, held + share - 1))
    _record_dropped(lakehouse, hub, next_spans, unread, received)
    lakehouse.ensure(_KEY)
    transactions = new_versions(hub, next_spans)
    before = {name: versions[name] for name in transactions}
    events = _read_events(event_hub, lakehouse, hub, next_spans, received)
    write_events(lakehouse, events, transactions, before)
    return received


def write_events(
    lakehouse: Lakehouse,
    events: Iterator[tuple[int, pa.RecordBatch]],
    transactions: Mapping[str, int],
    expected: Mapping[str, int | None],
) -> None:
    """Commit rows of events, each batch with the number of events up to it, in segments.

    Raises:
        CommitFullError: the events have too many rows; bronze is unchanged.
        ConcurrentWriteError: another run recorded another version than expected.
    """
    batches = PrefetchedBatches(_in_segments(lakehouse, events))
    rows = pa.RecordBatchReader.from_batches(_SCHEMA, batches)
    with batches.raising_errors():
        lakehouse.write(rows, _KEY, transaction_versions=transactions, expected=expected)


def _in_segments(
    lakehouse: Lakehouse, events: Iterator[tuple[int, pa.RecordBatch]]
) -> Iterator[pa.RecordBatch]:
    segment, filled = _last_segment(lakehouse)
    if filled >= OPEN_SEGMENT_EVENTS:
        segment, filled = next_segment(segment), 0
    rows = size = 0
    for count, batch in events:
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if count > 1 and (rows > _COMMIT_ROWS or size > _COMMIT_BYTES):
            raise CommitFullError(count)
        if filled >= SEGMENT_EVENTS:
            segment, filled = next_segment(segment), 0
        filled += batch.num_rows
        column = pa.repeat(segment, batch.num_rows)
        yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=_SCHEMA)


def _record_dropped(
    lakehouse: Lakehouse,
    hub: Hub,
    spans: Mapping[str, Span],
    unread: Mapping[str, Span],
    received: Received,
) -> None:
    """Record the gaps between the first unread events and those that the hub still holds."""
    dropped = {
        name: Span(unread[name].first, min(span.first - 1, span.last))
        for name, span in spans.items()
        if span.first > unread[name].first
    }
    known = _captured_numbers(lakehouse, hub, dropped)
    for name, span in dropped.items():
        missing = Numbers.between(span.first, span.last) - known[name]
        _record_gaps(lakehouse, hub, name, missing, received)


def _read_events(
    event_hub: EventHub,
    lakehouse: Lakehouse,
    hub: Hub,
    spans: Mapping[str, Span],
    received: Received,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield rows of the events of these spans, and record gaps between the events.

    Events that bronze holds already, because they were captured, are left out.
    """
    present = {name: span for name, span in spans.items() if span.first <= span.last}
    known = _captured_numbers(lakehouse, hub, present)
    upcoming = {name: span.first for name, span in present.items()}
    with closing(event_hub.read(present, partial(_new_rows, hub, known))) as read:
        for name, (numbers, added, batches) in read:
            if numbers[-1] - upcoming[name] >= len(numbers):
                missing = Numbers.between(upcoming[name], numbers[-1]) - Numbers.of(numbers)
                _record_gaps(lakehouse, hub, name, missing - known[name], received)
            upcoming[name] = numbers[-1] + 1
            received.add(Received({name: added}))
            for batch in batches:
                received.add(Received(oldest=pc.min(batch["enqueued_at"]).as_py()))
                yield received.count, batch


def _new_rows(
    hub: Hub, known: Mapping[str, Numbers], partition: str, events: list[EventData]
) -> tuple[list[int], int, Iterable[pa.RecordBatch]]:
    """Return the numbers of events, how many bronze lacks, and the rows of these."""
    numbers = [number(event) for event in events]
    if known[partition]:
        is_known = known[partition].contains(np.array(numbers, np.int64))
        events = [event for event, known in zip(events, is_known, strict=True) if not known]
    return numbers, len(events), event_rows(hub.name, partition, events)


def _captured_numbers(
    lakehouse: Lakehouse, hub: Hub, spans: Mapping[str, Span]
) -> dict[str, Numbers]:
    """Return the numbers of captured events in spans after the offset, by hub partition."""
    ids = {name: captured_last_id(hub.name, name) for name in spans}
    last = lakehouse.transaction_versions(_KEY, ids.values())
    known = dict.fromkeys(spans, Numbers())
    for name, span in spans.items():
        if (captured := last[ids[name]]) is not None and captured >= span.first:
            known[name] = held_numbers(lakehouse, hub.name, name, span)
    return known


def _record_gaps(
    lakehouse: Lakehouse, hub: Hub, partition: str, missing: Numbers, received: Received
) -> None:
    for gap in missing.spans:
        record_gap(lakehouse, hub.name, partition, gap)
        received.gaps.append((partition, gap))


def _last_segment(lakehouse: Lakehouse) -> tuple[str, int]:
    """Return the segment for new events, and the number of its rows."""
    rows = partition_rows(lakehouse.delta(_KEY))
    last = max(segments(rows), default=STREAM.partition)
    return last, rows.get(last, 0)
