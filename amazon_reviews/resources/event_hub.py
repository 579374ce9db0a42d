"""The event hub, read with Azure's client: the state of its partitions, and its events."""

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, Queue
from threading import Event, Lock, Thread
from typing import Any, Generic, TypeVar, cast

from azure.core.exceptions import AzureError
from azure.eventhub import (
    EventData,
    EventHubConsumerClient,
    PartitionContext,
    parse_connection_string,
)
from azure.eventhub._pyamqp import receiver
from azure.eventhub.exceptions import EventHubError

from amazon_reviews.config import DEFAULT_CAPTURE_NAMES, EVENT_HUB
from amazon_reviews.errors import EventHubUnavailableError, StreamingOffError
from amazon_reviews.resources.amqp import decode_message
from amazon_reviews.resources.azure_credential import default_credential

_BATCH_EVENTS = 1_000
_BATCHES_AHEAD = 8
_REQUESTS_AT_ONCE = 16
_POLL_SECONDS = 0.05
_ASK_SECONDS = 2
# Errors of the connection, of the credential, and of the machine.
_CLIENT_ERRORS = (EventHubError, AzureError, OSError)

# One event that Azure's decoder cannot read would end all reading. The client offers no setting
# for its decoder.
receiver.decode_payload = decode_message  # type: ignore[assignment,attr-defined]

Batch = TypeVar("Batch")


class _Client(EventHubConsumerClient):
    """A consumer client that reads one partition, which exists.

    Before it reads, Azure's client asks for the names of all partitions over another connection,
    and keeps a processor busy until it has them.
    """

    partition: str

    def get_partition_ids(self) -> list[str]:
        """Return the partition to read, without a request."""
        return [self.partition]


@dataclass(frozen=True)
class HubPartition:
    """The events of a hub partition, from `first` to `last`; no event if first > last."""

    first: int
    last: int


@dataclass(frozen=True)
class Hub:
    """The state of a hub at the time of a request.

    `name` is namespace/hub in lower case. A hub that had the name before has another `created_at`.
    """

    name: str
    created_at: datetime
    partitions: Mapping[str, HubPartition]


@dataclass(frozen=True)
class Span:
    """Sequence numbers of one hub partition, both ends included."""

    first: int
    last: int


def number(event: EventData) -> int:
    """Return the event's sequence number; every received event has one."""
    assert event.sequence_number is not None
    return event.sequence_number


@dataclass(frozen=True)
class EventHub:
    """Reads one hub with the `azure-eventhub` consumer client.

    Attributes:
        address: a connection string, or namespace/hub to use Azure's default credential. It may
            hold a key, and does not appear in a representation.
        consumer_group: the consumer group.
        retry_total: number of retries of the client.
        batch_events: limit of the events of a micro-batch.
        batch_seconds: time between the starts of two micro-batches at least.
        quiet_seconds: time without events after which a stream run ends.
        run_seconds: time after which a stream run ends.
        run_events: number of events after which a stream run ends.
        lag_seconds: age of a waiting event at which the lag check fails.
        silence_seconds: limit of the wait for events that the hub holds.
        capture_names: form of the file names of Event Hubs Capture, see `capture_path`.
    """

    address: str = field(default="", repr=False)
    consumer_group: str = "$Default"
    retry_total: int = 3
    batch_events: int = 50_000
    batch_seconds: float = 1
    quiet_seconds: float = 600
    run_seconds: float = 3_600
    run_events: int = 5_000_000
    lag_seconds: int = 900
    silence_seconds: float = 60
    capture_names: str = DEFAULT_CAPTURE_NAMES
    # The partitions of the last look, so that the next one asks for all at once.
    _names: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def enabled(self) -> bool:
        """True if a hub is configured."""
        return bool(self.address)

    @property
    def name(self) -> str:
        """The name of the hub, see `Hub`; empty without a hub or with a damaged address."""
        if "=" not in self.address:
            return self.address.lower()
        with suppress(ValueError):
            parts = parse_connection_string(self.address)
            return f"{parts.fully_qualified_namespace}/{parts.eventhub_name}".lower()
        return ""

    def look(self) -> Hub:
        """Return the state of the hub and its partitions, without reading an event.

        Raises:
            EventHubUnavailableError: the hub cannot be reached.
        """
        with self._client() as client:
            try:
                # Each request opens another connection, which is mostly waiting.
                with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as threads:
                    asked = threads.submit(client.get_eventhub_properties)
                    requests = {
                        name: threads.submit(client.get_partition_properties, name)
                        for name in self._names
                    }
                    about = asked.result()
                    names = sorted(about["partition_ids"], key=lambda name: (len(name), name))
                    for name in {*names} - {*requests}:
                        requests[name] = threads.submit(client.get_partition_properties, name)
                    partitions = {name: _hub_partition(requests[name].result()) for name in names}
            except _CLIENT_ERRORS as error:
                raise self._unavailable(client, error) from None
            self._names[:] = names
            return Hub(_name(client), about["created_at"], partitions)

    def read(
        self, spans: Mapping[str, Span], convert: Callable[[str, list[EventData]], Batch]
    ) -> Generator[tuple[str, Batch]]:
        """Yield the results of `convert` for batches of these events, with their hub partition.

        Events are in order within a partition, and memory is bounded. `convert` runs in the thread
        that reads, because passing every event to another thread takes as long as reading it.
        After a lost connection the client resumes, and events that it repeats are skipped.

        Raises:
            EventHubUnavailableError: events do not arrive, or were dropped meanwhile.
        """
        batches: Queue[_Read[Batch]] = Queue(_BATCHES_AHEAD)
        over = Event()
        turn = Lock()
        readers = [
            _PartitionReader(self._client(name), name, span, convert, batches, turn, over)
            for name, span in spans.items()
        ]
        waiting = {name: span.first for name, span in spans.items()}
        try:
            for reader in readers:
                reader.start()
            while waiting:
                read = self._next(batches, waiting)
                if isinstance(read.error, _CLIENT_ERRORS):
                    raise self._unavailable(readers[0].client, read.error) from None
                if read.error is not None:
                    raise read.error
                assert read.batch is not None
                yield read.partition, read.batch
                waiting[read.partition] = read.last + 1
                if read.last >= spans[read.partition].last:
                    del waiting[read.partition]
        finally:
            over.set()
            for reader in readers:
                reader.stop()

    def _next(self, batches: "Queue[_Read[Batch]]", waiting: Mapping[str, int]) -> "_Read[Batch]":
        end = time.monotonic() + self.silence_seconds
        while (left := end - time.monotonic()) > 0:
            with suppress(Empty):
                return batches.get(timeout=min(left, _ASK_SECONDS))
            # Azure's client hides that it cannot connect in order to read.
            self.look()
        missing = ", ".join(f"{name} from {number}" for name, number in waiting.items())
        raise EventHubUnavailableError(
            f"no event came for {self.silence_seconds:g} s although the hub holds some "
            f"(partition {missing}); it is tried again with the next run"
        )

    def _client(self, partition: str = "") -> _Client:
        if not self.enabled:
            raise StreamingOffError(f"streaming is off: {EVENT_HUB} is not set")
        options: dict[str, Any] = {"retry_total": self.retry_total, "auth_timeout": 30}
        try:
            if "=" in self.address:
                made = _Client.from_connection_string(self.address, self.consumer_group, **options)
                client = cast(_Client, made)
            else:
                namespace, hub = self.address.split("/")
                client = _Client(
                    namespace, hub, self.consumer_group, default_credential(), **options
                )
            client.partition = partition
            return client
        except ValueError as error:
            raise EventHubUnavailableError(
                f"{EVENT_HUB} cannot be used ({type(error).__name__}); "
                "copy the connection string again"
            ) from None

    def _unavailable(
        self, client: EventHubConsumerClient, error: Exception
    ) -> EventHubUnavailableError:
        return EventHubUnavailableError(
            f"{_name(client)}, consumer group {self.consumer_group}, cannot be read: "
            f"{_cause(error)}. Check {EVENT_HUB} and AMAZON_REVIEWS_CONSUMER_GROUP"
        )


