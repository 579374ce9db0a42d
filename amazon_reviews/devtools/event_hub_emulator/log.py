"""The stored events of a hub: partitions, sequence numbers, offsets, positions, retention."""

import itertools
import re
import time
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from amazon_reviews.devtools.event_hub_emulator.messages import (
    DELIVERY_ANNOTATIONS,
    MESSAGE_ANNOTATIONS,
    Message,
    annotations_of,
)
from amazon_reviews.devtools.event_hub_emulator.readers import Readers
from amazon_reviews.devtools.event_hub_emulator.refusal import ARGUMENT_ERROR, Refusal
from amazon_reviews.devtools.event_hub_emulator.values import Timestamp

DEFAULT_GROUP = "$default"
# What the service adds to an event is counted in its offsets as well.
_OVERHEAD = 96
_SELECTOR = re.compile(r"\s*amqp\.annotation\.x-opt-([a-z-]+)\s*(>=?)\s*'?([^']*)'?\s*")


class Event(NamedTuple):
    """A stored event; `enqueued` is in milliseconds since 1970.

    `header` and `rest` are what goes over the wire, before and after delivery annotations.
    """

    offset: int
    enqueued: int
    header: bytes
    rest: bytes


class Partition:
    """A log of events; at most `retention` of them are kept."""

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
        """Sequence numbers of the events that are kept."""
        return range(self.first, self.next)

    def append(self, message: Message, enqueued: int | None = None) -> int:
        """Store an event, by default as of now; returns its sequence number."""
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
        """The event with a sequence number from `first` up to `next`."""
        return self._events[number]

    def trim(self, before: int) -> None:
        """Forget the events before a sequence number."""
        while self.first < min(before, self.next):
            del self._events[self.first]
            self.first += 1

    def start(self, selector: str | None) -> int:
        """The first sequence number that a reader's filter lets through.

        Raises:
            Refusal: the filter is not understood, or lies behind the last event.
        """
        if selector is None:
            return self.first
        match = _SELECTOR.fullmatch(selector)
        if match is None:
            raise Refusal(ARGUMENT_ERROR, f"the filter {selector!r} is not understood")
        field, comparison, value = match.groups()
        if (field, value) == ("offset", "@latest"):
            return self.next
        if not re.fullmatch(r"-?\d{1,19}", value):
            raise Refusal(ARGUMENT_ERROR, f"The supplied {field} '{value}' is invalid.")
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
        raise Refusal(ARGUMENT_ERROR, f"events cannot be chosen by {field}")

    def metrics(self) -> bytes:
        """The delivery annotations that tell a reader how far the partition has come."""
        last = {
            "last_enqueued_sequence_number": self.next - 1,
            "last_enqueued_offset": str(self.last_offset),
            "last_enqueued_time_utc": Timestamp(self.last_enqueued),
            "runtime_info_retrieval_time_utc": Timestamp(_now()),
        }
        return annotations_of(DELIVERY_ANNOTATIONS, last)


class Hub:
    """A hub; `created` is in milliseconds since 1970, and not before the one that is given.

    Raises:
        ValueError: it has no partitions, or they may keep no event.
    """

    def __init__(
        self, name: str, partitions: int, groups: Iterable[str], retention: int, created: int = 0
    ) -> None:
        if partitions < 1 or retention < 1:
            raise ValueError(f"{name}: a hub has partitions, and they keep events")
        self.name = name
        self.created = max(created, _now())
        self.groups = {group.lower() for group in groups} | {DEFAULT_GROUP}
        self.partitions = {str(n): Partition(str(n), retention) for n in range(partitions)}
        self._in_turn = itertools.cycle(self.partitions.values())

    def choose(self, key: str | None) -> Partition:
        """The partition for events with a key, or the next in turn.

        Events with the same key meet in one partition, but not in that of the service, which
        has another hash.
        """
        if key is None:
            return next(self._in_turn)
        return self.partitions[str(zlib.crc32(key.encode()) % len(self.partitions))]


def _check_position(name: str, value: int, last: int) -> None:
    """Refuse a position behind the last event, as the service does for a hub made anew."""
    if value > last:
        text = (
            f"The supplied {name} '{value}' is invalid. The last {name} in the system is '{last}'"
        )
        raise Refusal(ARGUMENT_ERROR, text)


def _now() -> int:
    return int(time.time() * 1000)
