"""A development server for event hubs: AMQP 1.0 on loopback, events in memory.

It is for tests and for trying things out: nothing is kept when it ends, and whoever knows the
published development key may do everything. Websockets, Kafka, throttling and idempotent
producers are left out; checkpoints are not a hub's business.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from amazon_reviews.devtools.event_hub_emulator.background import Background
from amazon_reviews.devtools.event_hub_emulator.connection import Connection
from amazon_reviews.devtools.event_hub_emulator.log import DEFAULT_GROUP
from amazon_reviews.devtools.event_hub_emulator.messages import new_message, read_message
from amazon_reviews.devtools.event_hub_emulator.namespace import Namespace
from amazon_reviews.devtools.event_hub_emulator.readers import Reader
from amazon_reviews.devtools.event_hub_emulator.refusal import RESOURCE_DELETED
from amazon_reviews.devtools.event_hub_emulator.sas import DEVELOPMENT_KEY, DEVELOPMENT_POLICY

DEFAULT_RETENTION = 1_000_000


class HubOptions(NamedTuple):
    """How a hub is made: its partitions, and the consumer groups beside $Default."""

    partitions: int
    groups: Sequence[str] = ()


class EventHubEmulator:
    """A server in a thread of its own, as long as the `with` block lasts.

    Args:
        hubs: by name, the number of partitions or the options.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        retention: events that a partition keeps at most.
        policy: name of the only access policy.
        key: its key.
        ssl_context: certificate and key for TLS; without one, connections are plain.

    Raises ValueError for a hub without partitions, or a retention of nothing. The methods that
    take a hub or a partition raise Refusal where there is none.
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
            made = HubOptions(options) if isinstance(options, int) else options
            self._namespace.create(name, made.partitions, made.groups)

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
            OSError: the address cannot be listened on.
        """
        self.port = self._background.start(self.host, self.port)

    def stop(self) -> None:
        """Break all connections off and end; the events are gone."""
        self.drop_connections()
        self._background.stop()

    def connection_string(self, hub: str) -> str:
        """What clients need to reach `hub`, with the key."""
        parts = [
            f"Endpoint=sb://{self.host}:{self.port}",
            f"SharedAccessKeyName={self.policy}",
            f"SharedAccessKey={self.key}",
            f"EntityPath={hub}",
        ]
        return ";".join(parts if self._tls else [*parts, "UseDevelopmentEmulator=true"])

    @property
    def events_accepted(self) -> int:
        """Events that were published or appended so far."""
        return self._background.call(lambda: self._namespace.accepted)

    @property
    def events_delivered(self) -> int:
        """Events that were sent to receivers so far; one that is sent again counts again."""
        return self._background.call(lambda: self._namespace.delivered)

    def sequence_numbers(self, hub: str, partition: str) -> range:
        """Sequence numbers of the events that a partition keeps."""
        return self._background.call(lambda: self._namespace.partition(hub, partition).numbers)

    def receivers(self, hub: str, partition: str, group: str = DEFAULT_GROUP) -> int:
        """How many receivers of a consumer group a partition has now."""
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
            TimeoutError: it has not within `seconds`.
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
        """Put events into a partition, by default as of now; returns their sequence numbers.

        Raises:
            TypeError: a property has a type that AMQP does not know.
        """
        messages = [new_message(body, dict(properties or {}), key) for body in bodies]
        enqueued = None if enqueued_time is None else round(enqueued_time.timestamp() * 1000)
        return self._background.call(
            lambda: self._namespace.publish(hub, partition, messages, enqueued)
        )

    def append_encoded(self, hub: str, partition: str, *messages: bytes) -> list[int]:
        """Put encoded AMQP messages into a partition as of now; returns their sequence numbers.

        Raises:
            Malformed: one is no message.
        """
        given = [read_message(encoded) for encoded in messages]
        return self._background.call(lambda: self._namespace.publish(hub, partition, given))

    def trim(self, hub: str, partition: str, before_sequence_number: int) -> None:
        """Forget the events of a partition before a sequence number, as retention does."""
        self._background.call(
            lambda: self._namespace.partition(hub, partition).trim(before_sequence_number)
        )

    def recreate(self, hub: str, partitions: int | None = None) -> None:
        """Delete a hub and make it again: no events, sequence numbers from 0, created later.

        Raises:
            ValueError: it would have no partitions.
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
        """Break all connections off, now or after so many further events went to receivers."""
        self._background.call(lambda: self._namespace.drop(after_events))

    def detach_receivers(
        self, hub: str, partition: str, condition: str, text: str = "detached by the test"
    ) -> int:
        """End the links of a partition's receivers with an error; returns how many there were.

        `condition` is one of AMQP or Event Hubs, e.g. "com.microsoft:server-busy".
        """

        def detach() -> int:
            readers = self._namespace.partition(hub, partition).readers.all()
            for reader in readers:
                reader.detach(condition, text)
            return len(readers)

        return self._background.call(detach)

    def refuse_tokens(self, refuse: bool = True) -> None:
        """Give no further token access, or give it again."""
        self._background.call(lambda: setattr(self._namespace, "refuse_tokens", refuse))

    def _readers(self, hub: str, partition: str, group: str) -> list[Reader]:
        return self._namespace.partition(hub, partition).readers.of(group.lower())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Connection(self._namespace, reader, writer).serve()
