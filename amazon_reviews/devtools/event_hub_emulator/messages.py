"""AMQP 1.0 messages (part 3.2), as producers send them and as the log stores them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from amazon_reviews.devtools.event_hub_emulator.decoding import decode, skip
from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.errors import MalformedError
from amazon_reviews.devtools.event_hub_emulator.values import Symbol

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
    """A section of a message: its descriptor, its bytes, and the start of the value in them."""

    code: int
    encoded: bytes
    value_at: int

    def value(self) -> Any:
        """Decode the value after the descriptor."""
        return decode(self.encoded, self.value_at)[0]


@dataclass(slots=True)
class Message:
    """A published event: header, annotations, and the other sections, which the hub does not read.

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
    """Decode a message.

    Raises:
        MalformedError: The bytes are not a message.
    """
    sections = read_sections(encoded)
    annotated = [part.value() for part in sections if part.code == MESSAGE_ANNOTATIONS]
    annotations = annotated[0] if annotated else {}
    if not isinstance(annotations, dict):
        raise MalformedError("message annotations that are not a map")
    rest = b"".join(part.encoded for part in sections if part.code >= PROPERTIES)
    header = next((part.encoded for part in sections if part.code == HEADER), b"")
    return Message(header, annotations, rest, len(encoded))


def read_delivery(message_format: int, encoded: bytes) -> list[Message]:
    """Return the events of a delivery, which is a single event or a batch.

    Each data section of a batch is a complete message. The partition key of a batch applies to its
    events that have no key.

    Raises:
        MalformedError: The bytes are not a message, or a batch contains other data.
    """
    outer = read_message(encoded)
    if message_format != BATCH_FORMAT:
        return [outer]
    parts = [part.value() for part in read_sections(encoded) if part.code == DATA]
    events = [read_message(part) for part in parts if isinstance(part, bytes)]
    if len(events) != len(parts):
        raise MalformedError("a batch with data that is not a message")
    shared: dict[str, Any] = {PARTITION_KEY: outer.key} if outer.key is not None else {}
    return [
        Message(event.header, shared | event.annotations, event.rest, event.size)
        for event in events
    ]


def new_message(body: bytes, properties: dict[str, Any], key: str | None) -> Message:
    """Return an event with `body`, application properties and a partition key."""
    rest = encode_described(APPLICATION_PROPERTIES, properties) if properties else b""
    rest += encode_described(DATA, body)
    annotations = {} if key is None else {PARTITION_KEY: key}
    return Message(b"", annotations, rest, len(rest))


def read_sections(encoded: bytes) -> list[Section]:
    """Return the sections of a message.

    Raises:
        MalformedError: The bytes contain other values.
    """
    sections = []
    at = 0
    while at < len(encoded):
        if encoded[at]:
            raise MalformedError("a message with bytes outside its sections")
        code, value_at = decode(encoded, at + 1)
        end = skip(encoded, value_at)
        if not isinstance(code, int) or not HEADER <= code <= FOOTER:
            raise MalformedError(f"a section of a message with the unknown descriptor {code!r}")
        sections.append(Section(code, encoded[at:end], value_at - at))
        at = end
    return sections


def annotations_of(code: int, pairs: dict[str, Any]) -> bytes:
    """Encode a section of annotations, whose names are symbols on the wire."""
    return encode_described(code, {Symbol(name): value for name, value in pairs.items()})
