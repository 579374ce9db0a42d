"""Decode bytes into AMQP 1.0 values; any input gives a value or a MalformedError."""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from amazon_reviews.devtools.event_hub_emulator.errors import MalformedError
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
    Byte,
    Char,
    Decimal32,
    Decimal64,
    Decimal128,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

MAX_DEPTH = 32


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """Return the value whose bytes begin at `at`, and the position after it.

    Raises:
        MalformedError: The bytes are not a complete value, or it has more than MAX_DEPTH levels.
    """
    try:
        return _decode(data, at, 0)
    except (struct.error, IndexError, UnicodeDecodeError, TypeError) as error:
        raise MalformedError(f"not an AMQP value: {error}") from None


def skip(data: bytes, at: int) -> int:
    """Return the position after the value that begins at `at`, without decoding it.

    Raises:
        MalformedError: The value is incomplete, or its type is not an AMQP type.
    """
    # Descriptors nest, so the loop counts the values that are still to come. Recursion would let a
    # peer exhaust the stack.
    values = 1
    while values and at < len(data):
        code = data[at]
        at += 1
        values += 1 if code == 0 else -1
        if code >> 4 in _LENGTH_WIDTHS:
            width = _LENGTH_WIDTHS[code >> 4]
            at += width + int.from_bytes(data[at : at + width], "big")
        elif code >> 4 in _FIXED_WIDTHS:
            at += _FIXED_WIDTHS[code >> 4]
        elif code:
            raise _unknown(code)
    if values or at > len(data):
        raise MalformedError("a value is incomplete")
    return at


def _unknown(code: int) -> MalformedError:
    return MalformedError(f"no AMQP type has the code 0x{code:02x}")


def _decode(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    code = data[at]
    if code:
        return _decode_as(code, data, at + 1, depth)
    _check_depth(depth)
    descriptor, at = _decode(data, at + 1, depth + 1)
    value, at = _decode(data, at, depth + 1)
    return Described(descriptor, value), at


def _decode_as(code: int, data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if code in _FIXED:
        kind, form = _FIXED[code]
        return kind(form.unpack_from(data, at)[0]), at + form.size
    if code in _EMPTY:
        return _EMPTY[code](), at
    if code in _VARIABLE:
        start, end = _extent(code, data, at)
        return _VARIABLE[code](data[start:end]), end
    if code in _COMPOUND:
        _check_depth(depth)
        return _COMPOUND[code](code, data, at, depth + 1)
    raise _unknown(code)


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise MalformedError("values are nested too deep")


def _extent(code: int, data: bytes, at: int) -> tuple[int, int]:
    """Return start and end of the bytes whose length is at `at`."""
    start = at + _LENGTH_WIDTHS[code >> 4]
    end = start + int.from_bytes(data[at:start], "big")
    if end > len(data):
        raise MalformedError("a value is incomplete")
    return start, end


def _items_extent(code: int, data: bytes, at: int) -> tuple[int, int, int]:
    """Return the number of values in a list, map or array, their start and their end."""
    at, end = _extent(code, data, at)
    first = at + _LENGTH_WIDTHS[code >> 4]
    count = int.from_bytes(data[at:first], "big")
    # Without this check, a count of four billion would be looped over.
    if count > end - first:
        raise MalformedError("more values than bytes")
    return count, first, end


def _check_end(at: int, end: int) -> None:
    if at != end:
        raise MalformedError("a length that differs from that of its values")


def _list(code: int, data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    count, at, end = _items_extent(code, data, at)
    items = []
    for _ in range(count):
        item, at = _decode(data, at, depth)
        items.append(item)
    _check_end(at, end)
    return items, end


def _map(code: int, data: bytes, at: int, depth: int) -> tuple[dict[Any, Any], int]:
    items, end = _list(code, data, at, depth)
    if len(items) % 2:
        raise MalformedError("a map whose last key has no value")
    return dict(zip(items[::2], items[1::2], strict=True)), end


def _array(code: int, data: bytes, at: int, depth: int) -> tuple[Array, int]:
    count, at, end = _items_extent(code, data, at)
    if not count:
        return Array(), end
    described = data[at] == 0
    descriptor, at = _decode(data, at + 1, depth) if described else (None, at)
    kind, at = data[at], at + 1
    items = []
    for _ in range(count):
        item, at = _decode_as(kind, data, at, depth)
        items.append(Described(descriptor, item) if described else item)
    _check_end(at, end)
    return Array(items), end


def _text(octets: bytes) -> str:
    return octets.decode()


def _symbol(octets: bytes) -> Symbol:
    return Symbol(octets.decode("ascii"))


_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_LENGTH_WIDTHS = {0xA: 1, 0xB: 4, 0xC: 1, 0xD: 4, 0xE: 1, 0xF: 4}
_EMPTY: dict[int, Callable[[], Any]] = {
    0x40: lambda: None,
    0x41: lambda: True,
    0x42: lambda: False,
    0x43: lambda: UInt(0),
    0x44: lambda: ULong(0),
    0x45: list,
}
_FIXED: dict[int, tuple[Callable[[Any], Any], struct.Struct]] = {
    0x50: (UByte, struct.Struct(">B")),
    0x51: (Byte, struct.Struct(">b")),
    0x52: (UInt, struct.Struct(">B")),
    0x53: (ULong, struct.Struct(">B")),
    0x54: (Int, struct.Struct(">b")),
    0x55: (int, struct.Struct(">b")),
    0x56: (bool, struct.Struct(">B")),
    0x60: (UShort, struct.Struct(">H")),
    0x61: (Short, struct.Struct(">h")),
    0x70: (UInt, struct.Struct(">I")),
    0x71: (Int, struct.Struct(">i")),
    0x72: (Float, struct.Struct(">f")),
    0x73: (lambda octets: Char(octets.decode("utf-32-be")), struct.Struct("4s")),
    0x74: (Decimal32, struct.Struct("4s")),
    0x80: (ULong, struct.Struct(">Q")),
    0x81: (int, struct.Struct(">q")),
    0x82: (float, struct.Struct(">d")),
    0x83: (Timestamp, struct.Struct(">q")),
    0x84: (Decimal64, struct.Struct("8s")),
    0x94: (Decimal128, struct.Struct("16s")),
    0x98: (lambda octets: UUID(bytes=octets), struct.Struct("16s")),
}
_VARIABLE: dict[int, Callable[[bytes], Any]] = {
    **{0xA0: bytes, 0xA1: _text, 0xA3: _symbol},
    **{0xB0: bytes, 0xB1: _text, 0xB3: _symbol},
}
_COMPOUND: dict[int, Callable[[int, bytes, int, int], tuple[Any, int]]] = {
    **{0xC0: _list, 0xC1: _map, 0xE0: _array},
    **{0xD0: _list, 0xD1: _map, 0xF0: _array},
}
