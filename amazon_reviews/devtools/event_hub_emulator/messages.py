"""AMQP 1.0 messages (part 3.2), as producers send them and as the log keeps them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from amazon_reviews.devtools.event_hub_emulator.decoding import decode, skip
from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.values import Malformed, Symbol

HEADER = 0x70
DELIVERY_ANNOTATIONS = 0x71
MESSAGE_ANNOTATIONS = 0x72
PROPERTIES = 0x73
APPLICATION_PROPERTIES = 0x74
DATA = 0x75
AMQP_SEQUENCE = 0x76
AMQP_VALUE = 0x77
FOOTER = 0x78

BATCH_FORMAT = 0x80013700
PARTITION_KEY = "x-opt-partition-key"


class Section(NamedTuple):
    """A part of a message with its descriptor, and where in its bytes the value begins."""

    code: int
    encoded: bytes
    value_at: int

    def value(self) -> Any:
        """The value behind the descriptor."""
        return decode(self.encoded, self.value_at)[0]


@dataclass(slots=True)
class Message:
    """A published event: its header, annotations, and the rest, which the hub does not read.

    `size` is in bytes, as published.
    """

    header: bytes
    annotations: dict[str, Any]
    rest: bytes
    size: int

    @property
    def key(self) -> str | None:
        """The partition key."""
        key = self.annotations.get(PARTITION_KEY)
        text = key.decode(errors="replace") if isinstance(key, bytes) else key
        return text if isinstance(text, str) else None


def read_message(encoded: bytes) -> Message:
    """The message that `encoded` holds.

    Raises:
        Malformed: it is no message.
    """
    sections = read_sections(encoded)
    annotated = [part.value() for part in sections if part.code == MESSAGE_ANNOTATIONS]
    annotations = annotated[0] if annotated else {}
    if not isinstance(annotations, dict):
        raise Malformed("message annotations that are no map")
    kept = (part.encoded for part in sections if part.code >= PROPERTIES)
    header = next((part.encoded for part in sections if part.code == HEADER), b"")
    return Message(header, annotations, b"".join(kept), len(encoded))


def read_delivery(message_format: int, encoded: bytes) -> list[Message]:
    """The events of a delivery: one, or those of a batch.

    Each data section of a batch is a whole message; a partition key of the batch is that of its
    events.

    Raises:
        Malformed: there is something else in it.
    """
    outer = read_message(encoded)
    if message_format != BATCH_FORMAT:
        return [outer]
    parts = [part.value() for part in read_sections(encoded) if part.code == DATA]
    events = [read_message(part) for part in parts if isinstance(part, bytes)]
    if len(events) != len(parts):
        raise Malformed("a batch of something else than messages")
    shared: dict[str, Any] = {PARTITION_KEY: outer.key} if outer.key is not None else {}
    return [
        Message(event.header, shared | event.annotations, event.rest, event.size)
        for event in events
    ]


def new_message(body: bytes, properties: dict[str, Any], key: str | None) -> Message:
    """An event with `body`, application properties and a partition key."""
    rest = encode_described(APPLICATION_PROPERTIES, properties) if properties else b""
    rest += encode_described(DATA, body)
    annotations = {} if key is None else {PARTITION_KEY: key}
    return Message(b"", annotations, rest, len(rest))


def read_sections(encoded: bytes) -> Sequence[Section]:
    """The sections of a message, each with its bytes.

    Raises:
        Malformed: there is something else in it.
    """
    return list(_sections(encoded))


def _sections(encoded: bytes) -> Iterator[Section]:
    at = 0
    while at < len(encoded):
        if encoded[at]:
            raise Malformed("a message with something else than sections")
        code, value_at = decode(encoded, at + 1)
        end = skip(encoded, value_at)
        if not isinstance(code, int) or not HEADER <= code <= FOOTER:
            raise Malformed(f"no section of a message has the descriptor {code!r}")
        yield Section(code, encoded[at:end], value_at - at)
        at = end


def annotations_of(code: int, pairs: dict[str, Any]) -> bytes:
    """A section of annotations, whose names are symbols on the wire."""
    return encode_described(code, {Symbol(name): value for name, value in pairs.items()})
