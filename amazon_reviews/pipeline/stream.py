"""From the Event Hub to bronze: every event once, unchanged, with where it came from.

An event that is a batch becomes one row per record.

How far a hub partition was read is recorded by the commit that adds its events, so that there is
no moment in which one exists without the other. The table's own record is the only one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial, reduce
from itertools import chain, pairwise
from operator import or_
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc
from azure.eventhub import EventData

from amazon_reviews.errors import HubChangedError, SkippedEventsError
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.event_records import Records, are_ordinary, records
from amazon_reviews.pipeline.segments import SEGMENT_EVENTS, following, segments
from amazon_reviews.resources.amqp import Body
from amazon_reviews.resources.event_hub import EventHub, Hub, Span, number
from amazon_reviews.resources.lakehouse.prefetch import PrefetchedBatches
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.schemas.layers import BRONZE_EVENT_GAPS, BRONZE_REVIEW_EVENTS

_KEY = BRONZE_REVIEW_EVENTS.key
_SCHEMA = BRONZE_REVIEW_EVENTS.arrow_schema
_EVENT_SCHEMA = pa.schema([field for field in _SCHEMA if field.name != "partition"])
_GAP = ("hub", "hub_partition", "first", "last")
# The writer keeps the files of all segments of a commit in memory until it ends.
_COMMIT_EVENTS = 10 * SEGMENT_EVENTS
# Of events that are batches, or large ones, a commit takes fewer.
_COMMIT_ROWS = 2 * _COMMIT_EVENTS
_COMMIT_BYTES = 2 * 1024**3
_BATCH_ROWS, _BATCH_BYTES = 10_000, 32 * 1024**2


class _CommitFullError(RuntimeError):
    """So many rows were read that they must not all be one commit; nothing was written."""

    def __init__(self, events: int) -> None:
        super().__init__(f"a commit has no room for {events} events")
        self.events = events


@dataclass(frozen=True)
class Lag:
    """Events of a hub partition that were not read, and how long the first may have waited.

    `seconds` is the time since the last event that was read was enqueued: an upper bound.
    """

    events: int
    seconds: float


@dataclass
class Received:
    """What a run read: events by hub partition, and ranges that the hub no longer held.

    A batch is one event, however many rows it has in bronze.
    """

    events: dict[str, int] = field(default_factory=dict)
    gaps: list[tuple[str, Span]] = field(default_factory=list)

    def add(self, other: "Received") -> None:
        """Count what another commit brought, too."""
        for name, count in other.events.items():
            self.events[name] = self.events.get(name, 0) + count
        self.gaps += other.gaps


class _Row(NamedTuple):
    """A row of bronze: its event, the kind of the event's body, and what it holds of it."""

    event: EventData
    kind: str
    body: bytes
    record: int | None = None
    compression: str | None = None


def unread(lakehouse: Lakehouse, hub: Hub) -> dict[str, Span]:
    """The sequence numbers that bronze does not hold yet, for partitions that have some.

    A span begins where bronze ends, also where the hub has dropped its first events; of a
    partition that was never read it begins with what the hub holds.

    Raises:
        HubChangedError: the hub was made again, so its sequence numbers mean other events.
    """
    _check_identity(lakehouse, hub)
    read = _read_up_to(lakehouse, hub)
    spans = {}
    for name, held in hub.partitions.items():
        before = read[name]
        first = held.first if before is None else before + 1
        if first <= held.last:
            spans[name] = Span(first, held.last)
    return spans


