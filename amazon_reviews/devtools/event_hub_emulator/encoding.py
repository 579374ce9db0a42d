"""Encode AMQP 1.0 values as bytes."""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

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


def encode(value: Any, wide: bool = False) -> bytes:
    """Return the bytes of `value`; `wide` gives every value of a type the same first byte.

    Raises:
        TypeError: AMQP has no type for the value.
        ValueError: The values of an array differ in type or have descriptors.
        struct.error: A number does not fit its type.
    """
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"{type(value).__name__} has no AMQP type")
    return encoder(value, wide)


def encode_described(descriptor: int, value: Any) -> bytes:
    """Return the bytes of `value` with a descriptor of the standard, which are all below 256."""
    return bytes((0x00, 0x53, descriptor)) + encode(value)


def _fixed(code: int, form: str) -> Callable[[Any, bool], bytes]:
    packer = struct.Struct(f">B{form}")
    return lambda value, _: packer.pack(code, value)


def _variable(code: int, octets: bytes, wide: bool) -> bytes:
    if len(octets) < 256 and not wide:
        return bytes((code, len(octets))) + octets
    return bytes((code + 0x10,)) + len(octets).to_bytes(4, "big") + octets


def _compound(code: int, count: int, body: bytes) -> bytes:
    return struct.pack(">BII", code, len(body) + 4, count) + body


def _bool(value: bool, wide: bool) -> bytes:
    return bytes((0x56, value)) if wide else b"\x41" if value else b"\x42"


def _ulong(value: int, wide: bool) -> bytes:
    return struct.pack(">BQ", 0x80, value) if wide or value > 255 else bytes((0x53, value))


def _map(value: dict[Any, Any], _: bool) -> bytes:
    items = b"".join(encode(key) + encode(item) for key, item in value.items())
    return _compound(0xD1, 2 * len(value), items)


def _array(value: Array, _: bool) -> bytes:
    items = [encode(item, wide=True) for item in value] or [encode(None)]
    if len({item[0] for item in items}) > 1 or items[0][0] == 0:
        raise ValueError("the values of an array must have one type and no descriptors")
    body = items[0][:1] + b"".join(item[1:] for item in items)
    return _compound(0xF0, len(value), body)


_ENCODERS: dict[type, Callable[[Any, bool], bytes]] = {
    type(None): lambda value, _: b"\x40",
    bool: _bool,
    UByte: _fixed(0x50, "B"),
    Byte: _fixed(0x51, "b"),
    UShort: _fixed(0x60, "H"),
    Short: _fixed(0x61, "h"),
    UInt: _fixed(0x70, "I"),
    Int: _fixed(0x71, "i"),
    ULong: _ulong,
    int: _fixed(0x81, "q"),
    Float: _fixed(0x72, "f"),
    float: _fixed(0x82, "d"),
    Timestamp: _fixed(0x83, "q"),
    Char: lambda value, _: b"\x73" + value.encode("utf-32-be"),
    Decimal32: lambda value, _: b"\x74" + value,
    Decimal64: lambda value, _: b"\x84" + value,
    Decimal128: lambda value, _: b"\x94" + value,
    UUID: lambda value, _: b"\x98" + value.bytes,
    bytes: lambda value, wide: _variable(0xA0, value, wide),
    str: lambda value, wide: _variable(0xA1, value.encode(), wide),
    Symbol: lambda value, wide: _variable(0xA3, value.encode("ascii"), wide),
    list: lambda value, _: _compound(0xD0, len(value), b"".join(map(encode, value))),
    dict: _map,
    Array: _array,
    Described: lambda value, _: b"\x00" + encode(value.descriptor) + encode(value.value),
}
