"""From the hub to gold over the wire: every event once, in exactly one place."""

import base64
import gzip
import json
import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.errors import (
    ConcurrentWriteError,
    EventHubUnavailableError,
    HubChangedError,
    SkippedEventsError,
)
from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import REVIEWS, STREAM
from amazon_reviews.pipeline.gold import build_gold_reviews
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.silver import build_silver, build_silver_stream
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.pipeline.stream_commit import Received, commit_events_and_offsets
from amazon_reviews.pipeline.stream_gaps import acknowledge_gaps, open_gaps
from amazon_reviews.pipeline.stream_lag import Lag, lag
from amazon_reviews.pipeline.stream_offsets import unread_spans
from amazon_reviews.resources.event_hub import EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import BATCH_ROWS, content, event, hub_of, review, rows, upload

EVENTS = "bronze/review_events"
GAPS = "bronze/event_gaps"
SENT = datetime(2024, 5, 6, 7, 8, 9, 123_000, tzinfo=UTC)
ODD = [b'{"a": 1}', b"", b"\xff\xfe\x00", "é漢".encode(), b"\r\n", b"\xc3"]


def bodies(count):
    return [b"%d" % number for number in range(count)]


def numbers(lakehouse, hub="reviews"):
    """Return the sequence numbers in bronze by hub partition; check them against the bodies."""
    numbers_read = {}
    columns = ("hub", "hub_partition", "sequence_number", "body")
    for name, partition, number, body in sorted(rows(lakehouse, EVENTS, *columns)):
        if name.endswith(f"/{hub}"):
            assert body == b"%d" % number
            numbers_read.setdefault(partition, []).append(number)
    return numbers_read


def gaps(lakehouse):
    return rows(lakehouse, GAPS, "hub_partition", "first", "last")


def bring_stream(spark, lakehouse):
    """Bring the stream from bronze to gold; return the counts of silver."""
    counts = build_silver_stream(spark, lakehouse, BATCH_ROWS)
    list(build_gold_reviews(spark, lakehouse, [STREAM.partition], BATCH_ROWS))
    return counts


def stream_counts(lakehouse, layer, table):
    (stream,) = (
        row
        for row in reconcile_all(lakehouse)
        if (row.layer, row.table, row.partition) == (layer, table, STREAM.partition)
    )
    return stream.lines, stream.kept, stream.duplicates, stream.rejected


def assert_balanced(lakehouse):
    assert [row for row in reconcile_all(lakehouse) if not row.balanced] == []


@pytest.fixture
def server():
    """An emulator with the hubs reviews and audit, of one partition each."""
    with EventHubEmulator({"reviews": 1, "audit": 1}) as server:
        yield server


def test_hub_read_further_by_another_run_has_no_unread_events(server, lakehouse):
    hub = hub_of(server)
    server.append("reviews", "0", *bodies(2))
    receive(hub, lakehouse)
    before = hub.look()
    server.append("reviews", "0", *bodies(3)[2:])
    receive(hub, lakehouse)

    assert unread_spans(lakehouse, before) == {}


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Bodies of all kinds in two hub partitions, received once."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("odd")))
    with EventHubEmulator({"Reviews": 2}) as server:
        properties = {"source": "web", "number": 3, "raw": b"\xff"}
        server.append("Reviews", "0", *ODD, enqueued_time=SENT, properties=properties)
        server.append("Reviews", "1", *ODD[::-1], enqueued_time=SENT + timedelta(seconds=1))
        hub = hub_of(server, "Reviews")
        received = receive(hub, lakehouse)
        yield SimpleNamespace(server=server, hub=hub, lakehouse=lakehouse, received=received)


def test_events_are_stored_unchanged(odd):
    """DuckDB reads them from the files of the table."""
    paths = pa.table(odd.lakehouse.delta(EVENTS).get_add_actions())["path"].to_pylist()
    files = duckdb.read_parquet(
        [str(Path(odd.lakehouse.uri(EVENTS)) / path) for path in paths], hive_partitioning=True
    )

    actual = files.project(
        "hub, hub_partition, sequence_number, body, encoding, epoch_us(enqueued_at), partition"
    ).fetchall()

    hub = f"127.0.0.1:{odd.server.port}/reviews"
    encodings = dict(
        zip(ODD, ["utf-8", "utf-8", "base64", "utf-8", "utf-8", "base64"], strict=True)
    )
    sent = round(SENT.timestamp()) * 1_000_000 + 123_000
    assert sorted(actual) == [
        (hub, partition, number, body, encodings[body], time, "stream")
        for partition, sent_bodies, time in (("0", ODD, sent), ("1", ODD[::-1], sent + 1_000_000))
        for number, body in enumerate(sent_bodies)
    ]


