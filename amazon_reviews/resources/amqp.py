"""Decoder of AMQP 1.0 messages that Azure's decoder cannot read, or not without loss.

Azure's decoder lacks characters and decimals of 32 and 64 bits, confuses text with binary and drops
descriptors. One event that it cannot decode ends all reading. So this module decodes bodies of
events that are not data, to JSON text.
"""

import json
import struct
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import chain
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub._pyamqp.message import Message

_ANNOTATIONS, _PROPERTIES, _DATA, _SEQUENCE, _VALUE = 0x72, 0x74, 0x75, 0x76, 0x77
_SECTIONS = range(0x70, 0x79)
_BROKEN = 0
_SEQUENCE_NUMBER = b"x-opt-sequence-number"
_MAX_DEPTH = 32
# An array has one constructor for all its values: a few bytes may expand to very many.
_MAX_CONSTRUCTORS = 16 * 1024 * 1024
_NESTED = {dict, list}
_ERRORS = (ValueError, LookupError, struct.error)


class Body(NamedTuple):
    """The body of an event as bytes, and the kind of its sections.

    The kinds and their bytes:
        data: the bytes of all sections.
        value: the bytes of a text or binary, the JSON text of another value.
        sequence: a JSON array of the values of all sections.
        none: nothing, because the event has no section.
        amqp: the encoded sections, because they cannot be decoded.
    """

    kind: str
    octets: bytes


class _Section(NamedTuple):
    """A part of a message: the number of its descriptor, all its bytes, and those of its value."""

    code: int
    encoded: bytes
    value: bytes


def decode_message(encoded: memoryview) -> Message:
    """Decode a message like Azure's `decode_payload`, but any event without an error.

    The value of an event whose body is not data is a `Body`. Azure's decoder decodes messages that
    are not events, such as responses to requests.
    """
    try:
        message = decode_payload(encoded)
    except Exception:  # noqa: BLE001 - missing decoder, wrong length, unhashable key
        return _decode_event(bytes(encoded))
    if _is_plain(message) or _SEQUENCE_NUMBER not in (message.message_annotations or {}):
        return message
    return _decode_event(bytes(encoded))


def _is_plain(message: Message) -> bool:
    data: Any = message.data
    properties = message.application_properties
    if data is None or message.value is not None or message.sequence is not None:
        return False
    if type(data[0]) is not bytes or (len(data) > 1 and {*map(type, data)} != {bytes}):
        return False
    return not properties or _NESTED.isdisjoint(map(type, properties.values()))


def _decode_event(encoded: bytes) -> Message:
    sections = list(_sections(encoded))
    values = {section.code: section.value for section in sections}
    return Message(
        message_annotations=_names(values.get(_ANNOTATIONS)),
        application_properties=_names(values.get(_PROPERTIES)),
        value=_body(sections),
    )


def _sections(encoded: bytes) -> Iterator[_Section]:
    """Yield the sections of a message; an unreadable rest is one broken section."""
    at = 0
    while at < len(encoded):
        try:
            value = _end(encoded, at + 1)
            code, end = int(json_text(encoded[at + 1 : value])), _end(encoded, value)
            if encoded[at] or code not in _SECTIONS:
                raise ValueError("not a section")
        except _ERRORS:
            code, value, end = _BROKEN, at, len(encoded)
        yield _Section(code, encoded[at:end], encoded[value:end])
        at = end


def _names(encoded: bytes | None) -> dict[str | bytes, Any]:
    """Return a map's names and values, with texts as bytes as Azure's decoder returns them."""
    pairs = json.loads(json_text(encoded)) if encoded else None
    return {
        name.encode(): value.encode() if isinstance(value, str) else value
        for name, value in (pairs or {}).items()
    }


def _body(sections: Iterable[_Section]) -> Body:
    parts = [part for part in sections if part.code in (_DATA, _SEQUENCE, _VALUE, _BROKEN)]
    try:
        match [part.code for part in parts]:
            case []:
                return Body("none", b"")
            case [code] if code == _VALUE:
                return Body("value", _octets(parts[0].value))
            case codes if {*codes} == {_DATA}:
                return Body("data", b"".join(_text(part.value) for part in parts))
            case codes if {*codes} == {_SEQUENCE}:
                items = chain.from_iterable(_items(part.value) for part in parts)
                return Body("sequence", f"[{','.join(map(json_text, items))}]".encode())
    except _ERRORS:
        pass
    return Body("amqp", b"".join(part.encoded for part in parts))


def _octets(encoded: bytes) -> bytes:
    return _text(encoded) if encoded[0] in _TEXTS else json_text(encoded).encode()


def json_text(encoded: bytes, depth: int = 0) -> str:
    """Return the JSON text of one AMQP value.

    A number or timestamp (milliseconds) becomes a number, or a text if it is not finite. A
    character, symbol, UUID or binary that is UTF-8 becomes a text. Other binary becomes
    {"base64": …}, and a described value {"descriptor": …, "value": …}. A map key that is not a text
    becomes the JSON text of its value. A value below 32 levels becomes {"amqp": base64 text}.

    Raises:
        ValueError, LookupError, struct.error: the bytes are not an AMQP value.
    """
    code = encoded[0]
    if code in _SCALARS:
        return _SCALARS[code](encoded[1:])
    if code in _TEXTS:
        return _json_string(_text(encoded))
    if depth > _MAX_DEPTH:
        return _base64("amqp", encoded)
    if code == _DESCRIBED:
        value = _end(encoded, 1)
        descriptor, described = encoded[1:value], encoded[value:]
        parts = json_text(descriptor, depth + 1), json_text(described, depth + 1)
        return f'{{"descriptor":{parts[0]},"value":{parts[1]}}}'
    items = [json_text(item, depth + 1) for item in _items(encoded)]
    if code not in _MAPS:
        return f"[{','.join(items)}]"
    pairs = zip(map(_key, items[::2]), items[1::2], strict=True)
    return f"{{{','.join(map(':'.join, pairs))}}}"


