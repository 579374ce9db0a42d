"""An event hub emulator: AMQP 1.0 on loopback, events in memory.

It is for tests and local development. Its events are lost when it stops, and the published
development key gives full access. It supports neither websockets, Kafka, throttling nor idempotent
producers. Checkpoints are no part of it: consumers store them elsewhere.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from amazon_reviews.devtools.event_hub_emulator.background import Background
from amazon_reviews.devtools.event_hub_emulator.connection import Connection
from amazon_reviews.devtools.event_hub_emulator.errors import RESOURCE_DELETED
from amazon_reviews.devtools.event_hub_emulator.log import DEFAULT_GROUP
from amazon_reviews.devtools.event_hub_emulator.messages import new_message, read_message
from amazon_reviews.devtools.event_hub_emulator.namespace import Namespace
from amazon_reviews.devtools.event_hub_emulator.readers import Reader
from amazon_reviews.devtools.event_hub_emulator.sas import DEVELOPMENT_KEY, DEVELOPMENT_POLICY

DEFAULT_RETENTION = 1_000_000


class HubOptions(NamedTuple):
    """The number of partitions of a hub, and its consumer groups besides $Default."""

    partitions: int
    groups: Sequence[str] = ()


class EventHubEmulator:
    """An emulator that runs in its own thread until the `with` block ends.

    The methods that take a hub or a partition raise AmqpError if it does not exist.

    Args:
        hubs: By name, the number of partitions or the options.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free port.
        retention: Maximum number of events of a partition.
        policy: Name of the only access policy.
        key: Key of the access policy.
        ssl_context: Certificate and key for TLS; without it, connections are not encrypted.

    Raises:
        ValueError: A hub has no partitions, or the retention is below one event.
    """

    def __init__(
        self,
        hubs: Mapping[str, int | HubOptions],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        retention: int = DEFAULT_RETENTION,
        policy: str = DEVELOPMENT_POLICY,
        key: str = DEVELOPMENT_KEY,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.policy = policy
        self.key = key
        self._tls = ssl_context is not None
        self._namespace = Namespace(policy, key, retention)
        self._background = Background(self._serve, ssl_context)
        for name, options in hubs.items():
            hub = HubOptions(options) if isinstance(options, int) else options
            self._namespace.create(name, hub.partitions, hub.groups)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: The address is not available.
        """
        self.port = self._background.start(self.host, self.port)

    def stop(self) -> None:
        """Drop all connections and stop; the events are lost."""
        self.drop_connections()
        self._background.stop()

    def connection_string(self, hub: str) -> str:
        """Return the connection string of `hub`, with the key."""
        parts = [
            f"Endpoint=sb://{self.host}:{self.port}",
            f"SharedAccessKeyName={self.policy}",
            f"SharedAccessKey={self.key}",
            f"EntityPath={hub}",
        ]
        return ";".join(parts if self._tls else [*parts, "UseDevelopmentEmulator=true"])

    @property
    def events_accepted(self) -> int:
        """Number of events that were published or appended so far."""
        return self._background.call(lambda: self._namespace.accepted)

    @property
    def events_delivered(self) -> int:
        """Number of events sent to receivers so far; a repeated event counts again."""
        return self._background.call(lambda: self._namespace.delivered)

    def sequence_numbers(self, hub: str, partition: str) -> range:
        """Return the sequence numbers of the stored events of a partition."""
        return self._background.call(lambda: self._namespace.partition(hub, partition).numbers)

    def receivers(self, hub: str, partition: str, group: str = DEFAULT_GROUP) -> int:
        """Return the number of receivers that a consumer group has on a partition."""
        return self._background.call(lambda: len(self._readers(hub, partition, group)))

    def wait_for_receivers(
        self,
        hub: str,
        partition: str,
        group: str = DEFAULT_GROUP,
        *,
        count: int = 1,
        seconds: float = 30.0,
    ) -> None:
        """Wait until a partition has `count` receivers of a consumer group.

        Raises:
            TimeoutError: The number differs after `seconds`.
        """
        self._background.wait_until(
            lambda: len(self._readers(hub, partition, group)) == count, seconds
        )

    def append(
        self,
        hub: str,
        partition: str,
        *bodies: bytes,
        enqueued_time: datetime | None = None,
        properties: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> list[int]:
        """Store events in a partition, by default with the current time.

        Returns:
            Their sequence numbers.

        Raises:
            TypeError: A property has a type that is not an AMQP type.
        """
        messages = [new_message(body, dict(properties or {}), key) for body in bodies]
        enqueued = None if enqueued_time is None else round(enqueued_time.timestamp() * 1000)
        return self._background.call(
            lambda: self._namespace.publish(hub, partition, messages, enqueued)
        )

    def append_encoded(self, hub: str, partition: str, *messages: bytes) -> list[int]:
        """Store encoded AMQP messages in a partition with the current time.

        Returns:
            Their sequence numbers.

        Raises:
            MalformedError: The bytes are not a message.
        """
        events = [read_message(encoded) for encoded in messages]
        return self._background.call(lambda: self._namespace.publish(hub, partition, events))

    def trim(self, hub: str, partition: str, before_sequence_number: int) -> None:
        """Delete the events of a partition before a sequence number, as retention does."""
        self._background.call(
            lambda: self._namespace.partition(hub, partition).trim(before_sequence_number)
        )

    def recreate(self, hub: str, partitions: int | None = None) -> None:
        """Delete a hub and create it again: no events, sequence numbers from 0, created later.

        Raises:
            ValueError: The number of partitions is below one.
        """

        def replace() -> None:
            old = self._namespace.hub(hub)
            count = len(old.partitions) if partitions is None else partitions
            self._namespace.create(old.name, count, old.groups, created=old.created + 1)
            for partition in old.partitions.values():
                for reader in partition.readers.all():
                    reader.detach(RESOURCE_DELETED, f"The event hub '{hub}' was deleted.")

        self._background.call(replace)

    def drop_connections(self, after_events: int = 0) -> None:
        """Drop all connections, now or after sending `after_events` events to receivers."""
        self._background.call(lambda: self._namespace.drop(after_events))

    def detach_receivers(
        self, hub: str, partition: str, condition: str, text: str = "detached by the test"
    ) -> int:
        """End the links of a partition's receivers with an error, and return their number.

        `condition` is a condition of AMQP or Event Hubs, e.g. "com.microsoft:server-busy".
        """

        def detach() -> int:
            readers = self._namespace.partition(hub, partition).readers.all()
            for reader in readers:
                reader.detach(condition, text)
            return len(readers)

        return self._background.call(detach)

    def refuse_tokens(self, refuse: bool = True) -> None:
        """Reject all further tokens, or accept them again."""
        self._background.call(lambda: setattr(self._namespace, "refuse_tokens", refuse))

    def _readers(self, hub: str, partition: str, group: str) -> list[Reader]:
        return self._namespace.partition(hub, partition).readers.of(group.lower())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Connection(self._namespace, reader, writer).serve()