def test_events_keep_the_properties_of_their_sender(odd):
    actual = rows(odd.lakehouse, EVENTS, "hub_partition", "properties")

    added = [("source", "web"), ("number", "3"), ("raw", "\ufffd")]
    assert actual == [("0", added)] * len(ODD) + [("1", [])] * len(ODD)


def test_events_keep_the_offsets_of_the_hub(odd):
    offsets = [
        int(offset)
        for partition, _, offset in sorted(
            rows(odd.lakehouse, EVENTS, "hub_partition", "sequence_number", "offset")
        )
        if partition == "0"
    ]

    assert offsets[0] == 0
    assert offsets == sorted(set(offsets))


def test_events_and_stream_offsets_are_one_commit(odd):
    hub = f"127.0.0.1:{odd.server.port}/reviews"
    versions = {f"{hub}/0/sequence_number": 5, f"{hub}/1/sequence_number": 5}
    before, after = (odd.lakehouse.delta(EVENTS, version) for version in (0, 1))

    assert odd.received == Received({"0": 6, "1": 6}, [])
    assert odd.lakehouse.version(EVENTS) == 1
    assert before.to_pyarrow_table().num_rows == 0
    assert {name: before.transaction_version(name) for name in versions} == dict.fromkeys(versions)
    assert after.to_pyarrow_table().num_rows == 12
    assert {name: after.transaction_version(name) for name in versions} == versions
    created = odd.hub.look().created_at.timestamp() * 1000
    assert after.transaction_version(f"{hub}/created_at") == round(created)


def test_read_events_are_not_read_again(odd):
    delivered = odd.server.events_delivered

    assert receive(odd.hub, odd.lakehouse) == Received()

    assert odd.lakehouse.version(EVENTS) == 1
    assert odd.server.events_delivered == delivered
    assert not odd.lakehouse.exists(GAPS)


def test_hub_without_events_creates_no_table(server, lakehouse):
    assert receive(hub_of(server), lakehouse) == Received()
    assert lag(hub_of(server), lakehouse) == {"0": Lag(0, 0.0)}
    assert not lakehouse.exists(EVENTS)


def test_hub_can_be_read_in_spans(server, lakehouse):
    hub = hub_of(server)
    old = datetime.now(UTC) - timedelta(minutes=5)
    server.append("reviews", "0", *bodies(10), enqueued_time=old)
    first = {"0": Span(0, 3)}
    assert receive(hub, lakehouse, first) == Received({"0": 4}, [])
    assert numbers(lakehouse) == {"0": [0, 1, 2, 3]}

    waiting = lag(hub, lakehouse)["0"]
    assert waiting.events == 6
    assert 300 <= waiting.seconds < 420

    assert receive(hub, lakehouse, first) == Received()
    with pytest.raises(SkippedEventsError, match="partition 0: events 4 to 5 were not read yet"):
        receive(hub, lakehouse, {"0": Span(6, 9)})
    assert lakehouse.version(EVENTS) == 1
    assert receive(hub, lakehouse, {"0": Span(2, 6)}) == Received({"0": 3}, [])
    assert receive(hub, lakehouse, {"0": Span(0, 99)}) == Received({"0": 3}, [])
    assert numbers(lakehouse) == {"0": list(range(10))}
    assert lakehouse.version(EVENTS) == 3
    assert lag(hub, lakehouse) == {"0": Lag(0, 0.0)}


def test_lost_connection_loses_no_events(server, lakehouse):
    server.append("reviews", "0", *bodies(1_200))
    server.drop_connections(after_events=1_050)

    assert receive(hub_of(server), lakehouse) == Received({"0": 1_200}, [])

    assert numbers(lakehouse) == {"0": list(range(1_200))}
    assert server.events_delivered > 1_200


def test_unreadable_hub_leaves_bronze_unchanged(server, lakehouse):
    """The hub can be inspected, but not be read by a consumer group that does not exist."""
    server.append("reviews", "0", *bodies(3))
    hub = hub_of(server, consumer_group="absent", retry_total=0)

    with pytest.raises(EventHubUnavailableError, match="consumer group absent"):
        receive(hub, lakehouse)

    assert lakehouse.version(EVENTS) == 0
    assert unread_spans(lakehouse, hub.look()) == {"0": Span(0, 2)}