def receive(
    event_hub: EventHub, lakehouse: Lakehouse, spans: Mapping[str, Span] | None = None
) -> Received:
    """Add the events of `spans`, or all that the hub holds now, to bronze.

    A commit adds the events and records how far they reach. What bronze has already is left out,
    so that the same spans may be asked for again. Ranges that the hub no longer holds are
    recorded in bronze/event_gaps first.

    Raises:
        EventHubUnavailableError: the hub cannot be read; bronze has what was committed before.
        HubChangedError: see `unread`.
        SkippedEventsError: a span begins after events that were not read yet.
        ConcurrentWriteError: another run read the same partitions meanwhile.
    """
    hub = event_hub.look()
    received = Received()
    most = _COMMIT_EVENTS
    while True:
        try:
            commit = _receive_some(event_hub, lakehouse, hub, spans, most)
        except _CommitFullError as full:
            most = max(1, full.events // 2)
            continue
        if commit is None:
            return received
        received.add(commit)
        most = min(2 * most, _COMMIT_EVENTS)


def _receive_some(
    event_hub: EventHub,
    lakehouse: Lakehouse,
    hub: Hub,
    spans: Mapping[str, Span] | None,
    most: int,
) -> Received | None:
    """Commit the first of the events that are left to read, at most so many; None if none are.

    Raises:
        _CommitFullError: they are too many; bronze is as it was.
    """
    # Before anything is decided: who commits from here on is noticed.
    versions = lakehouse.transaction_versions(
        _KEY, [_created_mark(hub), *(_mark(hub, n) for n in hub.partitions)]
    )
    todo = unread(lakehouse, hub)
    if spans is not None:
        todo = {name: _within(name, todo[name], spans[name]) for name in spans if name in todo}
    todo = {name: span for name, span in todo.items() if span.first <= span.last}
    if not todo:
        return None
    received = Received()
    wanted = {}
    for name, span in list(todo.items())[:most]:
        held = max(span.first, hub.partitions[name].first)
        if held > span.first:
            gap = Span(span.first, min(held - 1, span.last))
            _record_gap(lakehouse, hub, name, gap)
            received.gaps.append((name, gap))
        share = max(1, most // len(todo))
        wanted[name] = Span(held, min(span.last, held + share - 1))
    lakehouse.ensure(_KEY)
    transactions = {_mark(hub, name): span.last for name, span in wanted.items()}
    transactions[_created_mark(hub)] = _milliseconds(hub.created_at)
    before = {mark: versions[mark] for mark in transactions}
    present = {name: span for name, span in wanted.items() if span.first <= span.last}
    batches = PrefetchedBatches(_batches(event_hub, lakehouse, hub, present, received))
    rows = pa.RecordBatchReader.from_batches(_SCHEMA, batches)
    with batches.raising_errors():
        lakehouse.write(rows, _KEY, transaction_versions=transactions, expected=before)
    return received


def lag(event_hub: EventHub, lakehouse: Lakehouse) -> dict[str, Lag]:
    """How far bronze is behind the hub, by hub partition."""
    hub = event_hub.look()
    spans = unread(lakehouse, hub)
    seen = _last_enqueued(lakehouse, hub) if spans else {}
    now = datetime.now(UTC)
    lags = dict.fromkeys(hub.partitions, Lag(0, 0.0))
    for name, span in spans.items():
        since = seen.get(name, hub.created_at)
        lags[name] = Lag(span.last - span.first + 1, (now - since).total_seconds())
    return lags


def _within(name: str, todo: Span, asked: Span) -> Span:
    if asked.first > todo.first:
        raise SkippedEventsError(
            f"hub partition {name}: events {todo.first} to {asked.first - 1} were not read yet; "
            "materialize without a range, or with one that begins there"
        )
    return Span(todo.first, min(todo.last, asked.last))


def _check_identity(lakehouse: Lakehouse, hub: Hub) -> None:
    """Compare when the hub was created with what the events in bronze were read from.

    Its numbers say nothing: another run may have read on since the hub was looked at.
    """
    mark = _created_mark(hub)
    if lakehouse.transaction_versions(_KEY, [mark])[mark] not in (
        None,
        _milliseconds(hub.created_at),
    ):
        raise HubChangedError(
            f"{hub.name} is not the hub whose events bronze/review_events holds: it was created "
            f"again at {hub.created_at:%Y-%m-%d %H:%M:%S} UTC, and its sequence numbers start "
            "over. Nothing was read. Give the new hub another name, or start with an empty "
            "lakehouse"
        )


def _read_up_to(lakehouse: Lakehouse, hub: Hub) -> dict[str, int | None]:
    versions = lakehouse.transaction_versions(_KEY, [_mark(hub, name) for name in hub.partitions])
    return {name: versions[_mark(hub, name)] for name in hub.partitions}


def _mark(hub: Hub, partition: str) -> str:
    """Application id under which bronze records how far a hub partition was read."""
    return f"{hub.name}/{partition}/sequence_number"


def _created_mark(hub: Hub) -> str:
    return f"{hub.name}/created_at"


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _batches(
    event_hub: EventHub,
    lakehouse: Lakehouse,
    hub: Hub,
    spans: Mapping[str, Span],
    received: Received,
) -> Iterator[pa.RecordBatch]:
    upcoming = {name: span.first for name, span in spans.items()}
    segment, filled = _last_segment(lakehouse)
    rows = size = 0
    with closing(event_hub.read(spans, partial(_converted, hub))) as read:
        for name, (numbers, batches) in read:
            if numbers[-1] - upcoming[name] >= len(numbers):
                for gap in _missing(upcoming[name], numbers):
                    _record_gap(lakehouse, hub, name, gap)
                    received.gaps.append((name, gap))
            upcoming[name] = numbers[-1] + 1
            received.add(Received({name: len(numbers)}))
            for batch in batches:
                rows, size = rows + batch.num_rows, size + batch.nbytes
                events = sum(received.events.values())
                if events > 1 and (rows > _COMMIT_ROWS or size > _COMMIT_BYTES):
                    raise _CommitFullError(events)
                if filled >= SEGMENT_EVENTS:
                    segment, filled = following(segment), 0
                filled += batch.num_rows
                column = pa.repeat(segment, batch.num_rows)
                yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=_SCHEMA)


def _last_segment(lakehouse: Lakehouse) -> tuple[str, int]:
    """The segment that new events belong to, and how many it has."""
    rows = partition_rows(lakehouse.delta(_KEY))
    last = max(segments(rows), default=STREAM.partition)
    return last, rows.get(last, 0)


def _missing(first: int, numbers: list[int]) -> Iterator[Span]:
    """The spans from `first` on that lie between ascending numbers."""
    for before, found in pairwise([first - 1, *numbers]):
        if found > before + 1:
            yield Span(before + 1, found - 1)


def _converted(
    hub: Hub, partition: str, events: list[EventData]
) -> tuple[list[int], Iterable[pa.RecordBatch]]:
    """The sequence numbers of events, and their rows of bronze without their segment.

    Batches are taken apart when their rows are asked for, because they may be very many.
    """
    numbers = [number(event) for event in events]
    found = [_body(event) for event in events]
    kinds, bodies = (list(column) for column in zip(*found, strict=True))
    if {*kinds} == {"data"} and are_ordinary(bodies):
        nothing = [None] * len(events)
        return numbers, [_record_batch(hub, partition, events, kinds, bodies, nothing, nothing)]
    rows = (_Row(event, *body) for event, body in zip(events, found, strict=True))
    return numbers, _taken_apart(hub, partition, rows)


def _taken_apart(hub: Hub, partition: str, events: Iterable[_Row]) -> Iterator[pa.RecordBatch]:
    rows: list[_Row] = []
    size = 0
    for row in chain.from_iterable(map(_records, events)):
        rows.append(row)
        size += len(row.body)
        if len(rows) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield _record_batch(hub, partition, *map(list, zip(*rows, strict=True)))
            rows, size = [], 0
    if rows:
        yield _record_batch(hub, partition, *map(list, zip(*rows, strict=True)))


def _records(whole: _Row) -> Iterator[_Row]:
    found = Records([whole.body]) if whole.kind == "amqp" else records(whole.body)
    for place, body in enumerate(found.bodies, 1):
        record = place if found.is_batch else None
        yield _Row(whole.event, whole.kind, body, record, found.compression)


def _record_batch(
    hub: Hub,
    partition: str,
    events: list[EventData],
    kinds: list[str],
    bodies: list[bytes],
    places: Sequence[int | None],
    compressions: Sequence[str | None],
) -> pa.RecordBatch:
    """The rows of bronze in the columns of `_Row`."""
    count = len(events)
    # Many records do not repeat many times what the sender added to their event.
    added = [
        None if place and place > 1 else _properties(event)
        for event, place in zip(events, places, strict=True)
    ]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(bodies, pa.binary()),
            _encodings(bodies),
            pa.repeat(hub.name, count),
            pa.repeat(partition, count),
            pa.array([event.sequence_number for event in events], pa.int64()),
            pa.array([event.offset for event in events], pa.string()),
            _enqueued_times(events),
            pa.array(added, _SCHEMA.field("properties").type),
            pa.array(places, pa.int32()),
            pa.array(kinds, pa.string()),
            pa.array(compressions, pa.string()),
        ],
        schema=_EVENT_SCHEMA,
    )


