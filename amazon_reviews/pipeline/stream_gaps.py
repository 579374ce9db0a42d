"""Gaps of the stream: events that the hub dropped before bronze read them.

Captured events close gaps. As captures may be incomplete too, their own gaps are found here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from amazon_reviews.pipeline.bronze_events import held_numbers
from amazon_reviews.pipeline.sequence_numbers import Numbers
from amazon_reviews.pipeline.stream_offsets import (
    captured_last_id,
    captured_span_ids,
    offset_id,
)
from amazon_reviews.resources.event_hub import Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import BRONZE_EVENT_GAPS, BRONZE_REVIEW_EVENTS

_KEY = BRONZE_EVENT_GAPS.key
_COLUMNS = ("hub", "hub_partition", "first", "last")
# A gap that is being recorded must not be overwritten by gaps that were read before it.
_LOCK = f"update.{_KEY}"
_COMPARED = "compared"


def record_gap(lakehouse: Lakehouse, hub: str, partition: str, gap: Span) -> None:
    """Record a gap under its first number, so that a gap that grows stays one row.

    A gap that did not grow stays acknowledged.
    """
    row = _row(hub, partition, gap)
    with lakehouse.lock(_LOCK):
        if any(all(known[name] == row[name] for name in _COLUMNS) for known in _gaps(lakehouse)):
            return
        lakehouse.ensure(_KEY)
        _replace_row(lakehouse, row)


def open_gaps(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    """Return the gaps that nobody acknowledged, as rows of bronze/event_gaps."""
    return [row for row in _gaps(lakehouse) if row["acknowledged_at"] is None]


def acknowledge_gaps(lakehouse: Lakehouse) -> int:
    """Accept that the events of all known gaps are lost; return the number of these gaps."""
    with lakehouse.lock(_LOCK):
        gaps = open_gaps(lakehouse)
        for gap in gaps:
            _replace_row(lakehouse, gap | {"acknowledged_at": datetime.now(UTC)})
    return len(gaps)


@dataclass(frozen=True)
class UncomparedCaptures:
    """A hub partition with captured events that its gaps were not compared with.

    `captures` is the version of the captured events. `span` goes from the first captured event to
    the last event before which the others should be in bronze. `compared` is the part of it that
    was searched for gaps before, if any.
    """

    hub: str
    partition: str
    captures: int
    offset: int
    span: Span
    compared: Span | None


def uncompared_captures(lakehouse: Lakehouse, live_hub: str) -> list[UncomparedCaptures]:
    """Return the hub partitions whose gaps must be compared with captured events.

    It reads the logs only. The live stream of `live_hub`, empty without one, reads what is missing
    after its offset.
    """
    events, gaps = lakehouse.log(BRONZE_REVIEW_EVENTS.key), lakehouse.log(_KEY)
    known, before = (log.transactions if log else {} for log in (events, gaps))
    uncompared = []
    for version_id in known:
        if not version_id.endswith("/captures"):
            continue
        hub, partition, _ = version_id.rsplit("/", 2)
        first_id, until_id = captured_span_ids(hub, partition)
        read_id = offset_id(hub, partition)
        offset = known[read_id if read_id in known else until_id]
        last = max(offset, known[captured_last_id(hub, partition)])
        span = Span(known[first_id], offset if hub == live_hub else last)
        ids = _compared_ids(hub, partition)
        captures, first, end, offset_then = (before.get(each) for each in ids)
        compared = None if first is None or end is None else Span(first, end)
        # The live stream may have read what was a gap when it was off.
        moved = offset_then is not None and compared and offset_then < compared.last
        if captures != known[version_id] or (moved and offset != offset_then):
            uncompared.append(
                UncomparedCaptures(hub, partition, known[version_id], offset, span, compared)
            )
    return uncompared


def compare_with_captures(lakehouse: Lakehouse, live_hub: str) -> None:
    """Take captured events out of the gaps, and add gaps between captured events.

    A gap that is closed in part becomes the gaps that are left of it. The parts stay acknowledged
    if it was. See `uncompared_captures` for `live_hub`.
    """
    for captures in uncompared_captures(lakehouse, live_hub):
        lakehouse.ensure(_KEY)
        with lakehouse.lock(_LOCK):
            _compare(lakehouse, captures)


def _compare(lakehouse: Lakehouse, captures: UncomparedCaptures) -> None:
    place = {"hub": captures.hub, "hub_partition": captures.partition}
    before = [row for row in _gaps(lakehouse) if place.items() <= row.items()]
    rows = [row | part for row in before for part in _left_of(lakehouse, row)]
    span, compared = captures.span, captures.compared or Span(0, -1)
    new = Numbers.between(span.first, span.last) - Numbers.between(compared.first, compared.last)
    for gap in before:
        new -= Numbers.between(gap["first"], gap["last"])
    for part in new.spans:
        held = held_numbers(lakehouse, captures.hub, captures.partition, part)
        missing = Numbers.between(part.first, part.last) - held
        rows += [_row(captures.hub, captures.partition, gap) for gap in missing.spans]
    reached = Numbers.between(span.first, span.last) | Numbers.between(
        compared.first, compared.last
    )
    searched = next(iter(reached.spans), compared)
    versions = (captures.captures, searched.first, searched.last, captures.offset)
    lakehouse.write(
        pa.Table.from_pylist(rows, BRONZE_EVENT_GAPS.arrow_schema),
        _KEY,
        replacing={name: [value] for name, value in place.items()},
        transaction_versions=dict(
            zip(_compared_ids(captures.hub, captures.partition), versions, strict=True)
        ),
    )


def _left_of(lakehouse: Lakehouse, gap: dict[str, Any]) -> Iterator[dict[str, int]]:
    """Yield first and last of the parts of a gap that bronze does not hold."""
    span = Span(gap["first"], gap["last"])
    held = held_numbers(lakehouse, gap["hub"], gap["hub_partition"], span)
    for part in (Numbers.between(span.first, span.last) - held).spans:
        yield {"first": part.first, "last": part.last}


def _compared_ids(hub: str, partition: str) -> tuple[str, ...]:
    """Return the transaction ids of the captures, the span and the offset last compared with."""
    kinds = ("captures", "first", "last", "offset")
    return tuple(f"{hub}/{partition}/{_COMPARED}_{kind}" for kind in kinds)


def _row(hub: str, partition: str, gap: Span) -> dict[str, Any]:
    return {
        "hub": hub,
        "hub_partition": partition,
        "first": gap.first,
        "last": gap.last,
        "found_at": datetime.now(UTC),
        "acknowledged_at": None,
    }


def _gaps(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    if not lakehouse.exists(_KEY):
        return []
    return lakehouse.delta(_KEY).to_pyarrow_table().to_pylist()


def _replace_row(lakehouse: Lakehouse, row: dict[str, Any]) -> None:
    table = pa.Table.from_pylist([row], BRONZE_EVENT_GAPS.arrow_schema)
    lakehouse.write(table, _KEY, replacing={name: [row[name]] for name in _COLUMNS[:3]})
