"""Events in files of Event Hubs Capture: every value, and files that are damaged or hostile."""

import io
import os
import zlib
from datetime import UTC, datetime
from pathlib import Path

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline import capture_events
from amazon_reviews.pipeline.capture_events import captured_events, captured_numbers
from amazon_reviews.resources.amqp import Body
from amazon_reviews.resources.landing.layout import LandingFile
from amazon_reviews_tests.captures import SCHEMA, capture, record

HUB = "shop/reviews"


def landing_file(path):
    return LandingFile(str(path), path.name, path.stat().st_size, "1")


def read(landing, path):
    return [event for events in captured_events(landing, landing_file(path)) for event in events]


def written(path, records, schema=SCHEMA, **options):
    with path.open("wb") as stream:
        fastavro.writer(stream, schema, records, **options)
    return path


def with_field(name, declared):
    fields = [field for field in SCHEMA["fields"] if field["name"] != name]
    return SCHEMA | {"fields": [*fields, {"name": name, "type": declared}]}


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_every_field_of_an_event_is_read(landing, codec):
    properties = {"source": "web", "number": 3, "share": 0.5, "raw": b"\xff", "none": None}
    records = [
        record(7, b'{"a": 1}', Properties=properties, EnqueuedTimeUtc="10/16/2017 6:18:55 PM"),
        record(8, EnqueuedTimeUtc="1/2/2018 12:00:01 AM") | {"Body": None},
    ]

    first, second = read(landing, capture(landing, HUB, records, codec=codec))

    assert (first.sequence_number, first.offset) == (7, "700")
    assert first.enqueued_time == datetime(2017, 10, 16, 18, 18, 55, tzinfo=UTC)
    assert first.properties == properties
    assert first.body == Body("data", b'{"a": 1}')
    assert second.enqueued_time == datetime(2018, 1, 2, 0, 0, 1, tzinfo=UTC)
    assert second.body == Body("data", b"")


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("5/6/2024 12:30:00 PM", 12),
        ("5/6/2024 11:30:00\u202fPM", 23),
        ("05/06/2024 01:30:00 AM", 1),
        ("2024-05-06T13:30:00.0000000Z", 13),
        ("2024-05-06T13:30:00+02:00", 11),
        ("2024-05-06 13:30:00", 13),
    ],
)
def test_time_is_read_in_either_form(landing, text, hour):
    (event,) = read(landing, capture(landing, HUB, [record(1, EnqueuedTimeUtc=text)]))

    assert event.enqueued_time == datetime(2024, 5, 6, hour, 30, tzinfo=UTC)


def test_numbers_of_many_blocks_are_read(landing, tmp_path):
    path = written(tmp_path / "many.avro", map(record, range(30_000)), sync_interval=1_000)

    captured = captured_numbers(landing, landing_file(path))

    assert captured.numbers.tolist() == list(range(30_000))
    assert len({*captured.seconds.tolist()}) == 30_000


def test_events_are_read_in_lists_of_bounded_size(landing, monkeypatch):
    monkeypatch.setattr(capture_events, "_BYTES_AT_ONCE", 25)
    path = capture(landing, HUB, [record(number, b"0123456789") for number in range(7)])

    lists = captured_events(landing, landing_file(path))

    assert [len(events) for events in lists] == [3, 3, 1]


def test_empty_window_has_no_events(landing):
    path = capture(landing, HUB, [])

    assert read(landing, path) == []
    assert captured_numbers(landing, landing_file(path)).numbers.size == 0


def bomb(path, count, body):
    """Write a compressed file whose only block inflates to much more."""
    plain = io.BytesIO()
    for _ in range(count):
        fastavro.schemaless_writer(plain, SCHEMA, record(1, body))
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(plain.getvalue()) + packer.flush()
    header = io.BytesIO()
    fastavro.writer(header, SCHEMA, [], codec="deflate")
    sync = header.getvalue()[-16:]
    size = io.BytesIO()
    for number in (count, len(packed)):
        fastavro.schemaless_writer(size, "long", number)
    path.write_bytes(header.getvalue() + size.getvalue() + packed + sync)
    return path


def test_file_that_unpacks_beyond_the_limit_is_refused(landing, tmp_path, monkeypatch):
    path = bomb(tmp_path / "bomb.avro", 100, bytes(100_000))
    assert len(read(landing, path)) == 100

    monkeypatch.setattr(capture_events, "_MOST_BYTES", 5_000_000)

    with pytest.raises(LandingError, match=r"bomb.avro: it unpacks to more than"):
        read(landing, path)