def test_one_of_two_concurrent_readers_adds_the_events(server, lakehouse):
    server.append("reviews", "0", *bodies(30))
    together = Barrier(2)

    def read():
        hub = hub_of(server)
        together.wait(30)
        try:
            return receive(hub, lakehouse).events
        except ConcurrentWriteError:
            return {}

    with ThreadPoolExecutor(2) as pool:
        actual = [reading.result() for reading in [pool.submit(read), pool.submit(read)]]

    assert sorted(actual, key=len) == [{}, {"0": 30}]
    assert numbers(lakehouse) == {"0": list(range(30))}


def test_reader_overtaken_by_another_writes_nothing(server, lakehouse):
    """Another reader commits after this one chose its events and before it may write."""

    class Overtaken(Lakehouse):
        def ensure(self, key):
            if waiting:
                waiting.pop()()
            return super().ensure(key)

    server.append("reviews", "0", *bodies(5))
    hub = hub_of(server)
    # It does not take turns, as if its lock had been lost.
    spans = {"0": Span(0, 2)}
    waiting = [lambda: commit_events_and_offsets(hub, lakehouse, hub.look(), spans, 10)]

    with pytest.raises(ConcurrentWriteError, match="nothing is lost"):
        receive(hub, Overtaken(location=lakehouse.location))

    assert waiting == []
    assert numbers(lakehouse) == {"0": [0, 1, 2]}
    assert lakehouse.version(EVENTS) == 1


@pytest.fixture(scope="module")
def dropped(tmp_path_factory):
    """Four hub partitions that drop their first events, and the events received in two runs.

    0 drops events before the first run, then only read ones. 1 drops some unread events, 2 all of
    them, 3 some read ones.
    """
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("dropped")))
    with EventHubEmulator({"reviews": 4}) as server:
        for partition in "0123":
            server.append("reviews", partition, *bodies(4))
        server.trim("reviews", "0", 2)
        hub = hub_of(server)
        first = receive(hub, lakehouse)
        for partition, kept in {"0": 4, "1": 7, "2": 10, "3": 2}.items():
            server.append("reviews", partition, *bodies(10)[4:])
            server.trim("reviews", partition, kept)
        behind = lag(hub, lakehouse)
        yield SimpleNamespace(
            lakehouse=lakehouse,
            hub=hub,
            behind=behind,
            received=[first, receive(hub, lakehouse)],
            left=unread_spans(lakehouse, hub.look()),
        )


def test_only_dropped_unread_events_are_a_gap(dropped):
    first, second = dropped.received

    assert first == Received({"0": 2, "1": 4, "2": 4, "3": 4}, [])
    assert second.events == {"0": 6, "1": 3, "3": 6}
    assert second.gaps == [("1", Span(4, 6)), ("2", Span(4, 9))]
    assert gaps(dropped.lakehouse) == [("1", 4, 6), ("2", 4, 9)]
    assert numbers(dropped.lakehouse) == {
        "0": list(range(2, 10)),
        "1": [*range(4), *range(7, 10)],
        "2": list(range(4)),
        "3": list(range(10)),
    }


def test_hub_partition_that_lost_all_events_is_up_to_date(dropped):
    assert {name: actual.events for name, actual in dropped.behind.items()} == dict.fromkeys(
        "0123", 6
    )
    assert dropped.left == {}
    assert dropped.lakehouse.version(EVENTS) == 2


def test_gap_is_open_until_it_is_acknowledged(dropped, tmp_path):
    shutil.copytree(dropped.lakehouse.location, tmp_path / "copy")
    lakehouse = Lakehouse(location=str(tmp_path / "copy"))
    name = dropped.hub.look().name
    actual = {(gap["hub"], gap["hub_partition"]) for gap in open_gaps(lakehouse)}
    assert actual == {(name, "1"), (name, "2")}

    assert acknowledge_gaps(lakehouse) == 2

    assert open_gaps(lakehouse) == []
    assert acknowledge_gaps(lakehouse) == 0
    assert gaps(lakehouse) == gaps(dropped.lakehouse)
    assert all(
        found_at <= acknowledged_at
        for found_at, acknowledged_at in rows(lakehouse, GAPS, "found_at", "acknowledged_at")
    )


