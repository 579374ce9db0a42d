"""AMQP messages of every kind: bodies with their JSON text, and invalid bytes."""

import json
import struct
from base64 import b64decode
from contextlib import suppress
from uuid import UUID

import pytest
from azure.eventhub import EventData
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amazon_reviews.devtools.event_hub_emulator.encoding import encode, encode_described
from amazon_reviews.devtools.event_hub_emulator.messages import (
    AMQP_SEQUENCE,
    AMQP_VALUE,
    APPLICATION_PROPERTIES,
    DATA,
    FOOTER,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
)
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
    Byte,
    Char,
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
from amazon_reviews.resources.amqp import Body, decode_message, json_text
from amazon_reviews_tests.event_hub_emulator.test_values import values

quick = settings(max_examples=100, deadline=None, derandomize=True, database=None)

NUMBER = {
    Symbol("x-opt-sequence-number"): 7,
    Symbol("x-opt-offset"): "100",
    Symbol("x-opt-enqueued-time"): Timestamp(1_715_000_000_123),
}
ANNOTATIONS = encode_described(MESSAGE_ANNOTATIONS, NUMBER)

TEXTS = [
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (UByte(255), "255"),
    (Byte(-1), "-1"),
    (UShort(65_535), "65535"),
    (Short(-2), "-2"),
    (UInt(0), "0"),
    (UInt(2**32 - 1), "4294967295"),
    (Int(-5), "-5"),
    (ULong(2**64 - 1), "18446744073709551615"),
    (-(2**63), "-9223372036854775808"),
    (Float(1.5), "1.5"),
    (0.1, "0.1"),
    (float("nan"), '"NaN"'),
    (float("-inf"), '"-Infinity"'),
    (Timestamp(1_715_000_000_123), "1715000000123"),
    (Char("漢"), '"漢"'),
    (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (b"text", '"text"'),
    (b"\xff", '{"base64":"/w=="}'),
    ('"é\n', '"\\"é\\n"'),
    (Symbol("a"), '"a"'),
    ([], "[]"),
    ([1, ["a", b"\xff"]], '[1,["a",{"base64":"/w=="}]]'),
    ({}, "{}"),
    ({"a": 1, b"a": 2, 3: None}, '{"a":1,"a":2,"3":null}'),
    ({b"\xff": True}, '{"{\\"base64\\":\\"/w==\\"}":true}'),
    (Array([1, 2]), "[1,2]"),
    (Array(), "[]"),
    (Described(Symbol("x"), {"a": Described(ULong(1), "b")}),
     '{"descriptor":"x","value":{"a":{"descriptor":1,"value":"b"}}}'),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_values_are_json_text(value, text):
    assert json_text(encode(value)) == text


DESCRIBED = '[{"descriptor":"x","value":"a"},{"descriptor":"x","value":"b"}]'
RARE = [
    ("7432800001", "1"),
    ("74b2800001", "-1"),
    ("7431000019", "0.025"),
    ("746bf8967f", "9.999999"),
    ("7478000000", '"Infinity"'),
    ("74f8000000", '"-Infinity"'),
    ("747c000000", '"NaN"'),
    ("8431a000000000000f", "1.5"),
    ("94303a0000000000000000000000003039", "12.345"),
    ("e00a0200a30178a101610162", DESCRIBED),
    ("e0020241", "[true,true]"),
]
MALFORMED = {
    "no type": "3f",
    "a character beyond Unicode": "7300110000",
    "a surrogate": "730000d800",
    "a map whose last key has no value": "c1020141",
    "a length that is not that of the values": "c003014141",
    "an array of nulls without an end": "f000000005ffffffff40",
    "an array of a long descriptor": "f000100010000fffff00b0000fffff" + "61" * 0xFFFFF + "41",
}


@pytest.mark.parametrize(("octets", "text"), RARE)
def test_types_without_an_encoder_are_json_text(octets, text):
    assert json_text(bytes.fromhex(octets)) == text


def test_map_key_may_be_a_list():
    assert json_text(bytes.fromhex("c10602c002014140")) == '{"[true]":null}'


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_invalid_value_raises(octets):
    with pytest.raises((ValueError, LookupError)):
        json_text(bytes.fromhex(octets))


@quick
@given(values)
@example([[[[Float("inf")]]]])
def test_every_value_is_json_text(value):
    json.loads(json_text(encode(value)))


@quick
@given(st.binary(max_size=60))
@example(b"\x00" * 50_000)
@example(b"\xc0\xff\x01" * 20_000)
def test_other_bytes_are_json_text_or_an_error(data):
    with suppress(ValueError, LookupError, struct.error):
        json.loads(json_text(data))


def test_deeply_nested_value_stays_encoded():
    value = encode("bottom")
    for _ in range(100_000):
        value = b"\x00\x41" + value

    decoded = json.loads(json_text(value))

    for _ in range(33):
        decoded = decoded["value"]
    assert b64decode(decoded["amqp"]) == value[2 * 33 :]


def event_of(*sections):
    """Return an event of the client, decoded from the hub's annotations and these sections."""
    encoded = ANNOTATIONS + b"".join(encode_described(code, value) for code, value in sections)
    return EventData._from_message(decode_message(memoryview(encoded)))


BODIES = [
    ([(AMQP_VALUE, "text")], Body("value", b"text")),
    ([(AMQP_VALUE, Symbol("a"))], Body("value", b"a")),
    ([(AMQP_VALUE, b"\xff\x00")], Body("value", b"\xff\x00")),
    ([(AMQP_VALUE, None)], Body("value", b"null")),
    ([(AMQP_VALUE, 5)], Body("value", b"5")),
    ([(AMQP_VALUE, {"a": [True]})], Body("value", b'{"a":[true]}')),
    ([(AMQP_SEQUENCE, ["a"]), (AMQP_SEQUENCE, []), (AMQP_SEQUENCE, [1, 2])],
     Body("sequence", b'["a",1,2]')),
    ([(AMQP_SEQUENCE, [])], Body("sequence", b"[]")),
    ([], Body("none", b"")),
    ([(FOOTER, {})], Body("none", b"")),
    ([(AMQP_VALUE, 1), (DATA, b"a")],
     Body("amqp", encode_described(AMQP_VALUE, 1) + encode_described(DATA, b"a"))),
    ([(DATA, 5)], Body("amqp", encode_described(DATA, 5))),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "body"), BODIES)
def test_body_of_other_sections_is_decoded(sections, body):
    event = event_of(*sections)

    assert event.body == body
    assert (event.sequence_number, event.offset) == (7, "100")
    assert event.enqueued_time.timestamp() == 1_715_000_000.123


def test_ordinary_event_is_decoded_as_by_the_client():
    event = event_of((APPLICATION_PROPERTIES, {"a": 1}), (DATA, b"one"), (DATA, b"two"))

    assert [*event.body] == [b"one", b"two"]
    assert event.properties == {b"a": 1}


def test_odd_properties_beside_data_raise_nothing():
    odd = {"a": Char("x"), b"\xff": [Symbol("y"), None], 5: UUID(int=1), "b": 2}
    event = event_of((PROPERTIES, [Char("m")]), (APPLICATION_PROPERTIES, odd), (DATA, b"body"))

    assert event.body == Body("data", b"body")
    assert event.properties == {
        b"a": b"x",
        b'{"base64":"/w=="}': ["y", None],
        b"5": str(UUID(int=1)).encode(),
        b"b": 2,
    }


def test_odd_annotations_raise_nothing():
    annotated = encode_described(MESSAGE_ANNOTATIONS, {Symbol("a"): Char("x"), **NUMBER})
    encoded = annotated + encode_described(DATA, b"body")

    event = EventData._from_message(decode_message(memoryview(encoded)))

    assert (event.sequence_number, event.body) == (7, Body("data", b"body"))


@pytest.mark.parametrize("cut", range(1, 9))
def test_truncated_body_stays_encoded(cut):
    body = encode_described(AMQP_VALUE, "text")[:-cut]

    event = EventData._from_message(decode_message(memoryview(ANNOTATIONS + body)))

    assert (event.sequence_number, event.body) == (7, Body("amqp", body))


def test_response_is_decoded_as_by_the_client():
    message = decode_message(memoryview(encode_described(AMQP_VALUE, {"name": "reviews"})))

    assert message.value == {b"name": b"reviews"}
