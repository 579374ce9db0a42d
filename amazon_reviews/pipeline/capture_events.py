"""Events in an Avro file of Event Hubs Capture, read in a stream with bounded memory.

The container is read here, and each record with fastavro: a file is hostile until it is read, and
fastavro would inflate a whole block at once.
"""

import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

import fastavro
import numpy as np
from fastavro.read import HEADER_SCHEMA

from amazon_reviews.errors import LandingError
from amazon_reviews.resources.amqp import Body
from amazon_reviews.resources.landing.layout import LandingFile
from amazon_reviews.resources.landing.zone import LandingZone

# An event has at most 1 MiB, in a dedicated cluster 20 MiB.
_LONGEST_VALUE = 32 * 1024**2
# A window of Capture has at most 500 MB.
_MOST_BYTES = 2 * 1024**3
_MOST_EVENTS = 10_000_000
_CHUNK_BYTES = 256 * 1024
_CODECS = ("null", "deflate")
_HIGHEST = 2**62
_SCALARS = {"null", "boolean", "int", "long", "float", "double", "string", "bytes"}
_FIELDS = {
    "SequenceNumber": {"long", "int"},
    "Offset": {"string", "long", "null"},
    "EnqueuedTimeUtc": {"string"},
    "Body": {"bytes", "null", "string"},
}
_TIME = re.compile(r"(\d\d?)/(\d\d?)/(\d{4}) (\d\d?):(\d\d):(\d\d)\s(AM|PM)")
# Looked up once: it is called for every value of an event.
_read = io.BufferedReader.read
_EVENTS_AT_ONCE, _BYTES_AT_ONCE = 10_000, 32 * 1024**2


class CapturedEvent(NamedTuple):
    """An event with the attributes of an event of Azure's client that bronze has columns for."""

    sequence_number: int
    offset: str | None
    enqueued_time: datetime
    properties: dict[str, Any]
    body: Body


@dataclass(frozen=True)
class CapturedNumbers:
    """The sequence numbers in a file in their order, and when these events were enqueued.

    `seconds` are seconds since 1970.
    """

    numbers: np.ndarray[Any, np.dtype[np.int64]]
    seconds: np.ndarray[Any, np.dtype[np.int64]]


class _ContentError(ValueError):
    """The text says what is wrong with the content of a file."""


def captured_numbers(landing: LandingZone, file: LandingFile) -> CapturedNumbers:
    """Read a file to its end, and return the numbers of its events.

    Raises:
        LandingError: see `captured_events`.
    """
    numbers, seconds = [], []
    for events in captured_events(landing, file):
        numbers.append(np.array([event.sequence_number for event in events], np.int64))
        seconds.append(np.array([int(e.enqueued_time.timestamp()) for e in events], np.int64))
    none = [np.empty(0, np.int64)]
    return CapturedNumbers(np.concatenate(numbers or none), np.concatenate(seconds or none))


def captured_events(landing: LandingZone, file: LandingFile) -> Iterator[list[CapturedEvent]]:
    """Yield the events of a file in order, in lists.

    Raises:
        LandingError: the file is not one of Capture, is damaged or breaks off, or is too large.
            The text names it.
    """
    with landing.open(file) as opened:
        try:
            yield from _events(_Limited(_Unbuffered(opened), _CHUNK_BYTES))
        except LandingError:
            raise
        except _ContentError as error:
            raise LandingError(f"{file.path}: {error}") from None
        # fastavro raises errors of many classes for bytes that are no Avro.
        except Exception as error:
            why = f"{type(error).__name__} {error}".strip()
            raise LandingError(
                f"{file.path} is not a complete Avro file ({why[:200]}); upload it again"
            ) from error


def _events(stream: io.BufferedReader) -> Iterator[list[CapturedEvent]]:
    header: Any = fastavro.schemaless_reader(stream, HEADER_SCHEMA, None)
    if header["magic"] != b"Obj\x01":
        raise _ContentError("it is not an Avro file; upload it again")
    schema = _checked_schema(json.loads(header["meta"]["avro.schema"]))
    codec = header["meta"].get("avro.codec", b"null").decode()
    if codec not in _CODECS:
        raise _ContentError(
            f"its compression {codec} is not read; write it with {' or '.join(_CODECS)}"
        )
    events: list[CapturedEvent] = []
    count = unpacked = size = 0
    while stream.peek(1):
        records = _long(stream)
        packed = _Block(stream, _long(stream))
        block = packed if codec == "null" else _Inflated(packed, _MOST_BYTES - unpacked)
        content: Any = _Limited(block, _CHUNK_BYTES)
        for _ in range(records):
            count += 1
            if count > _MOST_EVENTS:
                raise _ContentError(
                    f"it has more than {_MOST_EVENTS:,} events; it is not of Capture"
                )
            record: Any = fastavro.schemaless_reader(content, schema, None)
            event = _event(record, count)
            events.append(event)
            size += len(event.body.octets)
            if len(events) == _EVENTS_AT_ONCE or size >= _BYTES_AT_ONCE:
                yield events
                events, size = [], 0
        if content.read(1) or stream.read(16) != header["sync"]:
            raise _ContentError(
                "it is damaged: a block does not end where it should; upload it again"
            )
        unpacked += block.size
    if events:
        yield events


