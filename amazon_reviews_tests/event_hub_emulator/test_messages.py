"""Messages of producers: their stored sections, and the events of a batch."""

import pytest

from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.errors import MalformedError
from amazon_reviews.devtools.event_hub_emulator.messages import (
    APPLICATION_PROPERTIES,
    BATCH_FORMAT,
    DATA,
    DELIVERY_ANNOTATIONS,
    FOOTER,
    HEADER,
    MESSAGE_ANNOTATIONS,
    new_message,
    read_delivery,
    read_message,
)
from amazon_reviews.devtools.event_hub_emulator.values import Symbol

KEY = Symbol("x-opt-partition-key")
BODY = encode_described(DATA, b"body")


def keyed(key):
    return encode_described(MESSAGE_ANNOTATIONS, {KEY: key})


def batch(*events, key=None):
    annotations = b"" if key is None else keyed(key)
    return annotations + b"".join(encode_described(DATA, event) for event in events)


def test_sections_except_annotations_are_stored_unchanged():
    header = encode_described(HEADER, [True])
    rest = encode_described(APPLICATION_PROPERTIES, {"a": 1}) + BODY + encode_described(FOOTER, {})
    others = encode_described(DELIVERY_ANNOTATIONS, {Symbol("x"): 1}) + keyed("K")
    message = read_message(header + others + rest)

    assert (message.header, message.rest, message.key) == (header, rest, "K")
    assert message.size == len(header + others + rest)


@pytest.mark.parametrize(
    ("key", "expected"), [("K", "K"), (b"K", "K"), (b"\xff", "\ufffd"), (7, None), ([], None)]
)
def test_partition_key_is_decoded_as_text(key, expected):
    assert read_message(keyed(key) + BODY).key == expected


def test_events_of_a_batch_inherit_its_key_unless_they_have_one():
    events = read_delivery(BATCH_FORMAT, batch(BODY, keyed("own") + BODY, key="shared"))

    assert [event.key for event in events] == ["shared", "own"]
    assert [event.rest for event in events] == [BODY, BODY]


def test_message_of_another_format_is_a_single_event():
    (event,) = read_delivery(0, batch(BODY, BODY))

    assert event.rest == batch(BODY, BODY)


def test_empty_batch_has_no_events():
    assert read_delivery(BATCH_FORMAT, b"") == []


@pytest.mark.parametrize("inside", ["text", b"no message", BODY[:-1], [BODY]])
def test_batch_of_other_data_is_malformed(inside):
    with pytest.raises(MalformedError):
        read_delivery(BATCH_FORMAT, batch(inside))


def test_new_message_equals_a_received_one():
    message = new_message(b"body", {"a": 1}, "K")

    assert message.rest == encode_described(APPLICATION_PROPERTIES, {"a": 1}) + BODY
    assert (message.key, new_message(b"", {}, None).key) == ("K", None)
