"""Rows of bronze from the events of a hub, one per event or record of a batch."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, Protocol, cast

import pyarrow as pa

from amazon_reviews.pipeline.event_records import Records, are_ordinary, records
from amazon_reviews.resources.amqp import Body
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS

_SCHEMA = BRONZE_REVIEW_EVENTS.arrow_schema
# The segment is not known yet when an event is converted.
_SCHEMA_OF_EVENTS = pa.schema([field for field in _SCHEMA if field.name != "partition"])
_BATCH_ROWS, _BATCH_BYTES = 10_000, 32 * 1024**2


class Event(Protocol):
    """An event of Azure's client, or a captured one."""

    @property
    def sequence_number(self) -> int | None:
        """The number of the event in its hub partition."""

    @property
    def offset(self) -> str | None:
        """The position of the event in its hub partition."""

    @property
    def enqueued_time(self) -> datetime | None:
        """The time when the hub received the event."""

    @property
    def properties(self) -> Any:
        """The properties by the sender, by name."""

    @property
    def body(self) -> Any:
        """A `Body`, or the bytes of each section of data."""


class _Row(NamedTuple):
    """A row of bronze: its event, the kind of the event's body, and the part of it in this row."""

    event: Event
    kind: str
    body: bytes
    record: int | None = None
    compression: str | None = None


def event_rows(hub: str, partition: str, events: Sequence[Event]) -> Iterable[pa.RecordBatch]:
    """Return the rows of bronze of events, without a segment.

    Batches are divided into records only when their rows are read, because these may be many.
    """
    if not events:
        return []
    typed_bodies = [_body(event) for event in events]
    kinds, bodies = (list(column) for column in zip(*typed_bodies, strict=True))
    if {*kinds} == {"data"} and are_ordinary(bodies):
        nulls = [None] * len(events)
        return [_record_batch(hub, partition, events, kinds, bodies, nulls, nulls)]
    rows = (_Row(event, *body) for event, body in zip(events, typed_bodies, strict=True))
    return _divided(hub, partition, rows)


def _divided(hub: str, partition: str, events: Iterable[_Row]) -> Iterator[pa.RecordBatch]:
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
    content = Records([whole.body]) if whole.kind == "amqp" else records(whole.body)
    for position, body in enumerate(content.bodies, 1):
        record = position if content.is_batch else None
        yield _Row(whole.event, whole.kind, body, record, content.compression)


def _record_batch(
    hub: str,
    partition: str,
    events: Sequence[Event],
    kinds: list[str],
    bodies: list[bytes],
    positions: Sequence[int | None],
    compressions: Sequence[str | None],
) -> pa.RecordBatch:
    """Return rows of bronze from the columns of `_Row`."""
    count = len(events)
    # Only the first record of a batch has the properties of its event, which saves much space.
    properties = [
        None if position and position > 1 else _properties(event)
        for event, position in zip(events, positions, strict=True)
    ]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(bodies, pa.binary()),
            _encodings(bodies),
            pa.repeat(hub, count),
            pa.repeat(partition, count),
            pa.array([event.sequence_number for event in events], pa.int64()),
            pa.array([event.offset for event in events], pa.string()),
            _enqueued_times(events),
            pa.array(properties, _SCHEMA.field("properties").type),
            pa.array(positions, pa.int32()),
            pa.array(kinds, pa.string()),
            pa.array(compressions, pa.string()),
        ],
        schema=_SCHEMA_OF_EVENTS,
    )


def _enqueued_times(events: Sequence[Event]) -> pa.Array:
    """Return enqueued times from milliseconds: Arrow converts datetimes with a zone slowly."""
    times = [(time := event.enqueued_time) and _milliseconds(time) for event in events]
    return pa.array(times, pa.timestamp("ms", "UTC")).cast(_SCHEMA.field("enqueued_at").type)


def _body(event: Event) -> tuple[str, bytes]:
    """Return the kind of the sections of an event's body, and its bytes."""
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


def _properties(event: Event) -> list[tuple[str, str | None]]:
    if not event.properties:
        return []
    # Different keys may have the same text; the last value wins.
    named = {_text(name): value for name, value in event.properties.items()}
    return [(name, None if value is None else _text(value)) for name, value in named.items()]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
