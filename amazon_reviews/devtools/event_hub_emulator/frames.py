"""AMQP 1.0 frames on a stream (part 2.3): size, data offset, type, channel, body."""

import asyncio
import struct
from typing import NamedTuple

from amazon_reviews.devtools.event_hub_emulator.errors import MalformedError
from amazon_reviews.devtools.event_hub_emulator.performatives import Performative, read_performative

MAX_FRAME = 65_536
HEARTBEAT = struct.pack(">IBBH", 8, 2, 0, 0)
_HEADER = struct.Struct(">IBBH")


class Frame(NamedTuple):
    """A frame; a heartbeat has no performative."""

    channel: int
    performative: Performative | None
    payload: bytes


def encode_frame(channel: int, performative: Performative, payload: bytes = b"") -> bytes:
    """Return the bytes of a frame."""
    body = performative.encode() + payload
    return _HEADER.pack(len(body) + _HEADER.size, 2, performative.sasl, channel) + body


async def read_frame(stream: asyncio.StreamReader) -> Frame:
    """Return the next frame.

    Raises:
        MalformedError: The frame is larger than MAX_FRAME, or not a frame of AMQP 1.0.
        asyncio.IncompleteReadError: The stream ended.
    """
    size, offset, kind, channel = _HEADER.unpack(await stream.readexactly(_HEADER.size))
    skipped = 4 * offset - _HEADER.size
    if not 0 <= skipped <= size - _HEADER.size <= MAX_FRAME - _HEADER.size or kind > 1:
        raise MalformedError(
            f"a frame of {size} bytes, type {kind}, whose body begins at {4 * offset}"
        )
    body = (await stream.readexactly(size - _HEADER.size))[skipped:]
    if not body:
        return Frame(channel, None, b"")
    performative, payload = read_performative(body)
    if performative.sasl != bool(kind):
        raise MalformedError(f"{type(performative).__name__} in a frame of type {kind}")
    return Frame(channel, performative, payload)