def test_value_larger_than_an_event_is_refused_before_it_is_read(landing, tmp_path):
    path = bomb(tmp_path / "large.avro", 1, bytes(40 * 1024**2))

    with pytest.raises(LandingError, match=r"large.avro: .*events have at most 32 MiB"):
        read(landing, path)


def test_too_many_events_are_refused(landing, monkeypatch):
    monkeypatch.setattr(capture_events, "_MOST_EVENTS", 3)

    with pytest.raises(LandingError, match="more than 3 events"):
        read(landing, capture(landing, HUB, range(4)))


@pytest.mark.parametrize(
    ("name", "declared", "value", "problem"),
    [
        ("Body", "string", "text", None),
        ("Body", {"type": "array", "items": "null"}, [None], "Body has the type"),
        ("Properties", {"type": "array", "items": "null"}, [None], "Properties is of a type"),
        ("SequenceNumber", "string", "1", "SequenceNumber has the type string"),
        ("SequenceNumber", "long", -1, "event 1 has the sequence number -1"),
        ("SequenceNumber", "long", 2**62, "event 1 has the sequence number"),
        ("EnqueuedTimeUtc", "string", "yesterday", "EnqueuedTimeUtc 'yesterday' is not a time"),
        ("EnqueuedTimeUtc", "string", "13/40/2024 1:00:00 PM", "EnqueuedTimeUtc .* is not a time"),
    ],
)
def test_value_that_capture_does_not_write_is_named(
    landing, tmp_path, name, declared, value, problem
):
    schema = with_field(name, declared)
    path = written(tmp_path / "odd.avro", [record(1) | {name: value}], schema)

    if problem is None:
        assert read(landing, path)[0].body == Body("data", b"text")
        return
    with pytest.raises(LandingError, match=f"odd.avro: {problem}"):
        read(landing, path)


def test_other_avro_file_is_named_with_the_field_that_it_lacks(landing, tmp_path):
    schema = {"type": "record", "name": "r", "fields": [{"name": "Body", "type": "bytes"}]}
    path = written(tmp_path / "other.avro", [{"Body": b""}], schema)

    with pytest.raises(LandingError, match=r"other.avro: .* its schema has no SequenceNumber"):
        read(landing, path)


def test_compression_that_is_not_read_is_named(landing, tmp_path):
    path = written(tmp_path / "packed.avro", [record(1)], codec="bzip2")

    with pytest.raises(LandingError, match=r"packed.avro: its compression bzip2 is not read"):
        read(landing, path)


@pytest.mark.parametrize("content", [b"", b"Obj", b"{}\n" * 10, b"Obj\x01" + b"\xff" * 100])
def test_file_of_another_kind_is_named(landing, tmp_path, content):
    path = tmp_path / "other.avro"
    path.write_bytes(content)

    with pytest.raises(LandingError, match=r"other.avro"):
        read(landing, path)


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_file_cut_anywhere_is_named(landing, codec):
    path = capture(landing, HUB, range(20), codec=codec)
    content = path.read_bytes()
    events = content.rindex(b"\x00" if codec == "null" else content[-16:])
    lengths = {1, 50, len(content) // 2, events, len(content) - 17, len(content) - 1}

    for length in lengths:
        path.write_bytes(content[:length])
        with pytest.raises(LandingError, match=r"00.avro"):
            read(landing, path)


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_end_in_events_or_in_an_error_with_the_name(landing, changes):
    path = capture(landing, HUB, range(10))
    content = bytearray(path.read_bytes())
    for position, value in changes:
        content[position % len(content)] = value
    path.write_bytes(content)

    error = ""
    events = []
    try:
        events = read(landing, path)
    except LandingError as raised:
        error = str(raised)

    assert not error or str(path) in error
    assert all(0 <= event.sequence_number < 2**62 for event in events)


def real(name):
    location = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    path = Path(location or "", "formats", "avro", name)
    if not location or not path.is_file():
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set, or has no captures")
    return path


def test_real_window_is_read(landing):
    path = real("54.avro")

    events = read(landing, path)

    assert [event.sequence_number for event in events] == list(range(8180, 8560))
    assert events[0].enqueued_time == datetime(2017, 10, 16, 18, 18, 55, tzinfo=UTC)
    assert events[-1].enqueued_time == datetime(2017, 10, 16, 18, 23, 46, tzinfo=UTC)
    assert events[0].body.octets.startswith(b'{"ID": 122921,')


def test_real_empty_window_has_no_events(landing):
    assert read(landing, real("empty.avro")) == []
