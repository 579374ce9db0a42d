"""Unmodified consumers of azure-eventhub, each in a thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from azure.eventhub import EventData, EventHubConsumerClient

PATIENCE = 30
ALL = "-1"
# Short waits at the socket and between attempts, since a test waits for each of them.
QUICK: dict[str, Any] = {"socket_timeout": 0.02, "retry_backoff_factor": 0.05}

# Threads of closed consumers. They need about a second to end, and the next test need not wait.
closing: list[threading.Thread] = []


class Receiving:
    """The events that a consumer received, by partition, and its errors."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.events: dict[str, list[EventData]] = {}
        self.errors: list[Exception] = []

    def on_event(self, context: Any, event: EventData) -> None:
        with self._changed:
            self.events.setdefault(context.partition_id, []).append(event)
            self._changed.notify_all()

    def on_error(self, context: Any, error: Exception) -> None:
        with self._changed:
            self.errors.append(error)
            self._changed.notify_all()

    def bodies(self, partition: str) -> list[str]:
        return [event.body_as_str() for event in self.events.get(partition, [])]

    def numbers(self, partition: str) -> list[int | None]:
        return [event.sequence_number for event in self.events.get(partition, [])]

    def wait_for_events(self, count: int) -> None:
        """Wait until `count` events or an error arrived."""
        self._wait(lambda: sum(map(len, self.events.values())) >= count or bool(self.errors))

    def wait_for_number(self, partition: str, number: int) -> None:
        """Wait until the event with a sequence number, or an error, arrived."""
        self._wait(lambda: number in self.numbers(partition) or bool(self.errors))

    def wait_for_error(self) -> Exception:
        """Wait for an error and return the first."""
        self._wait(lambda: bool(self.errors))
        return self.errors[0]

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), (
                {partition: len(events) for partition, events in self.events.items()},
                self.errors,
            )


@contextmanager
def receiving(
    connection: str,
    *,
    group: str = "$Default",
    client_options: dict[str, Any] | None = None,
    note: Callable[..., None] | None = None,
    on_batch: Callable[..., None] | None = None,
    **options: Any,
) -> Iterator[Receiving]:
    """Run a consumer until the block ends, by default from the first event.

    `note` handles each event, `on_batch` each batch. Both get the Receiving object as their first
    argument, before the arguments of the client.
    """
    consumer = Receiving()
    client = EventHubConsumerClient.from_connection_string(
        connection, group, **QUICK | (client_options or {})
    )
    receive = client.receive_batch if on_batch else client.receive
    custom = on_batch or note
    handle = partial(custom, consumer) if custom else consumer.on_event
    options = {"starting_position": ALL, "on_error": consumer.on_error} | options
    thread = threading.Thread(target=receive, args=(handle,), kwargs=options)
    thread.start()
    try:
        yield consumer
    finally:
        client.close()
        closing.append(thread)


def received(connection: str, count: int, **options: Any) -> Receiving:
    """Return the Receiving object after `count` events or an error."""
    with receiving(connection, **options) as consumer:
        consumer.wait_for_events(count)
    return consumer
