"""From the Event Hub to bronze: every event once, unchanged, with its origin.

An event that is a batch becomes one row per record.
"""

from collections.abc import Mapping

from amazon_reviews.pipeline.stream_commit import (
    COMMIT_EVENTS,
    CommitFullError,
    Received,
    commit_events_and_offsets,
)
from amazon_reviews.resources.event_hub import EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse


def receive(
    event_hub: EventHub, lakehouse: Lakehouse, spans: Mapping[str, Span] | None = None
) -> Received:
    """Add the events of `spans`, or all that the hub holds now, to bronze.

    Each commit adds events together with their offsets. Events that bronze has already are left
    out, so the same spans may be requested again. Ranges that the hub no longer holds are first
    recorded in bronze/event_gaps.

    Raises:
        EventHubUnavailableError: the hub cannot be read; bronze keeps the commits before.
        HubChangedError: see `unread_spans`.
        SkippedEventsError: a span begins after events that were not read yet.
        ConcurrentWriteError: another run read the same partitions meanwhile.
    """
    hub = event_hub.look()
    received = Received()
    max_events = COMMIT_EVENTS
    while True:
        try:
            commit = commit_events_and_offsets(event_hub, lakehouse, hub, spans, max_events)
        except CommitFullError as full:
            max_events = max(1, full.events // 2)
            continue
        if commit is None:
            return received
        received.add(commit)
        max_events = min(2 * max_events, COMMIT_EVENTS)
