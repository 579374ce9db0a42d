"""Events of every kind from the hub to silver over the wire: none stops the others."""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.messages import (
    AMQP_SEQUENCE,
    AMQP_VALUE,
    APPLICATION_PROPERTIES,
    DATA,
    FOOTER,
    MESSAGE_ANNOTATIONS,
)
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
    Char,
    Decimal64,
    Described,
    Symbol,
)
from amazon_reviews.pipeline import monitoring, stream_commit, stream_rows
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.reconciliation import reconcile_silver
from amazon_reviews.pipeline.silver import build_silver_stream
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.pipeline.stream_commit import Received
from amazon_reviews.resources.event_hub import Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews_tests.event_hub_emulator.test_values import scalars, values
from amazon_reviews_tests.helpers import BATCH_ROWS, event, hub_of, rows

EVENTS = "bronze/review_events"
SILVER = "silver/streamed_reviews"
REJECTED = "silver/rejected"
VALUE = b"\x00\x53\x77"
BOM = b"\xef\xbb\xbf"


def record(summary):
    return json.loads(event(summary=summary))


def bodies_of(lakehouse, *columns):
    return sorted(rows(lakehouse, EVENTS, "sequence_number", "record", "body", *columns), key=str)


def rejected(lakehouse):
    columns = ("sequence_number", "reason", "detail", "raw", "hub_partition")
    return sorted(rows(lakehouse, REJECTED, *columns))


def kept(lakehouse):
    """Return summary, position after the hub's name, and line of each kept event."""
    actual = rows(lakehouse, SILVER, "summary", "file", "line")
    return sorted((summary, file.partition("/reviews/")[2], line) for summary, file, line in actual)


def assert_each_event_once(lakehouse, counts):
    """Assert that each event has one row, or rows numbered from 1, and silver is balanced."""
    numbers = {}
    for partition, number, place in rows(
        lakehouse, EVENTS, "hub_partition", "sequence_number", "record"
    ):
        numbers.setdefault((partition, number), []).append(place)
    assert set(numbers) == {(name, n) for name, count in counts.items() for n in range(count)}
    for places in numbers.values():
        assert places == [None] or sorted(places) == [*range(1, len(places) + 1)]
    ended = Counter()
    for key in (SILVER, REJECTED, "silver/duplicates"):
        ended.update(rows(lakehouse, key, "file", "line"))
    assert set(ended.values()) <= {1}
    assert len(ended) == sum(map(len, numbers.values()))
    assert_balanced(lakehouse)


def assert_balanced(lakehouse):
    assert [row for row in reconcile_silver(lakehouse, STREAM) if not row.balanced] == []


# By case: a body of the client library, its bytes and type in bronze, and its rejection reason.
SENT = {
    "int": ({"value_body": 5}, b"5", "value", "not_an_object"),
    "list": ({"value_body": ["a", "b"]}, b'["a","b"]', "value", "not_an_object"),
    "none": ({"value_body": None}, b"", "none", "not_json"),
    "bool": ({"value_body": True}, b"true", "value", "not_an_object"),
    "float": ({"value_body": 1.5}, b"1.5", "value", "not_an_object"),
    "bytes": ({"value_body": b"\xff"}, b"\xff", "value", "not_utf8"),
    "sequence": ({"sequence_body": [["a"], ["b"]]}, b'["a","b"]', "sequence", "not_an_object"),
    "empty": ({"data_body": b""}, b"", "data", "not_json"),
    "dict": ({"value_body": record("dict")}, None, "value", None),
    "text": ({"value_body": event(summary="text").decode()}, None, "value", None),
    "maps": ({"sequence_body": [[record("map")]]}, None, "sequence", None),
    "parts": ({"data_body": [b"{", event(summary="parts")[1:]]}, None, "data", None),
}  # fmt: skip