def _enqueued_times(events: list[EventData]) -> pa.Array:
    """The times the hub gives in milliseconds; Arrow is slow at taking datetimes with a zone."""
    times = [(time := event.enqueued_time) and _milliseconds(time) for event in events]
    return pa.array(times, pa.timestamp("ms", "UTC")).cast(_SCHEMA.field("enqueued_at").type)


def _body(event: EventData) -> tuple[str, bytes]:
    """The kind of the sections of an event's body, and its bytes."""
    body = event.body
    if isinstance(body, Body):
        return body
    return "data", b"".join(cast("Iterable[bytes]", body))


def _encodings(bodies: list[bytes]) -> pa.Array:
    try:
        pa.array(bodies, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array(["utf-8" if _is_utf8(body) else "base64" for body in bodies])
    return pa.repeat("utf-8", len(bodies))


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _properties(event: EventData) -> list[tuple[str, str | None]]:
    given = event.properties
    if not given:
        return []
    named = {_text(name): value for name, value in given.items()}
    return [(name, None if value is None else _text(value)) for name, value in named.items()]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _last_enqueued(lakehouse: Lakehouse, hub: Hub) -> dict[str, datetime]:
    """When the last event that was read was enqueued, by hub partition."""
    if not lakehouse.exists(_KEY):
        return {}
    read = {name: last for name, last in _read_up_to(lakehouse, hub).items() if last is not None}
    if not read:
        return {}
    position = (pc.field("hub_partition"), pc.field("sequence_number"))
    last = reduce(or_, ((position[0] == n) & (position[1] == read[n]) for n in read))
    rows = lakehouse.delta(_KEY).to_pyarrow_dataset()
    found = rows.to_table(
        columns=["hub_partition", "enqueued_at"], filter=(pc.field("hub") == hub.name) & last
    )
    return {row["hub_partition"]: row["enqueued_at"] for row in found.to_pylist()}


def _record_gap(lakehouse: Lakehouse, hub: Hub, partition: str, gap: Span) -> None:
    """Record a gap under its first number: one that grew before it was read stays one row.

    One that is as it was stays acknowledged.
    """
    row: dict[str, Any] = {
        "hub": hub.name,
        "hub_partition": partition,
        "first": gap.first,
        "last": gap.last,
        "found_at": datetime.now(UTC),
        "acknowledged_at": None,
    }
    if any(all(known[name] == row[name] for name in _GAP) for known in _gaps(lakehouse)):
        return
    lakehouse.ensure(BRONZE_EVENT_GAPS.key)
    lakehouse.write(
        pa.Table.from_pylist([row], BRONZE_EVENT_GAPS.arrow_schema),
        BRONZE_EVENT_GAPS.key,
        replacing={name: [row[name]] for name in ("hub", "hub_partition", "first")},
    )


def open_gaps(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    """The gaps that nobody acknowledged, as rows of bronze/event_gaps."""
    return [row for row in _gaps(lakehouse) if row["acknowledged_at"] is None]


def _gaps(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    if not lakehouse.exists(BRONZE_EVENT_GAPS.key):
        return []
    return lakehouse.delta(BRONZE_EVENT_GAPS.key).to_pyarrow_table().to_pylist()


def acknowledge_gaps(lakehouse: Lakehouse) -> int:
    """Accept that the events of all gaps known now are lost; returns how many gaps there were."""
    gaps = open_gaps(lakehouse)
    for gap in gaps:
        row = gap | {"acknowledged_at": datetime.now(UTC)}
        keys = {name: [gap[name]] for name in ("hub", "hub_partition", "first")}
        table = pa.Table.from_pylist([row], BRONZE_EVENT_GAPS.arrow_schema)
        lakehouse.write(table, BRONZE_EVENT_GAPS.key, replacing=keys)
    return len(gaps)