def _json_string(octets: bytes) -> str:
    try:
        return json.dumps(octets.decode(), ensure_ascii=False)
    except UnicodeDecodeError:
        return _base64("base64", octets)


def _base64(name: str, octets: bytes) -> str:
    return f'{{"{name}":"{b64encode(octets).decode()}"}}'


def _key(text: str) -> str:
    return text if text.startswith('"') else json.dumps(text, ensure_ascii=False)


def _text(encoded: bytes) -> bytes:
    if encoded[0] not in _TEXTS:
        raise ValueError("neither text nor binary")
    return encoded[1 + _LENGTHS[encoded[0] >> 4] :]


def _items(encoded: bytes) -> Iterator[bytes]:
    """Yield the values in a list, map or array, each with its constructor."""
    code = encoded[0]
    if code == _EMPTY_LIST:
        return
    width = _LENGTHS[code >> 4] if code in _COMPOUND else 0
    count, at = int.from_bytes(encoded[1 + width : 1 + 2 * width], "big"), 1 + 2 * width
    if not width:
        raise ValueError("neither list nor map nor array")
    constructor = _constructor(encoded, at, count) if code in _ARRAYS and count else b""
    at += len(constructor)
    for _ in range(count):
        end = at + _size(constructor[-1], encoded, at) if constructor else _end(encoded, at)
        yield constructor + encoded[at:end]
        at = end
    if count and at != len(encoded):
        raise ValueError("the length differs from that of the values")


def _constructor(encoded: bytes, first: int, count: int) -> bytes:
    """Return the bytes that all values of an array share: descriptors and the type code."""
    at = first
    while encoded[at] == _DESCRIBED:
        at = _end(encoded, at + 1)
    constructor = encoded[first : at + 1]
    if count * len(constructor) > _MAX_CONSTRUCTORS:
        raise ValueError("an array of too many values")
    return constructor


def _end(encoded: bytes, at: int) -> int:
    """Return the position after the value that begins at `at`."""
    values = 1
    while values:
        code = encoded[at]
        at += 1
        if code == _DESCRIBED:
            values += 1
        else:
            values -= 1
            at += _size(code, encoded, at)
    if at > len(encoded):
        raise ValueError("a value is cut off")
    return at


def _size(code: int, encoded: bytes, at: int) -> int:
    """Return the number of bytes of a value after its constructor."""
    kind = code >> 4
    if kind in _LENGTHS:
        width = _LENGTHS[kind]
        return width + int.from_bytes(encoded[at : at + width], "big")
    if kind in _WIDTHS:
        return _WIDTHS[kind]
    raise ValueError(f"no AMQP type has the code 0x{code:02x}")


def _decimal(octets: bytes) -> str:
    """Return a decimal of IEEE 754 whose coefficient is a binary integer."""
    bits, exponent_bits, bias = _DECIMALS[len(octets)]
    number = int.from_bytes(octets, "big")
    sign, top = number >> (bits - 1), number >> (bits - 6) & 0b11111
    if top >= 0b11110:
        return '"NaN"' if top == 0b11111 else '"-Infinity"' if sign else '"Infinity"'
    low = bits - 1 - exponent_bits
    implied = 0
    if top >> 3 == 0b11:
        low, implied = low - 2, 0b100 << (low - 2)
    exponent = (number >> low & (1 << exponent_bits) - 1) - bias
    coefficient = implied | number & (1 << low) - 1
    return str(Decimal((sign, tuple(map(int, str(coefficient))), exponent)))


def _float(number: float) -> str:
    return repr(number) if isfinite(number) else f'"{Decimal(number)}"'


def _unsigned(octets: bytes) -> str:
    return str(int.from_bytes(octets, "big"))


def _signed(octets: bytes) -> str:
    return str(int.from_bytes(octets, "big", signed=True))


_DESCRIBED, _EMPTY_LIST = 0x00, 0x45
_TEXTS = (0xA0, 0xA1, 0xA3, 0xB0, 0xB1, 0xB3)
_MAPS, _ARRAYS = (0xC1, 0xD1), (0xE0, 0xF0)
_COMPOUND = (0xC0, 0xD0, *_MAPS, *_ARRAYS)
_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_LENGTHS = {0xA: 1, 0xB: 4, 0xC: 1, 0xD: 4, 0xE: 1, 0xF: 4}
_DECIMALS = {4: (32, 8, 101), 8: (64, 10, 398), 16: (128, 14, 6176)}
_SCALARS: dict[int, Callable[[bytes], str]] = {
    0x40: lambda _: "null",
    0x41: lambda _: "true",
    0x42: lambda _: "false",
    0x43: lambda _: "0",
    0x44: lambda _: "0",
    **dict.fromkeys((0x50, 0x52, 0x53, 0x60, 0x70, 0x80), _unsigned),
    **dict.fromkeys((0x51, 0x54, 0x55, 0x61, 0x71, 0x81, 0x83), _signed),
    0x56: lambda octets: json.dumps(octets != b"\x00"),
    0x72: lambda octets: _float(struct.unpack(">f", octets)[0]),
    0x73: lambda octets: json.dumps(octets.decode("utf-32-be"), ensure_ascii=False),
    0x82: lambda octets: _float(struct.unpack(">d", octets)[0]),
    **dict.fromkeys((0x74, 0x84, 0x94), _decimal),
    0x98: lambda octets: f'"{UUID(bytes=octets)}"',
}
