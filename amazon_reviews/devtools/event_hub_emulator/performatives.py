"""The frame bodies of AMQP 1.0, one class each (parts 2.7 and 5.3).

The fields are in the order of the wire. All of them are sent, null or not: azure-eventhub up to
5.15.1 reads optional ones at the end without checking that they are present.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, get_args, get_type_hints

from amazon_reviews.devtools.event_hub_emulator.decoding import decode
from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.errors import MalformedError
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
    Described,
    Symbol,
    UByte,
    UInt,
    ULong,
    UShort,
)


class Performative:
    """A frame body; `sasl` marks those of the SASL layer."""

    __slots__ = ()
    code: ClassVar[int]
    sasl: ClassVar[bool] = False

    def encode(self) -> bytes:
        """Return the bytes, with a null for every field that is None."""
        return encode_described(self.code, [getattr(self, name) for name in _FIELDS[type(self)]])


@dataclass(slots=True, kw_only=True)
class Open(Performative):
    """Begins a connection; `idle_time_out` is in milliseconds."""

    code = 0x10
    container_id: str
    hostname: str | None = None
    max_frame_size: UInt | None = None
    channel_max: UShort | None = None
    idle_time_out: UInt | None = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict | None = None


@dataclass(slots=True, kw_only=True)
class Begin(Performative):
    """Begins a session; windows are in transfer frames."""

    code = 0x11
    remote_channel: UShort | None = None
    next_outgoing_id: UInt
    incoming_window: UInt
    outgoing_window: UInt
    handle_max: UInt | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict | None = None


@dataclass(slots=True, kw_only=True)
class Attach(Performative):
    """Attaches a link; `role` is True for the peer that receives."""

    code = 0x12
    name: str
    handle: UInt
    role: bool
    snd_settle_mode: UByte | None = None
    rcv_settle_mode: UByte | None = None
    source: Described | None = None
    target: Described | None = None
    unsettled: dict | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: UInt | None = None
    max_message_size: ULong | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict | None = None


@dataclass(slots=True, kw_only=True)
class Flow(Performative):
    """Reports the windows of a session and, with a handle, the credit of a link."""

    code = 0x13
    next_incoming_id: UInt | None = None
    incoming_window: UInt
    next_outgoing_id: UInt
    outgoing_window: UInt
    handle: UInt | None = None
    delivery_count: UInt | None = None
    link_credit: UInt | None = None
    available: UInt | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: dict | None = None


@dataclass(slots=True, kw_only=True)
class Transfer(Performative):
    """A message or, where `more` is set, a part of one; the payload follows it in the frame."""

    code = 0x14
    handle: UInt
    delivery_id: UInt | None = None
    delivery_tag: bytes | None = None
    message_format: UInt | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: UByte | None = None
    state: Described | None = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


@dataclass(slots=True, kw_only=True)
class Disposition(Performative):
    """Reports the outcome of the deliveries `first` to `last`."""

    code = 0x15
    role: bool
    first: UInt
    last: UInt | None = None
    settled: bool | None = None
    state: Described | None = None
    batchable: bool | None = None


@dataclass(slots=True, kw_only=True)
class Detach(Performative):
    """Ends a link."""

    code = 0x16
    handle: UInt
    closed: bool | None = None
    error: Described | None = None


@dataclass(slots=True, kw_only=True)
class End(Performative):
    """Ends a session."""

    code = 0x17
    error: Described | None = None


@dataclass(slots=True, kw_only=True)
class Close(Performative):
    """Ends a connection."""

    code = 0x18
    error: Described | None = None


@dataclass(slots=True, kw_only=True)
class SaslMechanisms(Performative):
    """The mechanisms that the server offers."""

    code = 0x40
    sasl = True
    mechanisms: Array | Symbol


@dataclass(slots=True, kw_only=True)
class SaslInit(Performative):
    """The mechanism that the client chose."""

    code = 0x41
    sasl = True
    mechanism: Symbol
    initial_response: bytes | None = None
    hostname: str | None = None


@dataclass(slots=True, kw_only=True)
class SaslOutcome(Performative):
    """The outcome of the handshake: 0 for success, 1 for failure."""

    code = 0x44
    sasl = True
    outcome: UByte
    additional_data: bytes | None = None


def read_performative(body: bytes) -> tuple[Performative, bytes]:
    """Return the performative at the beginning of a frame's body, and the payload after it.

    Raises:
        MalformedError: The performative is unknown, or a field is missing or has another type.
    """
    described, end = decode(body)
    match described:
        case Described(ULong() as code, list() as values) if code in _KINDS:
            kind = _KINDS[code]
        case _:
            raise MalformedError("a frame without a performative")
    expected = _FIELDS[kind]
    if len(values) > len(expected):
        raise MalformedError(f"{kind.__name__} with {len(values)} fields")
    values += [None] * (len(expected) - len(values))
    for (name, types), value in zip(expected.items(), values, strict=True):
        if types and not isinstance(value, types):
            raise MalformedError(f"{kind.__name__} with {value!r} for {name}")
    return kind(**dict(zip(expected, values, strict=True))), body[end:]


def _field_types(kind: type[Any]) -> dict[str, tuple[type, ...]]:
    """Return the types that each field of `kind` may have; an empty tuple allows any type."""
    hints = get_type_hints(kind)
    return {
        field.name: () if (hint := hints[field.name]) is Any else get_args(hint) or (hint,)
        for field in fields(kind)
    }


_KINDS: dict[int, type[Performative]] = {
    kind.code: kind
    for kind in (
        *(Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close),
        *(SaslMechanisms, SaslInit, SaslOutcome),
    )
}
_FIELDS = {kind: _field_types(kind) for kind in _KINDS.values()}
