"""Frames and performatives."""

import asyncio
from contextlib import suppress
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.errors import MalformedError
from amazon_reviews.devtools.event_hub_emulator.frames import (
    HEARTBEAT,
    MAX_FRAME,
    Frame,
    encode_frame,
    read_frame,
)
from amazon_reviews.devtools.event_hub_emulator.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
    read_performative,
)
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
    Described,
    Symbol,
    UByte,
    UInt,
    ULong,
)

ONE = UInt(1)
WINDOWS = {"incoming_window": ONE, "outgoing_window": ONE, "next_outgoing_id": ONE}
PERFORMATIVES = [
    Open(container_id="c", properties={Symbol("a"): 1}),
    Begin(**WINDOWS),
    Attach(name="n", handle=ONE, role=True, source=Described(ULong(0x28), ["address"])),
    Flow(**WINDOWS, handle=ONE, drain=True),
    Transfer(handle=ONE, delivery_id=ONE, delivery_tag=b"t", more=False),
    Disposition(role=True, first=ONE, state=Described(ULong(0x24), [])),
    Detach(handle=ONE, closed=True),
    End(),
    Close(error=Described(ULong(0x1D), [Symbol("amqp:not-found"), "text", None])),
    SaslMechanisms(mechanisms=Array([Symbol("ANONYMOUS")])),
    SaslInit(mechanism=Symbol("ANONYMOUS")),
    SaslOutcome(outcome=UByte(0)),
]


def read(octets):
    async def from_stream():
        stream = asyncio.StreamReader()
        stream.feed_data(octets)
        stream.feed_eof()
        return await read_frame(stream)

    return asyncio.run(from_stream())


@pytest.mark.parametrize("performative", PERFORMATIVES, ids=lambda value: type(value).__name__)
def test_encoded_frame_is_decoded_unchanged(performative):
    assert read(encode_frame(7, performative, b"payload")) == Frame(7, performative, b"payload")


@pytest.mark.parametrize("performative", PERFORMATIVES, ids=lambda value: type(value).__name__)
def test_trailing_fields_are_sent_as_nulls_and_optional_on_receipt(performative):
    count = len(fields(performative))
    octets = performative.encode()
    assert octets[3] == 0xD0
    assert int.from_bytes(octets[8:12], "big") == count

    values = [getattr(performative, field.name) for field in fields(performative)]
    while values and values[-1] is None:
        values.pop()
    assert read_performative(encode_described(octets[2], values)) == (performative, b"")


def test_heartbeat_has_no_performative():
    assert read(HEARTBEAT) == Frame(0, None, b"")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (encode_described(0x10, []), "container_id"),
        (encode_described(0x10, [1]), "Open with 1 for container_id"),
        (encode_described(0x16, [1]), "Detach with 1 for handle"),
        (encode_described(0x17, [None, None]), "End with 2 fields"),
        (encode_described(0x19, []), "without a performative"),
        (encode_described(0x18, {}), "without a performative"),
        (b"\x40", "without a performative"),
        (b"\x00\x45\x45", "without a performative"),
    ],
)
def test_performative_with_wrong_fields_is_malformed(body, problem):
    with pytest.raises(MalformedError, match=problem):
        read_performative(body)


@pytest.mark.parametrize(
    "header",
    [
        *("00000000 02 00 0000", "00000007 02 00 0000", "0000000c 01 00 0000"),
        *("0000000c 04 00 0000", "0000000c 02 02 0000", "ffffffff 02 00 0000"),
        f"{MAX_FRAME + 1:08x} 02 00 0000",
    ],
)
def test_invalid_header_is_malformed_before_the_body_is_read(header):
    with pytest.raises(MalformedError, match="a frame of"):
        read(bytes.fromhex(header))


def test_frame_size_is_limited_to_the_maximum():
    room = MAX_FRAME - len(encode_frame(0, End()))

    assert len(read(encode_frame(0, End(), bytes(room))).payload) == room
    with pytest.raises(MalformedError, match="a frame of"):
        read(encode_frame(0, End(), bytes(room + 1)))


def test_frame_of_the_other_layer_is_malformed():
    octets = bytearray(encode_frame(0, End()))
    octets[5] = 1

    with pytest.raises(MalformedError, match="End in a frame of type 1"):
        read(bytes(octets))


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=80))
def test_any_body_is_a_performative_or_malformed(body):
    with suppress(MalformedError):
        read_performative(body)
