"""The commit that adds events to bronze together with their stream offsets."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import pyarrow as pa

from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.segments import SEGMENT_EVENTS, next_segment, segments
from amazon_reviews.pipeline.stream_gaps import record_gap
from amazon_reviews.pipeline.stream_offsets import (
    new_versions,
    recorded_versions,
    requested_spans,
    unread_spans,
)
from amazon_reviews.pipeline.stream_rows import event_rows
from amazon_reviews.resources.event_hub import EventHub, Hub, Span
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

    A batch is one event, however many rows it has in bronze.
    """

    events: dict[str, int] = field(default_factory=dict)
    gaps: list[tuple[str, Span]] = field(default_factory=list)

    def add(self, other: "Received") -> None:
        """Add the events and gaps of another commit."""
        for name, count in other.events.items():
            self.events[name] = self.events.get(name, 0) + count
        self.gaps += other.gaps


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
        if held > span.first:
            _record_gap(lakehouse, hub, name, Span(span.first, min(held - 1, span.last)), received)
        # Empty if the hub dropped the whole span: then the commit moves the offset only.
        next_spans[name] = Span(held, min(span.last, held + share - 1))
    lakehouse.ensure(_KEY)
    transactions = new_versions(hub, next_spans)
    before = {name: versions[name] for name in transactions}
    present = {name: span for name, span in next_spans.items() if span.first <= span.last}
    batches = PrefetchedBatches(_batches(event_hub, lakehouse, hub, present, received))
    rows = pa.RecordBatchReader.from_batches(_SCHEMA, batches)
    with batches.raising_errors():
        lakehouse.write(rows, _KEY, transaction_versions=transactions, expected=before)
    return received


def _batches(
    event_hub: EventHub,
    lakehouse: Lakehouse,
    hub: Hub,
    spans: Mapping[str, Span],
    received: Received,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the events of these spans, and record gaps between the events."""
    upcoming = {name: span.first for name, span in spans.items()}
    segment, filled = _last_segment(lakehouse)
    rows = size = 0
    with closing(event_hub.read(spans, partial(event_rows, hub))) as read:
        for name, (numbers, batches) in read:
            if numbers[-1] - upcoming[name] >= len(numbers):
                for gap in _missing_spans(upcoming[name], numbers):
                    _record_gap(lakehouse, hub, name, gap, received)
            upcoming[name] = numbers[-1] + 1
            received.add(Received({name: len(numbers)}))
            for batch in batches:
                rows, size = rows + batch.num_rows, size + batch.nbytes
                events = sum(received.events.values())
                if events > 1 and (rows > _COMMIT_ROWS or size > _COMMIT_BYTES):
                    raise CommitFullError(events)
                if filled >= SEGMENT_EVENTS:
                    segment, filled = next_segment(segment), 0
                filled += batch.num_rows
                column = pa.repeat(segment, batch.num_rows)
                yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=_SCHEMA)


def _record_gap(
    lakehouse: Lakehouse, hub: Hub, partition: str, gap: Span, received: Received
) -> None:
    record_gap(lakehouse, hub, partition, gap)
    received.gaps.append((partition, gap))


def _last_segment(lakehouse: Lakehouse) -> tuple[str, int]:
    """Return the segment for new events, and the number of its rows."""
    rows = partition_rows(lakehouse.delta(_KEY))
    last = max(segments(rows), default=STREAM.partition)
    return last, rows.get(last, 0)


def _missing_spans(first: int, numbers: list[int]) -> Iterator[Span]:
    """Yield the spans from `first` on that are missing between ascending numbers."""
    for previous, number in pairwise([first - 1, *numbers]):
        if number > previous + 1:
            yield Span(previous + 1, number - 1)