def test_growing_gap_stays_one_row(server, lakehouse):
    """Runs may end between the record of the gap and the commit of the events."""

    class Failing(Lakehouse):
        def write(self, rows, key, **options):
            if key == EVENTS:
                raise OSError("no space left")
            super().write(rows, key, **options)

    hub = hub_of(server)
    failing = Failing(location=lakehouse.location)
    server.append("reviews", "0", *bodies(3))
    receive(hub, lakehouse)
    server.append("reviews", "0", *bodies(10)[3:])
    server.trim("reviews", "0", 5)

    for _ in range(2):
        with pytest.raises(OSError, match="no space"):
            receive(hub, failing)
        assert gaps(lakehouse) == [("0", 3, 4)]
        acknowledge_gaps(lakehouse)
        assert open_gaps(lakehouse) == []
    server.trim("reviews", "0", 7)
    receive(hub, lakehouse)

    assert gaps(lakehouse) == [("0", 3, 6)]
    assert len(open_gaps(lakehouse)) == 1
    assert numbers(lakehouse) == {"0": [0, 1, 2, 7, 8, 9]}


def test_events_dropped_between_look_and_read_are_a_gap(server, lakehouse):
    class Slow(EventHub):
        def look(self):
            hub = super().look()
            server.trim("reviews", "0", 4)
            return hub

    server.append("reviews", "0", *bodies(6))
    hub = Slow(hub_of(server).address)

    received = receive(hub, lakehouse, {"0": Span(0, 5)})

    assert received == Received({"0": 2}, [("0", Span(0, 3))])
    assert gaps(lakehouse) == [("0", 0, 3)]
    assert numbers(lakehouse) == {"0": [4, 5]}


def test_recreated_hub_is_not_read_but_another_hub_is(server, lakehouse):
    hub = hub_of(server)
    server.append("reviews", "0", *bodies(3))
    receive(hub, lakehouse)
    server.recreate("reviews")
    for count, ask in ((0, receive), (2, lag), (4, receive)):
        server.append("reviews", "0", *bodies(count))
        with pytest.raises(HubChangedError, match="/reviews is not the hub whose events"):
            ask(hub, lakehouse)
    assert lakehouse.version(EVENTS) == 1
    assert not lakehouse.exists(GAPS)

    server.append("audit", "0", *bodies(2))
    assert receive(hub_of(server, "audit"), lakehouse) == Received({"0": 2}, [])

    assert numbers(lakehouse) == {"0": [0, 1, 2]}
    assert numbers(lakehouse, "audit") == {"0": [0, 1]}


MIXED = {
    "0": [
        event(summary="a"),
        event(summary="a", partition_number=7),
        b"no json",
        b'{"asin": "\xff"}',
        b"[1, 2]",
        event(summary="b", asin=...),
        b"",
    ],
    "1": [event(summary="a"), event(summary="b", colour="red"), b'{"asin": ', b"\xfe"],
}
REJECTED = [
    ("0", 2, "not_json"),
    ("0", 3, "not_utf8"),
    ("0", 4, "not_an_object"),
    ("0", 5, "missing_field"),
    ("0", 6, "not_json"),
    ("1", 2, "not_json"),
    ("1", 3, "not_utf8"),
]