@dataclass(frozen=True)
class _Read(Generic[Batch]):
    """A batch of a hub partition, up to the event `last`, or the error that ended the reading."""

    partition: str
    batch: Batch | None = None
    last: int = -1
    error: Exception | None = None


class _PartitionReader(Generic[Batch]):
    """Reads one span in a thread and puts its batches, or the error that ended it, in a queue.

    All readers connect at once, but they read in turns. Two readers at once share the interpreter
    and are slower than one after the other.
    """

    def __init__(
        self,
        client: EventHubConsumerClient,
        name: str,
        span: Span,
        convert: Callable[[str, list[EventData]], Batch],
        batches: "Queue[_Read[Batch]]",
        turn: Lock,
        over: Event,
    ) -> None:
        self.client = client
        self._name = name
        self._last = span.last
        self._convert = convert
        # After a lost connection the client repeats the events that it had buffered.
        self._next = span.first
        self._batches = batches
        self._turn = turn
        self._has_turn = False
        self._over = over
        self._done = False
        self._thread = Thread(target=self._receive, name=f"hub partition {name}", daemon=True)

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop before the end of the span; a reader that reached the end has stopped already."""
        if self._done:
            return
        self.client.close()
        while self._thread.is_alive():
            # Repeated, because a thread that starts to receive only now opens the client again.
            self.client.close()
            while not self._batches.empty():
                self._batches.get_nowait()
            self._thread.join(_POLL_SECONDS)

    def _receive(self) -> None:
        try:
            self.client.receive_batch(
                self._take,
                partition_id=self._name,
                starting_position=self._next,
                starting_position_inclusive=True,
                max_batch_size=_BATCH_EVENTS,
                prefetch=_BATCH_EVENTS,
                on_error=lambda context, error: self._fail(error),
            )
        except Exception as error:  # noqa: BLE001 - the reading thread raises any error
            self._fail(error)
        finally:
            self._pass_turn_on()

    def _take(self, context: PartitionContext, events: list[EventData]) -> None:
        while not (self._has_turn or self._over.is_set()):
            self._has_turn = self._turn.acquire(timeout=_POLL_SECONDS)
        if self._done or self._over.is_set():
            return
        new = [event for event in events if self._next <= number(event) <= self._last]
        if new:
            last = number(new[-1])
            self._next = last + 1
            self._batches.put(_Read(self._name, self._convert(self._name, new), last))
        if events and number(events[-1]) >= self._last:
            self._done = True
            self._pass_turn_on()
            self.client.close()

    def _pass_turn_on(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turn.release()

    def _fail(self, error: Exception) -> None:
        if not (self._done or self._over.is_set()):
            self._done = True
            self._batches.put(_Read(self._name, error=error))
            self.client.close()


def _hub_partition(properties: Mapping[str, Any]) -> HubPartition:
    last = properties["last_enqueued_sequence_number"]
    if properties["is_empty"]:
        return HubPartition(last + 1, last)
    return HubPartition(properties["beginning_sequence_number"], last)


def _name(client: EventHubConsumerClient) -> str:
    address = client._address
    return f"{address.hostname}{address.path}".lower()


def _cause(error: Exception) -> str:
    text = str(getattr(error, "message", error)).partition("\nError condition")[0]
    return " ".join(text.split())[:300].rstrip(".")
