"""AMQP values: known bytes, round trips, and bytes that are not values."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amazon_reviews.devtools.event_hub_emulator.decoding import MAX_DEPTH, decode, skip
from amazon_reviews.devtools.event_hub_emulator.encoding import encode
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

quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)

BY_HAND = {
    "40": None,
    "41": True,
    "42": False,
    "5600": False,
    "5601": True,
    "43": UInt(0),
    "52ff": UInt(255),
    "70ffffffff": UInt(2**32 - 1),
    "44": ULong(0),
    "5310": ULong(16),
    "800000000100000000": ULong(2**32),
    "50ff": UByte(255),
    "51ff": Byte(-1),
    "600102": UShort(258),
    "61fffe": Short(-2),
    "54ff": Int(-1),
    "7180000000": Int(-(2**31)),
    "55fe": -2,
    "81ffffffffffffffff": -1,
    "723f800000": Float(1.0),
    "73000020ac": Char("€"),
    "7432800001": Decimal32(bytes.fromhex("32800001")),
    "8431c0000000000001": Decimal64(bytes.fromhex("31c0000000000001")),
    "9430400000000000000000000000000001": Decimal128(
        bytes.fromhex("30400000000000000000000000000001")
    ),
    "82bff0000000000000": -1.0,
    "830000000000000001": Timestamp(1),
    "98000102030405060708090a0b0c0d0e0f": UUID(int=0x000102030405060708090A0B0C0D0E0F),
    "a003010203": b"\1\2\3",
    "b00000000101": b"\1",
    "a102c3a9": "é",
    "b10000000161": "a",
    "a30161": Symbol("a"),
    "b30000000161": Symbol("a"),
    "45": [],
    "c003024142": [True, False],
    "d000000006000000024142": [True, False],
    "c10502a1016141": {"a": True},
    "d10000000800000002a1016141": {"a": True},
    "e0040250ff01": Array([UByte(255), UByte(1)]),
    "f00000000900000002a301610162": Array([Symbol("a"), Symbol("b")]),
    "e00100": Array(),
    "00531d41": Described(ULong(29), True),
    "e0080100a30178a10161": Array([Described(Symbol("x"), "a")]),
}


def typed(value):
    """Return `value` with the types of all its parts, which == does not compare."""
    match value:
        case list() | Array():
            return type(value), [typed(item) for item in value]
        case dict():
            return dict, [(typed(key), typed(item)) for key, item in value.items()]
        case Described(descriptor, described):
            return Described, typed(descriptor), typed(described)
    return type(value), value


def numbers(kind, bits, signed):
    low = -(2 ** (bits - 1)) if signed else 0
    return st.integers(low, low + 2**bits - 1).map(kind)


ascii_names = st.text(st.characters(max_codepoint=127), max_size=300).map(Symbol)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    numbers(UByte, 8, False),
    numbers(Byte, 8, True),
    numbers(UShort, 16, False),
    numbers(Short, 16, True),
    numbers(UInt, 32, False),
    numbers(Int, 32, True),
    numbers(ULong, 64, False),
    numbers(int, 64, True),
    numbers(Timestamp, 64, True),
    st.floats(width=32, allow_nan=False).map(Float),
    st.floats(allow_nan=False),
    st.uuids(),
    st.characters().map(Char),
    st.binary(min_size=4, max_size=4).map(Decimal32),
    st.binary(min_size=8, max_size=8).map(Decimal64),
    st.binary(min_size=16, max_size=16).map(Decimal128),
    st.binary(max_size=300),
    st.text(max_size=300),
    ascii_names,
)
arrays = st.one_of(
    *(
        st.lists(kind, max_size=5).map(Array)
        for kind in (st.text(), ascii_names, st.booleans(), numbers(ULong, 64, False))
    )
)
values = st.recursive(
    scalars | arrays,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.text(max_size=5), inner, max_size=5),
        st.builds(Described, ascii_names | numbers(ULong, 64, False), inner),
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("octets", "value"), BY_HAND.items())
def test_bytes_of_the_standard_are_decoded_to_typed_values(octets, value):
    data = bytes.fromhex(octets)

    assert typed(decode(data)[0]) == typed(value)
    assert decode(b"x" + data + b"y", 1)[1] == skip(b"x" + data + b"y", 1) == len(data) + 1


@quick
@given(values)
def test_encoded_value_is_decoded_with_its_type(value):
    data = encode(value)

    assert typed(decode(data)[0]) == typed(value)
    assert decode(data)[1] == skip(data, 0) == len(data)


@quick
@given(values, st.data())
def test_truncated_value_is_malformed(value, data):
    whole = encode(value)
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]

    with pytest.raises(MalformedError):
        decode(part)
    with pytest.raises(MalformedError):
        skip(part, 0)


@quick
@given(st.binary(max_size=60))
@example(b"\x00" * 50_000)
@example(b"\xc0\xff\x01" * 20_000)
def test_any_bytes_are_a_value_or_malformed(data):
    for read in (decode, skip):
        with suppress(MalformedError):
            read(data, 0)


@pytest.mark.parametrize(
    "octets",
    [
        *("", "70", "a105", "3f", "ff", "c1040241a14141", "c0024142", "c1030141", "a1 01 ff"),
        *("a30180", "e0040b4041", "f0000000050fffffff40", "d00000000405f5e100", "c10302c045 41"),
    ],
)
def test_invalid_bytes_are_malformed(octets):
    with pytest.raises(MalformedError):
        decode(bytes.fromhex(octets))


def nested(levels):
    value = True
    for _ in range(levels):
        value = [value]
    return encode(value)


def test_nesting_depth_is_limited():
    decode(nested(MAX_DEPTH))

    with pytest.raises(MalformedError, match="too deep"):
        decode(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("mixed", [Array([1, "a"]), Array([Described(ULong(1), True)])])
def test_array_of_mixed_types_is_an_error(mixed):
    with pytest.raises(ValueError, match="one type"):
        encode(mixed)


def test_value_without_amqp_type_is_an_error():
    with pytest.raises(TypeError, match="set has no AMQP type"):
        encode({"a": {1}})
