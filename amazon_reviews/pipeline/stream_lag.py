"""Lag of the stream: the events of the hub that bronze has not read yet."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_

import pyarrow.compute as pc

from amazon_reviews.pipeline.stream_offsets import committed_offsets, unread_spans
from amazon_reviews.resources.event_hub import EventHub, Hub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS

_KEY = BRONZE_REVIEW_EVENTS.key


@dataclass(frozen=True)
class Lag:
    """The number of unread events of a hub partition, and the longest wait among them.

    `seconds` is the time since the last event in bronze was enqueued: an upper bound.
    """

    events: int
    seconds: float


def lag(event_hub: EventHub, lakehouse: Lakehouse) -> dict[str, Lag]:
    """Return the lag of bronze behind the hub, by hub partition."""
    hub = event_hub.look()
    spans = unread_spans(lakehouse, hub)
    last_enqueued = _last_enqueued(lakehouse, hub) if spans else {}
    now = datetime.now(UTC)
    lags = dict.fromkeys(hub.partitions, Lag(0, 0.0))
    for name, span in spans.items():
        since = last_enqueued.get(name, hub.created_at)
        lags[name] = Lag(span.last - span.first + 1, (now - since).total_seconds())
    return lags


def _last_enqueued(lakehouse: Lakehouse, hub: Hub) -> dict[str, datetime]:
    """Return the time when the last event in bronze was enqueued, by hub partition."""
    if not lakehouse.exists(_KEY):
        return {}
    offsets = {
        name: offset
        for name, offset in committed_offsets(lakehouse, hub).items()
        if offset is not None
    }
    if not offsets:
        return {}
    name, number = pc.field("hub_partition"), pc.field("sequence_number")
    is_last = reduce(or_, ((name == key) & (number == offsets[key]) for key in offsets))
    rows = (
        lakehouse.delta(_KEY)
        .to_pyarrow_dataset()
        .to_table(
            columns=["hub_partition", "enqueued_at"],
            filter=(pc.field("hub") == hub.name) & is_last,
        )
    )
    return {row["hub_partition"]: row["enqueued_at"] for row in rows.to_pylist()}