@pytest.fixture(scope="module")
def sent(spark, tmp_path_factory):
    """Each kind of body from the client library's producer, between readable reviews."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("sent")))
    with EventHubEmulator({"reviews": 2}) as server:
        address = server.connection_string("reviews")
        with EventHubProducerClient.from_connection_string(address) as producer:
            producer.send_batch([EventData(event(summary="before"))], partition_id="1")
            messages = [AmqpAnnotatedMessage(**body) for body, *_ in SENT.values()]
            producer.send_batch(messages, partition_id="0")
            producer.send_batch([EventData(event(summary="after"))], partition_id="0")
        received = receive(hub_of(server), lakehouse)
    report = build_silver_stream(spark, lakehouse, BATCH_ROWS)
    return SimpleNamespace(lakehouse=lakehouse, received=received, report=report)


def test_every_kind_of_body_is_in_bronze(sent):
    actual = {
        number: (body, kind)
        for number, _, body, kind, partition in bodies_of(
            sent.lakehouse, "body_type", "hub_partition"
        )
        if partition == "0"
    }

    assert sent.received == Received({"0": len(SENT) + 1, "1": 1}, [])
    for number, (_, body, kind, _) in enumerate(SENT.values()):
        assert actual[number][1] == kind
        assert body is None or actual[number][0] == body
    assert json.loads(actual[[*SENT].index("dict")][0]) == record("dict")


def test_every_kind_of_body_becomes_a_review_or_is_rejected(sent):
    expected = [
        (number, reason)
        for number, (_, _, _, reason) in enumerate(SENT.values())
        if reason is not None
    ]

    assert [row[:2] for row in rejected(sent.lakehouse)] == expected
    assert [summary for summary, _, _ in kept(sent.lakehouse)] == sorted(
        ["before", "after", "dict", "text", "map", "parts"]
    )
    details = {row[0]: row[2] for row in rejected(sent.lakehouse)}
    assert details[[*SENT].index("int")] == "the number 5"
    assert details[[*SENT].index("sequence")] == "an array of 2 values"
    assert details[[*SENT].index("empty")] == "empty"
    assert_each_event_once(sent.lakehouse, {"0": len(SENT) + 1, "1": 1})


def value(content):
    return encode_described(AMQP_VALUE, content)


# Messages that the client library cannot encode or decode.
ODD = {
    "char": (value(Char("漢")), '"漢"'.encode(), "value"),
    "decimal": (value(Decimal64(bytes.fromhex("31a000000000000f"))), b"1.5", "value"),
    "array": (value(Array([Symbol("a")])), b'["a"]', "value"),
    "described": (value(Described(Symbol("x"), 1)), b'{"descriptor":"x","value":1}', "value"),
    "list as a key": (VALUE + bytes.fromhex("c10602c002014140"), b'{"[true]":null}', "value"),
    "deep": (VALUE + b"\x00\x41" * 50_000 + b"\x41", None, "value"),
    "null": (value(None), b"null", "value"),
    "no section": (encode_described(FOOTER, {}), b"", "none"),
    "large": (encode_described(DATA, b"x" * 2**20), b"x" * 2**20, "data"),
    "odd annotations": (
        encode_described(MESSAGE_ANNOTATIONS, {Symbol("a"): Char("x"), Symbol("b"): [{b"\xff": 1}]})
        + encode_described(DATA, b"annotated"),
        b"annotated",
        "data",
    ),
    "odd properties": (
        encode_described(
            APPLICATION_PROPERTIES,
            {b"\xff": b"\xff", 5: None, "nested": {"a": [b"\xff", Char("x")]}, "": True},
        )
        + encode_described(DATA, b"with properties"),
        b"with properties",
        "data",
    ),
    "two kinds": (
        value("a") + encode_described(AMQP_SEQUENCE, [1]),
        value("a") + encode_described(AMQP_SEQUENCE, [1]),
        "amqp",
    ),
}  # fmt: skip


def test_messages_unreadable_for_the_client_library_do_not_stop_the_stream(spark, lakehouse):
    good = encode_described(DATA, event(summary="good"))
    with EventHubEmulator({"reviews": 1}) as server:
        server.append_encoded("reviews", "0", *(encoded for encoded, _, _ in ODD.values()), good)
        received = receive(hub_of(server), lakehouse)
    build_silver_stream(spark, lakehouse, BATCH_ROWS)

    assert received == Received({"0": len(ODD) + 1}, [])
    actual = {number: (body, kind) for number, _, body, kind in bodies_of(lakehouse, "body_type")}
    for number, (name, (_, body, kind)) in enumerate(ODD.items()):
        assert actual[number][1] == kind, name
        assert body is None or actual[number][0] == body, name
    properties = dict(rows(lakehouse, EVENTS, "sequence_number", "properties"))
    assert properties[[*ODD].index("odd properties")] == [
        ('{"base64":"/w=="}', '{"base64": "/w=="}'),
        ("5", None),
        ("nested", '{"a": [{"base64": "/w=="}, "x"]}'),
        ("", "True"),
    ]
    assert [row[0] for row in rejected(lakehouse)] == [*range(len(ODD))]
    assert kept(lakehouse) == [("good", "0", len(ODD))]
    assert_each_event_once(lakehouse, {"0": len(ODD) + 1})


BATCHED = [
    event(summary="a"),
    BOM + event(summary="mark"),
    b"[%b,%b]" % (event(summary="b"), event(summary="a")),
    b'{"records": [%b, {"asin": 5.00}]}' % event(summary="c"),
    event(summary="d") + b"\n" + event(summary="e"),
    gzip.compress(event(summary="f")),
    gzip.compress(b"[%b]" % event(summary="g")),
    b"[%b]" % b",".join(event(summary=f"h{n}") for n in range(11)),
    event(summary="h2"),
    b"[1, 2, 3]",
    b'{"records": []}',
    gzip.compress(b"[]")[:-1],
    "{}".encode("utf-16"),
    json.dumps(record("i"), indent=2).encode(),
    b"[%b]" % b",".join([event(summary="i"), *[event(summary="last")] * 11]),
]
ENDS = {
    9: ("not_an_object", "an array of 3 values"),
    10: ("not_an_object", "records: an array of 0 values"),
    11: ("not_utf8", "gzip that is damaged or breaks off"),
    12: ("not_utf8", "UTF-16 text; write it as UTF-8"),
}


@pytest.fixture(scope="module")
def batched(spark, tmp_path_factory):
    """Events that are batches, compressed, or have a byte order mark, in silver."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("batched")))
    with EventHubEmulator({"reviews": 1}) as server:
        server.append("reviews", "0", *BATCHED, properties={"a": 1})
        received = receive(hub_of(server), lakehouse)
    report = build_silver_stream(spark, lakehouse, BATCH_ROWS)
    return SimpleNamespace(lakehouse=lakehouse, received=received, report=report)


