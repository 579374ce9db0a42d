"""From the Event Hub to bronze: every event once, unchanged, with its origin.

An event that is a batch becomes one row per record.
"""

from collections.abc import Mapping
from contextlib import closing
from functools import partial

from amazon_reviews.pipeline.bronze_events import holds_rows
from amazon_reviews.pipeline.stream_commit import (
    COMMIT_EVENTS,
    CommitFullError,
    Received,
    commit_events_and_offsets,
)
from amazon_reviews.pipeline.stream_offsets import captured_spans, changed_error, committed_offsets
from amazon_reviews.pipeline.stream_rows import event_rows
from amazon_reviews.resources.event_hub import EventHub, Hub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse

_LOCK = "receive.events"


def receive(
    event_hub: EventHub,
    lakehouse: Lakehouse,
    spans: Mapping[str, Span] | None = None,
    most_events: int | None = None,
) -> Received:
    """Add the events of `spans`, or all that the hub holds now, to bronze, or the first of them.

    Each commit adds events together with their offsets. Events that bronze has already are left
    out, so the same spans may be requested again. Ranges that the hub no longer holds are first
    recorded in bronze/event_gaps. Processes that read at once take turns.

    Raises:
        EventHubUnavailableError: the hub cannot be read; bronze keeps the commits before.
        HubChangedError: see `unread_spans`; or bronze has captured events of another hub.
        SkippedEventsError: a span begins after events that were not read yet.
        ConcurrentWriteError: another run read the same partitions meanwhile.
    """
    hub = event_hub.look()
    _check_captured_events(event_hub, lakehouse, hub)
    received = Received()
    max_events = min(COMMIT_EVENTS, most_events or COMMIT_EVENTS)
    while True:
        try:
            with lakehouse.lock(_LOCK):
                commit = commit_events_and_offsets(event_hub, lakehouse, hub, spans, max_events)
        except CommitFullError as full:
            max_events = max(1, full.events // 2)
            continue
        if commit is None:
            return received
        received.add(commit)
        if most_events and received.count >= most_events:
            return received
        max_events = min(2 * max_events, COMMIT_EVENTS, most_events or COMMIT_EVENTS)


def _check_captured_events(event_hub: EventHub, lakehouse: Lakehouse, hub: Hub) -> None:
    """Compare an event of each hub partition with the captured one, before the first read.

    Captured events do not say when their hub was created.
    """
    offsets = committed_offsets(lakehouse, hub)
    for name, span in captured_spans(lakehouse, hub).items():
        held, last = hub.partitions[name], span.last
        if offsets[name] is not None or not held.first <= last <= held.last:
            continue
        events = event_hub.read({name: Span(last, last)}, partial(event_rows, hub.name))
        with closing(events):
            for _, rows in events:
                if not holds_rows(lakehouse, hub.name, name, rows):
                    raise changed_error(hub)