def _long(stream: io.BufferedReader) -> int:
    value: Any = fastavro.schemaless_reader(stream, "long", None)
    if not 0 <= value < _HIGHEST:
        raise _ContentError(
            "it is damaged: a block has a negative or impossible size; upload it again"
        )
    return int(value)


def _checked_schema(schema: Any) -> Any:
    """Return the parsed schema of events; any other could make a few bytes a giant record."""
    fields = schema.get("fields") if isinstance(schema, dict) else None
    if not isinstance(fields, list) or schema.get("type") != "record":
        raise _ContentError("it is not a file of Event Hubs Capture: its schema is not a record")
    types = {field["name"]: _types(field["type"]) for field in fields}
    for name, allowed in _FIELDS.items():
        if name not in types:
            raise _ContentError(f"it is not a file of Event Hubs Capture: its schema has no {name}")
        if not types[name] <= allowed:
            raise _ContentError(f"{name} has the type {', '.join(sorted(types[name] - allowed))}")
    for name, of_field in types.items():
        if not of_field <= _SCALARS | {"map"}:
            raise _ContentError(f"{name} is of a type that Event Hubs Capture does not write")
    return fastavro.parse_schema(schema)


def _types(declared: Any) -> set[str]:
    """Return the names of the types that a value may have; a map is one of scalars only."""
    if isinstance(declared, list):
        return set().union(*map(_types, declared))
    if isinstance(declared, dict):
        if declared.get("type") == "map":
            return {"map"} if _types(declared["values"]) <= _SCALARS else {"map of others"}
        return _types(declared["type"])
    return {str(declared)}


def _event(record: dict[str, Any], position: int) -> CapturedEvent:
    number, body = record["SequenceNumber"], record["Body"]
    if not 0 <= number < _HIGHEST:
        raise _ContentError(f"event {position} has the sequence number {number}; upload it again")
    offset, properties = record["Offset"], record.get("Properties")
    return CapturedEvent(
        number,
        None if offset is None else str(offset),
        _enqueued_time(record["EnqueuedTimeUtc"]),
        properties if isinstance(properties, dict) else {},
        Body("data", body.encode() if isinstance(body, str) else body or b""),
    )


@lru_cache(maxsize=10_000)
def _enqueued_time(text: str) -> datetime:
    """Return the time of a text such as 10/16/2017 6:18:55 PM, or of one in ISO 8601."""
    try:
        if not (match := _TIME.fullmatch(text)):
            time = datetime.fromisoformat(text)
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        month, day, year, hour, minute, second = map(int, match.groups()[:6])
        hour = hour % 12 + 12 * (match[7] == "PM")
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError):
        text = repr(text[:50])
    raise _ContentError(f"EnqueuedTimeUtc {text} is not a time such as 10/16/2017 6:18:55 PM")


class _Limited(io.BufferedReader):
    """A buffer that returns all bytes asked for, and is never asked for more than an event has."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _LONGEST_VALUE:
            raise _ContentError(
                f"it has a value of {size} bytes, and events have at most {_LONGEST_VALUE >> 20} "
                "MiB; upload it again"
            )
        content = _read(self, size)
        if len(content) < size and content:
            raise _ContentError("it breaks off; upload it again")
        return content


class _Raw(io.RawIOBase):
    def readable(self) -> bool:
        return True


class _Unbuffered(_Raw):
    """A stream as the raw part of a buffer; closing it leaves the stream open."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


class _Block(_Raw):
    """The next `size` bytes of a stream."""

    def __init__(self, stream: io.BufferedReader, size: int) -> None:
        self._stream = stream
        self.size = self._left = size

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read1(min(len(buffer), self._left)) if self._left else b""
        if self._left and not content:
            raise _ContentError("it breaks off; upload it again")
        self._left -= len(content)
        buffer[: len(content)] = content
        return len(content)


class _Inflated(_Raw):
    """The content of a compressed block, at most `limit` bytes; `size` is that of the part read."""

    def __init__(self, block: _Block, limit: int) -> None:
        self._block = block
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._limit = limit
        self.size = 0

    def readinto(self, buffer: Any) -> int:
        content = b""
        while not content and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._block.read(_CHUNK_BYTES)
            content = self._inflate.decompress(packed, len(buffer))
            if not packed and not content:
                raise _ContentError("compressed events break off; upload it again")
        self.size += len(content)
        if self.size > self._limit:
            raise _ContentError(
                f"it unpacks to more than {_MOST_BYTES >> 30} GiB; it is not of Capture"
            )
        buffer[: len(content)] = content
        return len(content)
