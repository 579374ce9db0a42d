"""Consumers from azure-eventhub, as they are, in a thread."""

import threading
from contextlib import contextmanager
from functools import partial

from azure.eventhub import EventHubConsumerClient

PATIENCE = 30
ALL = "-1"
# Seconds between looks at the socket, and before another try.
QUICK = {"socket_timeout": 0.02, "retry_backoff_factor": 0.05}

# Threads of consumers that were closed: they need about a second, in which others may begin.
closing: list[threading.Thread] = []


class Receiving:
    """The events of each partition that a consumer got, and its errors."""

    def __init__(self):
        self._changed = threading.Condition()
        self.events = {}
        self.errors = []

    def on_event(self, context, event):
        with self._changed:
            self.events.setdefault(context.partition_id, []).append(event)
            self._changed.notify_all()

    def on_error(self, context, error):
        with self._changed:
            self.errors.append(error)
            self._changed.notify_all()

    def bodies(self, partition):
        return [event.body_as_str() for event in self.events.get(partition, [])]

    def numbers(self, partition):
        return [event.sequence_number for event in self.events.get(partition, [])]

    def wait_for_events(self, count):
        """Wait until there are `count` events or an error."""
        self._wait(lambda: sum(map(len, self.events.values())) >= count or self.errors)

    def wait_for_number(self, partition, number):
        """Wait until there is the event with a sequence number, or an error."""
        self._wait(lambda: number in self.numbers(partition) or self.errors)

    def wait_for_error(self):
        """The first error."""
        self._wait(lambda: self.errors)
        return self.errors[0]

    def _wait(self, condition):
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), (
                {partition: len(events) for partition, events in self.events.items()},
                self.errors,
            )


@contextmanager
def receiving(
    connection, *, group="$Default", client_options=None, note=None, on_batch=None, **options
):
    """A consumer that receives while the block lasts, from the start unless told otherwise.

    `note` gets the Receiving beside what the client gives, `on_batch` too, for whole batches.
    """
    found = Receiving()
    client = EventHubConsumerClient.from_connection_string(
        connection, group, **QUICK | (client_options or {})
    )
    receive = client.receive_batch if on_batch else client.receive
    handle = partial(on_batch or note, found) if on_batch or note else found.on_event
    options = {"starting_position": ALL, "on_error": found.on_error} | options
    thread = threading.Thread(target=receive, args=(handle,), kwargs=options)
    thread.start()
    try:
        yield found
    finally:
        client.close()
        closing.append(thread)


def received(connection, count, **options):
    """What a consumer got when there were `count` events or an error."""
    with receiving(connection, **options) as found:
        found.wait_for_events(count)
    return found
