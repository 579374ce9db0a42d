"""The types of AMQP 1.0 (part 1 of the standard) that Python does not have.

Plain Python values stand for the others: `int` is a long, `float` a double, `str` a string,
`bytes` binary, `list` and `dict` a list and a map. A value that is decoded and encoded again keeps
its type. Decimals are stored as their encoded bytes: no part of Event Hubs reads them.
"""

from dataclasses import dataclass
from typing import Any


class UByte(int):
    """8 bits, unsigned."""


class UShort(int):
    """16 bits, unsigned."""


class UInt(int):
    """32 bits, unsigned."""


class ULong(int):
    """64 bits, unsigned."""


class Byte(int):
    """8 bits, signed."""


class Short(int):
    """16 bits, signed."""


class Int(int):
    """32 bits, signed."""


class Timestamp(int):
    """Milliseconds since 1970-01-01 UTC."""


class Float(float):
    """32 bits."""


class Symbol(str):
    """A name in ASCII."""


class Char(str):
    """One character."""


class Decimal32(bytes):
    """A decimal of 4 bytes."""


class Decimal64(bytes):
    """A decimal of 8 bytes."""


class Decimal128(bytes):
    """A decimal of 16 bytes."""


class Array(tuple[Any, ...]):
    """Values that all have the same type."""


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor: a ULong or Symbol that defines its meaning."""

    descriptor: Any
    value: Any