def test_batch_becomes_a_row_of_bronze_per_record(batched):
    expected = {
        (0, None, BATCHED[0], None),
        (1, None, BATCHED[1], None),
        (2, 1, event(summary="b"), None),
        (2, 2, event(summary="a"), None),
        (3, 2, b'{"asin": 5.00}', None),
        (4, 2, event(summary="e"), None),
        (5, None, event(summary="f"), "gzip"),
        (6, 1, event(summary="g"), "gzip"),
        (7, 11, event(summary="h10"), None),
        (9, None, BATCHED[9], None),
        (11, None, BATCHED[11], None),
        (13, None, BATCHED[13], None),
    }

    actual = rows(batched.lakehouse, EVENTS, "sequence_number", "record", "body", "compression")

    assert expected <= set(actual)
    assert len(actual) == 39
    properties = rows(batched.lakehouse, EVENTS, "record", "properties")
    assert {place or 0: added for place, added in properties} == {
        place: [("a", "1")] if place < 2 else None for place in range(13)
    }


def test_records_of_a_batch_are_separate_rows_of_silver(batched):
    actual = kept(batched.lakehouse)

    assert actual == sorted(
        [
            *[("a", "0", 0), ("mark", "0", 1), ("b", "0#1", 2), ("c", "0#1", 3), ("d", "0#1", 4)],
            *[("e", "0#2", 4), ("f", "0", 5), ("g", "0#1", 6), ("i", "0", 13), ("last", "0#2", 14)],
            *((f"h{n}", f"0#{n + 1}", 7) for n in range(11)),
        ]
    )
    repeated = rows(batched.lakehouse, "silver/duplicates", "line", "file")
    assert {(line, file.partition("#")[2]) for line, file in repeated} == {
        *[(2, "2"), (8, ""), (14, "1")],
        *((14, str(place)) for place in range(3, 13)),
    }
    assert_each_event_once(batched.lakehouse, {"0": len(BATCHED)})


