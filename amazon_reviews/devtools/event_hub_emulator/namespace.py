"""State that all connections share: hubs, key, connected clients and planned faults."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from amazon_reviews.devtools.event_hub_emulator.errors import NOT_FOUND, OUT_OF_RANGE, AmqpError
from amazon_reviews.devtools.event_hub_emulator.log import Hub, Partition
from amazon_reviews.devtools.event_hub_emulator.messages import Message


class Peer(Protocol):
    """A connected client."""

    def drop(self, flush: bool) -> None:
        """Drop the connection immediately, or after sending what is buffered."""


class Namespace:
    """Hubs, and the access policy with its key.

    `accepted` counts the stored events, `delivered` the events sent to readers.
    """

    def __init__(self, policy: str, key: str, retention: int) -> None:
        self.policy = policy
        self.key = key
        self.peers: set[Peer] = set()
        self.refuse_tokens = False
        self.accepted = 0
        self.delivered = 0
        self._retention = retention
        self._hubs: dict[str, Hub] = {}
        self._until_drop = 0

    def create(self, name: str, partitions: int, groups: Iterable[str], created: int = 0) -> None:
        """Create an empty hub; it replaces a hub with the same name."""
        self._hubs[name.lower()] = Hub(name, partitions, groups, self._retention, created)

    def hub(self, name: str) -> Hub:
        """Return the hub `name`.

        Raises:
            AmqpError: The hub does not exist.
        """
        if hub := self._hubs.get(name.lower()):
            return hub
        raise AmqpError(NOT_FOUND, f"The messaging entity '{name}' could not be found.")

    def partition(self, hub: str, partition: str) -> Partition:
        """Return a partition of a hub.

        Raises:
            AmqpError: The hub or the partition does not exist.
        """
        partitions = self.hub(hub).partitions
        if partition in partitions:
            return partitions[partition]
        text = f"'{partition}' is not a partition of '{hub}': it has 0 to {len(partitions) - 1}."
        raise AmqpError(OUT_OF_RANGE, text)

    def publish(
        self,
        hub: str,
        partition: str | None,
        messages: Sequence[Message],
        enqueued: int | None = None,
    ) -> list[int]:
        """Store messages in one partition and return their sequence numbers.

        Without a partition, the hub chooses it by the first key. `enqueued` is in milliseconds
        since 1970, by default now.

        Raises:
            AmqpError: The hub or the partition does not exist.
        """
        if partition is None:
            log = self.hub(hub).choose(messages[0].key if messages else None)
        else:
            log = self.partition(hub, partition)
        numbers = [log.append(message, enqueued) for message in messages]
        self.accepted += len(numbers)
        log.readers.wake()
        return numbers

    def drop(self, after_events: int) -> None:
        """Drop all connections, now or after sending a number of further events to readers."""
        self._until_drop = after_events
        if not after_events:
            self._drop(flush=False)

    def count_delivered(self) -> None:
        """Count an event that was sent to a reader, and drop the connections if it is time."""
        self.delivered += 1
        if self._until_drop:
            self._until_drop -= 1
            if not self._until_drop:
                self._drop(flush=True)

    def _drop(self, flush: bool) -> None:
        for peer in list(self.peers):
            peer.drop(flush)
