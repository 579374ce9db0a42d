"""The links to the nodes of a namespace: publish events, read them, send requests and responses."""

import time
from collections import deque
from typing import Any

from amazon_reviews.devtools.event_hub_emulator.addresses import (
    CBS,
    MANAGEMENT,
    PublishAddress,
    ReadAddress,
    path_of,
    publish_address,
    read_address,
)
from amazon_reviews.devtools.event_hub_emulator.errors import NOT_FOUND, UNAUTHORIZED, AmqpError
from amazon_reviews.devtools.event_hub_emulator.links import Incoming, Link, LinkSession, Outgoing
from amazon_reviews.devtools.event_hub_emulator.management import read_request, respond
from amazon_reviews.devtools.event_hub_emulator.messages import read_delivery
from amazon_reviews.devtools.event_hub_emulator.performatives import Attach
from amazon_reviews.devtools.event_hub_emulator.values import Array, Described, Symbol

_EPOCH = Symbol("com.microsoft:epoch")
_METRICS = Symbol("com.microsoft:enable-receiver-runtime-metric")
_SELECTOR = Symbol("apache.org:selector-filter:string")


def open_link(session: LinkSession, attach: Attach) -> Link:
    """Return the link that an attach requests.

    Raises:
        AmqpError: Its address does not exist, or the peer has no access to it.
    """
    path = path_of(_address(attach.source if attach.role else attach.target))
    if path in (CBS, MANAGEMENT):
        return (Responses if attach.role else Requests)(session, attach, path)
    if attach.role and (read := read_address(path)):
        return Subscription(session, attach, read)
    if not attach.role and (publish := publish_address(path)):
        return Publisher(session, attach, publish)
    raise AmqpError(NOT_FOUND, f"The messaging entity '{path}' could not be found.")


class Publisher(Incoming):
    """Stores events in one partition, or in those that the hub chooses."""

    def __init__(self, session: LinkSession, attach: Attach, address: PublishAddress) -> None:
        super().__init__(session, attach)
        _authorize(session, address.hub)
        self._address = address
        self._namespace = session.namespace
        # A missing hub or partition must reject the link, not the first event.
        self._namespace.hub(address.hub)
        if address.partition is not None:
            self._namespace.partition(address.hub, address.partition)

    def accept(self, message_format: int, encoded: bytes) -> None:
        """Store an event, or the events of a batch in one partition."""
        messages = read_delivery(message_format, encoded)
        self._namespace.publish(self._address.hub, self._address.partition, messages)


class Subscription(Outgoing):
    """Sends the events of a partition, beginning at a position."""

    def __init__(self, session: LinkSession, attach: Attach, address: ReadAddress) -> None:
        super().__init__(session, attach)
        _authorize(session, f"{address.hub}/consumergroups/{address.group}")
        self._namespace = session.namespace
        self._partition = self._namespace.partition(address.hub, address.partition)
        if address.group not in self._namespace.hub(address.hub).groups:
            name = f"{address.hub}~{address.partition}~{address.group}"
            raise AmqpError(NOT_FOUND, f"The messaging entity '{name}' could not be found.")
        self.group = address.group
        epoch = (attach.properties or {}).get(_EPOCH)
        self.epoch = epoch if isinstance(epoch, int) else None
        self._metrics = _METRICS in _as_list(attach.desired_capabilities)
        self._next = self._partition.start(_selector(attach.source))
        self._partition.readers.admit(self)

    def end(self) -> None:
        """Stop sending, and leave the partition to others."""
        super().end()
        self._partition.readers.remove(self)

    def take(self) -> bytes | None:
        """Return the next event; events that retention removed are skipped."""
        number = max(self._next, self._partition.first)
        if number >= self._partition.next:
            return None
        self._next = number + 1
        event = self._partition.event(number)
        metrics = self._partition.metrics() if self._metrics else b""
        return event.header + metrics + event.rest

    def sent(self) -> None:
        """Count the event."""
        self._namespace.count_delivered()


class Requests(Incoming):
    """Takes requests, and puts the responses on the session's link from the same node."""

    def __init__(self, session: LinkSession, attach: Attach, node: str) -> None:
        super().__init__(session, attach)
        self._node = node

    def accept(self, message_format: int, encoded: bytes) -> None:
        """Respond to a request."""
        request = read_request(encoded)
        message = respond(self._node, request, self.session.namespace, self.session.grants)
        for link in self.session.links():
            if isinstance(link, Responses) and link.node == self._node:
                link.put(message)
                break


class Responses(Outgoing):
    """Sends the responses to requests."""

    def __init__(self, session: LinkSession, attach: Attach, node: str) -> None:
        super().__init__(session, attach)
        self.node = node
        self._waiting: deque[bytes] = deque()

    def put(self, message: bytes) -> None:
        """Send a response as soon as there is credit."""
        self._waiting.append(message)
        self.wake()

    def take(self) -> bytes | None:
        """Return the oldest response that is not sent yet."""
        return self._waiting.popleft() if self._waiting else None


def _authorize(session: LinkSession, path: str) -> None:
    if not session.grants.cover(path, time.time()):
        raise AmqpError(UNAUTHORIZED, f"Unauthorized access. No token gives access to '{path}'.")


def _address(terminus: Described | None) -> str:
    match terminus:
        case Described(_, [str() as address, *_]):
            return address
    return ""


def _selector(source: Described | None) -> str | None:
    """Return the text of the filter with the start position."""
    match source:
        case Described(_, [_, _, _, _, _, _, _, dict() as filters, *_]):
            chosen = filters.get(_SELECTOR)
            text = chosen.value if isinstance(chosen, Described) else chosen
            return None if text is None else str(text)
    return None


def _as_list(value: Any) -> list[Any]:
    """Return the values of a field that may hold a single value or an array."""
    return list(value) if isinstance(value, Array | list) else [value]