def test_unreadable_batches_are_rejected_with_their_shape(batched):
    actual = {
        number: (reason, detail) for number, reason, detail, _, _ in rejected(batched.lakehouse)
    }

    assert actual.pop(3) == ("missing_field", "reviewerID: absent")
    assert actual == ENDS
    assert {row[4] for row in rejected(batched.lakehouse)} == {"0"}
    assert (batched.report.lines, batched.report.kept) == (39, 21)
    assert batched.report.rejected == Counter(
        ["missing_field", *(reason for reason, _ in ENDS.values())]
    )


def test_batch_counts_as_one_event_of_its_hub_partition(batched):
    (stream,) = monitoring.stream_rows(batched.lakehouse, None).to_pylist()

    assert batched.received == Received({"0": len(BATCHED)}, [])
    assert (stream["events"], stream["last_sequence_number"]) == (len(BATCHED), 14)


@pytest.mark.long
def test_many_records_fill_several_segments_and_commits(spark, lakehouse, monkeypatch):
    """Events that are too many for a commit are read again and counted once."""
    monkeypatch.setattr(stream_commit, "SEGMENT_EVENTS", 100)
    monkeypatch.setattr(stream_rows, "_BATCH_ROWS", 40)
    monkeypatch.setattr(stream_commit, "_COMMIT_ROWS", 200)
    batch = b"[%b]" % b",".join(b'{"n": %d}' % n for n in range(150))
    with EventHubEmulator({"reviews": 2}) as server:
        server.append("reviews", "0", *[batch] * 3, b"{}")
        server.append("reviews", "1", batch)
        server.trim("reviews", "0", 1)

        received = receive(hub_of(server), lakehouse)
        server.append("reviews", "0", b"{}")
        server.trim("reviews", "0", 5)
        server.append("reviews", "0", batch, b"{}")
        again = receive(hub_of(server), lakehouse)

    assert received == Received({"0": 3, "1": 1}, [])
    assert again == Received({"0": 2}, [("0", Span(4, 4))])
    sizes = partition_rows(lakehouse.delta(EVENTS))
    assert sum(sizes.values()) == 4 * 150 + 2
    assert max(sizes.values()) < 140
    assert lakehouse.version(EVENTS) >= 4
    assert build_silver_stream(spark, lakehouse, BATCH_ROWS).lines == 602
    assert_balanced(lakehouse)


def test_table_of_an_earlier_version_gets_the_new_columns(spark, lakehouse):
    """Bronze of the time before events could be batches is read, and extended."""
    with EventHubEmulator({"reviews": 1}) as server:
        server.append("reviews", "0", event(summary="a"), BOM + event(summary="b"), b"[1]")
        receive(hub_of(server), lakehouse)
        without_new_columns(lakehouse)
        silver = build_silver_stream(spark, lakehouse, BATCH_ROWS)
        server.append("reviews", "0", event(summary="c"), b"[%b]" % event(summary="d"))
        old = lakehouse.version(EVENTS)
        assert monitoring.stream_rows(lakehouse, None).to_pylist()[0]["events"] == 3

        receive(hub_of(server), lakehouse)

    assert (silver.kept, silver.rejected) == (2, Counter(["not_an_object"]))
    assert lakehouse.version(EVENTS) == old + 1
    columns = ("sequence_number", "record", "body_type", "compression")
    assert rows(lakehouse, EVENTS, *columns) == [
        *((number, None, None, None) for number in range(3)),
        (3, None, "data", None),
        (4, 1, "data", None),
    ]
    build_silver_stream(spark, lakehouse, BATCH_ROWS)
    assert [summary for summary, _, _ in kept(lakehouse)] == ["a", "b", "c", "d"]
    assert_each_event_once(lakehouse, {"0": 5})


