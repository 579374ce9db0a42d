"""Gaps of the stream: events that the hub dropped before bronze read them."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from amazon_reviews.resources.event_hub import Hub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import BRONZE_EVENT_GAPS

_KEY = BRONZE_EVENT_GAPS.key
_UNIQUE_KEY = ("hub", "hub_partition", "first")


def record_gap(lakehouse: Lakehouse, hub: Hub, partition: str, gap: Span) -> None:
    """Record a gap under its first number, so that a gap that grows stays one row.

    A gap that did not grow stays acknowledged.
    """
    row: dict[str, Any] = {
        "hub": hub.name,
        "hub_partition": partition,
        "first": gap.first,
        "last": gap.last,
        "found_at": datetime.now(UTC),
        "acknowledged_at": None,
    }
    columns = (*_UNIQUE_KEY, "last")
    if any(all(known[name] == row[name] for name in columns) for known in _gaps(lakehouse)):
        return
    lakehouse.ensure(_KEY)
    _replace_row(lakehouse, row)


def open_gaps(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    """Return the gaps that nobody acknowledged, as rows of bronze/event_gaps."""
    return [row for row in _gaps(lakehouse) if row["acknowledged_at"] is None]


def acknowledge_gaps(lakehouse: Lakehouse) -> int:
    """Accept that the events of all known gaps are lost; return the number of these gaps."""
    gaps = open_gaps(lakehouse)
    for gap in gaps:
        _replace_row(lakehouse, gap | {"acknowledged_at": datetime.now(UTC)})
    return len(gaps)


def _gaps(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    if not lakehouse.exists(_KEY):
        return []
    return lakehouse.delta(_KEY).to_pyarrow_table().to_pylist()


def _replace_row(lakehouse: Lakehouse, row: dict[str, Any]) -> None:
    table = pa.Table.from_pylist([row], BRONZE_EVENT_GAPS.arrow_schema)
    lakehouse.write(table, _KEY, replacing={name: [row[name]] for name in _UNIQUE_KEY})
