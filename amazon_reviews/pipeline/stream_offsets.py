"""Stream offsets: the event of each hub partition after which the stream reads on.

An offset is a sequence number of the hub. Bronze records it as a transaction version in the commit
that adds the events, so that events and offset cannot differ. No other place holds it. Captured
events may be in bronze beyond it, where others before them are missing.
"""

from collections.abc import Mapping

from amazon_reviews.errors import HubChangedError, SkippedEventsError
from amazon_reviews.resources.event_hub import Hub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS


def committed_offsets(lakehouse: Lakehouse, hub: Hub) -> dict[str, int | None]:
    """Return the offset of each hub partition in bronze, None for one that was never read."""
    ids = {name: offset_id(hub.name, name) for name in hub.partitions}
    versions = lakehouse.transaction_versions(BRONZE_REVIEW_EVENTS.key, ids.values())
    return {name: versions[ids[name]] for name in hub.partitions}


def captured_spans(lakehouse: Lakehouse, hub: Hub) -> dict[str, Span]:
    """Return the first span of captured events of each hub partition that has some."""
    log = lakehouse.log(BRONZE_REVIEW_EVENTS.key)
    versions = log.transactions if log else {}
    ids = {name: captured_span_ids(hub.name, name) for name in hub.partitions}
    return {
        name: Span(versions[first], versions[last])
        for name, (first, last) in ids.items()
        if last in versions
    }


def recorded_versions(lakehouse: Lakehouse, hub: Hub) -> dict[str, int | None]:
    """Return all transaction versions of this hub in bronze, by their ids."""
    ids = [created_id(hub.name), *(offset_id(hub.name, name) for name in hub.partitions)]
    return lakehouse.transaction_versions(BRONZE_REVIEW_EVENTS.key, ids)


def new_versions(hub: Hub, spans: Mapping[str, Span]) -> dict[str, int]:
    """Return the transaction versions to commit with the events of these spans."""
    versions = {offset_id(hub.name, name): span.last for name, span in spans.items()}
    versions[created_id(hub.name)] = _created_milliseconds(hub)
    return versions


def unread_spans(lakehouse: Lakehouse, hub: Hub) -> dict[str, Span]:
    """Return the sequence numbers that bronze lacks, for hub partitions with unread events.

    A span begins after the offset in bronze, even if the hub has dropped its first events. For a
    partition that was never read it begins with the first event in the hub, or after the captured
    events if these begin before it.

    Raises:
        HubChangedError: the hub was created again, so its sequence numbers mean other events.
    """
    _check_hub_is_same(lakehouse, hub)
    offsets = committed_offsets(lakehouse, hub)
    captured = captured_spans(lakehouse, hub)
    spans = {}
    for name, held in hub.partitions.items():
        offset = offsets[name]
        first = held.first if offset is None else offset + 1
        if offset is None and name in captured and captured[name].first <= held.first:
            first = captured[name].last + 1
        if first <= held.last:
            spans[name] = Span(first, held.last)
    return spans


def requested_spans(
    unread: Mapping[str, Span], requested: Mapping[str, Span] | None
) -> dict[str, Span]:
    """Return the unread part of the `requested` spans, or all unread spans without a request.

    Raises:
        SkippedEventsError: a requested span begins after events that were not read yet.
    """
    if requested is None:
        return dict(unread)
    spans = {}
    for name in filter(unread.__contains__, requested):
        first = unread[name].first
        if requested[name].first > first:
            raise SkippedEventsError(
                f"hub partition {name}: events {first} to {requested[name].first - 1} were not "
                "read yet; materialize without a range, or with one that begins there"
            )
        span = Span(first, min(unread[name].last, requested[name].last))
        if span.first <= span.last:
            spans[name] = span
    return spans


def offset_id(hub: str, partition: str) -> str:
    """Return the transaction id under which bronze records the offset of a hub partition."""
    return f"{hub}/{partition}/sequence_number"


def created_id(hub: str) -> str:
    """Return the transaction id under which bronze records the creation time of the hub."""
    return f"{hub}/created_at"


def captures_id(hub: str, partition: str) -> str:
    """Return the transaction id that changes with each commit of captured events."""
    return f"{hub}/{partition}/captures"


def captured_span_ids(hub: str, partition: str) -> tuple[str, str]:
    """Return the transaction ids of the ends of the first span of captured events.

    The second one is not kept up to date after the live stream has read the hub partition: then
    its offset shows what is in bronze.
    """
    return f"{hub}/{partition}/captured_first", f"{hub}/{partition}/captured_until"


def captured_last_id(hub: str, partition: str) -> str:
    """Return the transaction id of the highest captured sequence number of a hub partition."""
    return f"{hub}/{partition}/captured_last"


def _created_milliseconds(hub: Hub) -> int:
    return round(hub.created_at.timestamp() * 1000)


def changed_error(hub: Hub) -> HubChangedError:
    """Return the error for a hub whose name another hub had before."""
    return HubChangedError(
        f"{hub.name} is not the hub whose events bronze/review_events holds: it was created "
        f"again at {hub.created_at:%Y-%m-%d %H:%M:%S} UTC, and its sequence numbers start "
        "over. Nothing was read. Give the new hub another name, or start with an empty "
        "lakehouse"
    )


def _check_hub_is_same(lakehouse: Lakehouse, hub: Hub) -> None:
    """Compare the creation time of the hub with that of the hub behind the events in bronze.

    Sequence numbers cannot show the difference: another run may have read on meanwhile.
    """
    version_id = created_id(hub.name)
    versions = lakehouse.transaction_versions(BRONZE_REVIEW_EVENTS.key, [version_id])
    if versions[version_id] not in (None, _created_milliseconds(hub)):
        raise changed_error(hub)