def without_new_columns(lakehouse):
    """Rewrite bronze/review_events as a table that never had the columns."""
    table = lakehouse.delta(EVENTS)
    hub = rows(lakehouse, EVENTS, "hub")[0][0]
    versions = [f"{hub}/0/sequence_number", f"{hub}/created_at"]
    names = ["record", "body_type", "compression"]
    data = table.to_pyarrow_table().drop_columns(names)
    write_deltalake(
        lakehouse.uri(EVENTS),
        data,
        mode="overwrite",
        schema_mode="overwrite",
        partition_by=["partition"],
        commit_properties=CommitProperties(
            app_transactions=[
                Transaction(name, table.transaction_version(name)) for name in versions
            ]
        ),
    )
    fields = {field.name for field in DeltaTable(lakehouse.uri(EVENTS)).schema().fields}
    assert fields.isdisjoint(names)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.floats() | st.uuids()
    | st.text(max_size=20) | st.binary(max_size=20)
    | st.floats(0, 4e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)  # fmt: skip
properties = st.none() | st.dictionaries(
    st.text(max_size=8), st.booleans() | st.text(max_size=8) | st.binary(max_size=8), max_size=3
)
some = {"min_size": 1, "max_size": 3}
by_producer = st.builds(
    lambda body, added: AmqpAnnotatedMessage(**body, application_properties=added),
    st.one_of(
        st.fixed_dictionaries({"value_body": plain}),
        st.fixed_dictionaries({"sequence_body": st.lists(st.lists(plain, max_size=3), **some)}),
        st.fixed_dictionaries({"data_body": st.lists(st.binary(max_size=50), **some)}),
    ),
    properties,
)  # fmt: skip
good = st.sampled_from("abc").map(record)
texts = st.one_of(
    st.lists(good, **some).map(json.dumps),
    st.lists(good, **some).map(lambda objects: json.dumps({"records": objects})),
    st.lists(good, **some).map(lambda objects: "\n".join(map(json.dumps, objects))),
    st.lists(good | st.integers() | st.text(max_size=5), max_size=3).map(json.dumps),
    st.text(max_size=20),
).map(str.encode)  # fmt: skip
octets = st.builds(
    lambda mark, body, last: last(mark + body),
    st.sampled_from([b"", BOM, b"\xff\xfe"]),
    texts | st.binary(max_size=50),
    st.sampled_from([bytes, gzip.compress, lambda body: gzip.compress(body)[:-3]]),
)
section = st.one_of(
    values.map(value),
    st.lists(values, max_size=3).map(lambda content: encode_described(AMQP_SEQUENCE, content)),
    octets.map(lambda body: encode_described(DATA, body)),
)
on_the_wire = st.builds(
    lambda annotated, added, parts: b"".join([*annotated, *added, *parts]),
    st.lists(
        st.dictionaries(st.sampled_from("xyz").map(Symbol), values, max_size=2).map(
            lambda content: encode_described(MESSAGE_ANNOTATIONS, content)
        ),
        max_size=1,
    ),
    st.lists(
        st.dictionaries(st.text(max_size=5) | scalars, values, max_size=3).map(
            lambda content: encode_described(APPLICATION_PROPERTIES, content)
        ),
        max_size=1,
    ),
    st.lists(section, max_size=3),
)


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """A hub, a producer and a lakehouse that grow from example to example."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("random")))
    with EventHubEmulator({"reviews": 2}) as server:
        address = server.connection_string("reviews")
        with EventHubProducerClient.from_connection_string(address) as producer:
            yield SimpleNamespace(server=server, producer=producer, lakehouse=lakehouse)


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],
)
@given(
    st.lists(by_producer, min_size=20, max_size=40), st.lists(on_the_wire, min_size=20, max_size=40)
)
@pytest.mark.long
def test_every_random_message_is_stored_once_and_reconciled(spark, stream, sent, encoded):
    stream.producer.send_batch(sent, partition_id="0")
    stream.server.append_encoded("reviews", "1", *encoded)

    receive(hub_of(stream.server), stream.lakehouse)
    build_silver_stream(spark, stream.lakehouse, BATCH_ROWS)

    counts = {name: stream.server.sequence_numbers("reviews", name).stop for name in "01"}
    assert_each_event_once(stream.lakehouse, counts)