@pytest.fixture(scope="module")
def mixed(spark, tmp_path_factory):
    """Good, repeated and bad events in gold."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("mixed")))
    with EventHubEmulator({"reviews": 2}) as server:
        for partition, sent_bodies in MIXED.items():
            server.append("reviews", partition, *sent_bodies)
        receive(hub_of(server), lakehouse)
        name = hub_of(server).look().name
    return SimpleNamespace(lakehouse=lakehouse, hub=name, report=bring_stream(spark, lakehouse))


def test_rejected_events_have_their_reason_and_position(mixed):
    columns = ("hub_partition", "sequence_number", "reason", "raw", "encoding")
    actual = sorted(rows(mixed.lakehouse, "silver/rejected", *columns))

    expected = []
    for partition, number, reason in REJECTED:
        body = MIXED[partition][number]
        raw, encoding = as_base64(body) if reason == "not_utf8" else (body.decode(), "utf-8")
        expected.append((partition, number, reason, raw, encoding))
    assert actual == expected
    details = dict(rows(mixed.lakehouse, "silver/rejected", "reason", "detail"))
    assert details["missing_field"] == "asin: absent"


def as_base64(body):
    return base64.b64encode(body).decode(), "base64"


def test_rejected_events_name_their_table_and_hub(mixed):
    actual = rows(mixed.lakehouse, "silver/rejected", "table", "partition", "file", "line")

    assert actual == sorted(
        ("streamed_reviews", "stream", f"{mixed.hub}/{partition}", number)
        for partition, number, _ in REJECTED
    )


def test_repeated_events_are_duplicates(mixed):
    kept = rows(mixed.lakehouse, "silver/streamed_reviews", "summary", "file", "line")
    repeated = rows(mixed.lakehouse, "silver/duplicates", "table", "partition", "file", "line")
    ids = dict(rows(mixed.lakehouse, "silver/streamed_reviews", "summary", "review_id"))

    assert kept == [("a", f"{mixed.hub}/0", 0), ("b", f"{mixed.hub}/1", 1)]
    assert repeated == [
        ("streamed_reviews", "stream", f"{mixed.hub}/0", 1),
        ("streamed_reviews", "stream", f"{mixed.hub}/1", 0),
    ]
    assert rows(mixed.lakehouse, "silver/duplicates", "id") == [(ids["a"],)] * 2


def test_fields_of_the_sender_are_not_rescued(mixed):
    assert rows(mixed.lakehouse, "silver/streamed_reviews", "summary", "rescued") == [
        ("a", None),
        ("b", [("colour", "red")]),
    ]


def test_stream_is_balanced_in_every_layer(mixed):
    reasons = Counter(reason for _, _, reason in REJECTED)

    assert (mixed.report.lines, mixed.report.kept, mixed.report.duplicates) == (11, 2, 2)
    assert mixed.report.rejected == reasons
    assert stream_counts(mixed.lakehouse, "bronze", "review_events") == (11, 11, 0, 0)
    assert stream_counts(mixed.lakehouse, "silver", "streamed_reviews") == (11, 2, 2, 7)
    assert stream_counts(mixed.lakehouse, "gold", "reviews") == (2, 2, 0, 0)
    assert_balanced(mixed.lakehouse)


def test_second_build_of_the_stream_changes_nothing(spark, mixed):
    keys = ("silver/streamed_reviews", "silver/rejected", "silver/duplicates", "gold/reviews")
    before = {key: content(mixed.lakehouse, key) for key in keys}

    bring_stream(spark, mixed.lakehouse)

    assert {key: content(mixed.lakehouse, key) for key in keys} == before


@pytest.fixture(scope="module")
def streamed(tmp_path_factory):
    """A lakehouse with two events in bronze."""
    folder = tmp_path_factory.mktemp("streamed")
    with EventHubEmulator({"reviews": 1}) as server:
        server.append("reviews", "0", event(summary="both"), event(summary="stream only"))
        receive(hub_of(server), Lakehouse(location=str(folder)))
    return folder


def bring_file(spark, landing, lakehouse):
    ingest(landing, lakehouse, REVIEWS, "partition_1")
    list(build_silver(spark, lakehouse, REVIEWS, ["partition_1"], BATCH_ROWS))
    list(build_gold_reviews(spark, lakehouse, ["partition_1"], BATCH_ROWS))


@pytest.mark.parametrize("first", ["file", "stream"])
def test_a_review_by_file_and_by_stream_is_one(spark, streamed, landing, tmp_path, first):
    """Gold keeps the row of the file, because it has the day."""
    shutil.copytree(streamed, tmp_path / "lakehouse")
    lakehouse = Lakehouse(location=str(tmp_path / "lakehouse"))
    lines = (review(summary="both"), review(summary="file only"))
    upload(landing, "amazon_reviews", "partition_1", *lines)

    if first == "file":
        bring_file(spark, landing, lakehouse)
        bring_stream(spark, lakehouse)
    else:
        bring_stream(spark, lakehouse)
        assert len(rows(lakehouse, "gold/reviews", "summary")) == 2
        bring_file(spark, landing, lakehouse)

    day = datetime(2016, 9, 1, tzinfo=UTC).date()
    columns = ("summary", "partition", "source", "reviewed_on")
    assert rows(lakehouse, "gold/reviews", *columns) == [
        ("both", "partition_1", "batch", day),
        ("file only", "partition_1", "batch", day),
        ("stream only", "stream", "stream", None),
    ]
    ids = dict(rows(lakehouse, "silver/streamed_reviews", "summary", "review_id"))
    assert rows(lakehouse, "gold/duplicates", "id", "kept_in", "partition") == [
        (ids["both"], "partition_1", "stream")
    ]
    assert stream_counts(lakehouse, "gold", "reviews") == (2, 1, 1, 0)
    assert_balanced(lakehouse)


def send(server, sent_bodies):
    """Send bodies to the two partitions of the hub."""
    for partition in range(2):
        server.append("reviews", str(partition), *sent_bodies[partition::2])


def brought(spark, folder, sent_bodies):
    """Return a lakehouse with these bodies in gold, and the counts of silver."""
    lakehouse = Lakehouse(location=str(folder))
    with EventHubEmulator({"reviews": 2}) as server:
        send(server, sent_bodies)
        receive(hub_of(server), lakehouse)
    return lakehouse, bring_stream(spark, lakehouse)


@pytest.mark.long
def test_gold_does_not_depend_on_the_order_of_events(spark, tmp_path):
    """The truth of the sample confirms the counts."""
    options = SampleOptions(
        reviews=400,
        products=50,
        users=80,
        partitions=2,
        events=300,
        seed=23,
        duplicates_within=0.05,
        malformed=0.05,
    )
    truth = generate(options, tmp_path / "sample")
    sent_bodies = (tmp_path / "sample" / "events" / "events.jsonl").read_bytes().splitlines()
    landing = LandingZone(location=str(tmp_path / "sample"))
    gold = []
    for name, order in {"forth": sent_bodies, "back": sent_bodies[::-1]}.items():
        lakehouse, report = brought(spark, tmp_path / name, order)
        assert {
            "lines": report.lines,
            "distinct": report.kept,
            "duplicates_within": report.duplicates,
            "rejected": dict(sorted(report.rejected.items())),
            "by_file": truth["events"]["by_file"],
        } == truth["events"]
        files = list(landing.partitions(REVIEWS.folder))
        for file in files:
            ingest(landing, lakehouse, REVIEWS, file)
        list(build_silver(spark, lakehouse, REVIEWS, files, BATCH_ROWS))
        list(build_gold_reviews(spark, lakehouse, files, BATCH_ROWS))
        assert_balanced(lakehouse)
        gold.append(rows(lakehouse, "gold/reviews", "review_id", "partition"))

    assert gold[0] == gold[1]
    assert len(gold[0]) == len(dict(gold[0])) == truth["gold"]["reviews_with_events"]


@pytest.fixture(scope="module")
def real(spark, tmp_path_factory):
    """The real bodies in gold, in the order of their sending and in reverse order."""
    location = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not location:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    with gzip.open(Path(location) / "events" / "event_hub_messages.json.gz") as lines:
        sent_bodies = lines.read().splitlines()
    folder = tmp_path_factory.mktemp("real")
    forth = brought(spark, folder / "forth", sent_bodies)
    back = brought(spark, folder / "back", sent_bodies[::-1])
    return SimpleNamespace(bodies=sent_bodies, forth=forth, back=back)


def test_all_real_events_are_reviews(real):
    """The standard library alone confirms the counts."""
    lakehouse, report = real.forth
    records = [json.loads(body) for body in real.bodies]
    names = ("reviewerID", "asin", "overall", "reviewText", "summary")
    distinct = {tuple(record.get(name) for name in names) for record in records}
    expected = Counter((each[0], each[1], float(each[2])) for each in distinct)

    assert (report.lines, report.rejected.total()) == (len(records), 0)
    assert (report.kept, report.duplicates) == (len(distinct), len(records) - len(distinct))
    assert report.kept == 3_000
    actual = rows(lakehouse, "gold/reviews", "reviewer_id", "asin", "overall", "source")
    assert Counter((*row[:2], float(row[2])) for row in actual) == expected
    assert {row[3] for row in actual} == {"stream"}
    assert_balanced(lakehouse)


def test_real_events_keep_their_bytes(real):
    lakehouse, _ = real.forth

    actual = Counter(body for (body,) in rows(lakehouse, EVENTS, "body"))

    assert actual == Counter(real.bodies)


def test_real_events_in_reverse_order_give_the_same_gold(real):
    forth, back = (
        rows(lakehouse, "gold/reviews", "review_id") for lakehouse, _ in (real.forth, real.back)
    )

    assert forth == back
