"""Stored events of a hub: partitions, sequence numbers, offsets, positions and retention."""

import itertools
import re
import time
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from amazon_reviews.devtools.event_hub_emulator.errors import ARGUMENT_ERROR, AmqpError
from amazon_reviews.devtools.event_hub_emulator.messages import (
    DELIVERY_ANNOTATIONS,
    MESSAGE_ANNOTATIONS,
    Message,
    annotations_of,
)
from amazon_reviews.devtools.event_hub_emulator.readers import Readers
from amazon_reviews.devtools.event_hub_emulator.values import Timestamp

DEFAULT_GROUP = "$default"
# Offsets of the service count bytes, including those that it adds to an event.
_OVERHEAD = 96
_SELECTOR = re.compile(r"\s*amqp\.annotation\.x-opt-([a-z-]+)\s*(>=?)\s*'?([^']*)'?\s*")


class Event(NamedTuple):
    """A stored event; `enqueued` is in milliseconds since 1970.

    `header` and `rest` are the encoded sections before and after the delivery annotations.
    """

    offset: int
    enqueued: int
    header: bytes
    rest: bytes


class Partition:
    """A log of at most `retention` events."""

    def __init__(self, name: str, retention: int) -> None:
        self.name = name
        self.first = 0
        self.next = 0
        self.last_offset = -1
        self.last_enqueued = 0
        self.readers = Readers()
        self._retention = retention
        self._next_offset = 0
        self._events: dict[int, Event] = {}

    @property
    def numbers(self) -> range:
        """Sequence numbers of the stored events."""
        return range(self.first, self.next)

    def append(self, message: Message, enqueued: int | None = None) -> int:
        """Store an event, by default with the current time, and return its sequence number."""
        number, offset = self.next, self._next_offset
        enqueued = _now() if enqueued is None else enqueued
        annotations = message.annotations | {
            "x-opt-sequence-number": number,
            "x-opt-offset": str(offset),
            "x-opt-enqueued-time": Timestamp(enqueued),
        }
        rest = annotations_of(MESSAGE_ANNOTATIONS, annotations) + message.rest
        self._events[number] = Event(offset, enqueued, message.header, rest)
        self.next += 1
        self._next_offset += message.size + _OVERHEAD
        self.last_offset, self.last_enqueued = offset, enqueued
        self.trim(self.next - self._retention)
        return number

    def event(self, number: int) -> Event:
        """Return the event with a sequence number from `first` up to `next`."""
        return self._events[number]

    def trim(self, before: int) -> None:
        """Delete the events before a sequence number."""
        while self.first < min(before, self.next):
            del self._events[self.first]
            self.first += 1

    def start(self, selector: str | None) -> int:
        """Return the first sequence number that a reader's filter accepts.

        Raises:
            AmqpError: The filter is not valid, or its position is after the last event.
        """
        if selector is None:
            return self.first
        match = _SELECTOR.fullmatch(selector)
        if match is None:
            raise AmqpError(ARGUMENT_ERROR, f"the filter {selector!r} is not supported")
        field, comparison, value = match.groups()
        if (field, value) == ("offset", "@latest"):
            return self.next
        if not re.fullmatch(r"-?\d{1,19}", value):
            raise AmqpError(ARGUMENT_ERROR, f"The supplied {field} '{value}' is invalid.")
        return self._first_after(field, int(value), inclusive=comparison == ">=")

    def _first_after(self, field: str, value: int, inclusive: bool) -> int:
        numbers = self.numbers
        find = bisect_left if inclusive else bisect_right
        if field == "offset":
            _check_position("offset", value, self.last_offset)
            return self.first + find(numbers, value, key=lambda n: self._events[n].offset)
        if field == "sequence-number":
            _check_position("sequence number", value, self.next - 1)
            return self.first + find(numbers, value)
        if field == "enqueued-time":
            least = value if inclusive else value + 1
            return next((n for n in numbers if self._events[n].enqueued >= least), self.next)
        raise AmqpError(ARGUMENT_ERROR, f"events cannot be selected by {field}")

    def metrics(self) -> bytes:
        """Return the delivery annotations with the last event of the partition."""
        last = {
            "last_enqueued_sequence_number": self.next - 1,
            "last_enqueued_offset": str(self.last_offset),
            "last_enqueued_time_utc": Timestamp(self.last_enqueued),
            "runtime_info_retrieval_time_utc": Timestamp(_now()),
        }
        return annotations_of(DELIVERY_ANNOTATIONS, last)


class Hub:
    """A hub; its `created`, in milliseconds since 1970, is now or the given time if that is later.

    Raises:
        ValueError: The number of partitions or the retention is below one.
    """

    def __init__(
        self, name: str, partitions: int, groups: Iterable[str], retention: int, created: int = 0
    ) -> None:
        if partitions < 1 or retention < 1:
            raise ValueError(
                f"{name}: a hub needs at least one partition and a retention of at least one event"
            )
        self.name = name
        self.created = max(created, _now())
        self.groups = {group.lower() for group in groups} | {DEFAULT_GROUP}
        self.partitions = {str(n): Partition(str(n), retention) for n in range(partitions)}
        self._in_turn = itertools.cycle(self.partitions.values())

    def choose(self, key: str | None) -> Partition:
        """Return the partition for events with `key`, or the next in turn.

        Events with the same key get the same partition. The service uses another hash, so its
        partition may be a different one.
        """
        if key is None:
            return next(self._in_turn)
        return self.partitions[str(zlib.crc32(key.encode()) % len(self.partitions))]


def _check_position(name: str, value: int, last: int) -> None:
    """Raise AmqpError for a position after the last event, as the service does."""
    if value > last:
        text = (
            f"The supplied {name} '{value}' is invalid. The last {name} in the system is '{last}'"
        )
        raise AmqpError(ARGUMENT_ERROR, text)


def _now() -> int:
    return int(time.time() * 1000)
