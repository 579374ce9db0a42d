"""Captured events in bronze: each once with the key of the live stream, and closed gaps."""

import gzip
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.errors import ConcurrentWriteError, FailedPartitionsError, HubChangedError
from amazon_reviews.pipeline import capture as capture_module
from amazon_reviews.pipeline import stream_commit
from amazon_reviews.pipeline.capture import Captured, damaged_captures, read_captures
from amazon_reviews.pipeline.capture_files import unread_captures
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.gold import build_gold_reviews
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.silver import build_silver_stream
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.pipeline.stream_gaps import (
    acknowledge_gaps,
    compare_with_captures,
    open_gaps,
    record_gap,
    uncompared_captures,
)
from amazon_reviews.pipeline.stream_offsets import unread_spans
from amazon_reviews.resources.event_hub import EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import CAPTURE_FOLDER, LandingZone
from amazon_reviews_tests.captures import capture, enqueued, record
from amazon_reviews_tests.damage import flip
from amazon_reviews_tests.helpers import BATCH_ROWS, content, event, hub_of, rows

EVENTS = "bronze/review_events"
GAPS = "bronze/event_gaps"
NO_HUB = EventHub()
HUB = "shop/reviews"
NAME = "shop.servicebus.windows.net/reviews"
DAY = "2024/05/06"


@pytest.fixture
def server():
    with EventHubEmulator({"reviews": 1}) as server:
        yield server


def send(server, numbers, partition="0"):
    """Send the events of consecutive numbers, with the times that Capture writes."""
    for number in numbers:
        time = enqueued(number)
        server.append("reviews", partition, b"%d" % number, enqueued_time=time)


def held(lakehouse, hub=NAME):
    """Return the numbers in bronze by hub partition; check that each is there once."""
    numbers = {}
    columns = ("hub", "hub_partition", "sequence_number", "body")
    for name, partition, number, body in sorted(rows(lakehouse, EVENTS, *columns)):
        assert (name, body) == (hub, b"%d" % number)
        numbers.setdefault(partition, []).append(number)
    assert all(len(each) == len({*each}) for each in numbers.values())
    return numbers


def gaps(lakehouse):
    lakehouse.ensure(GAPS)
    return sorted(rows(lakehouse, GAPS, "hub_partition", "first", "last"))


def nothing_unread(landing, lakehouse, hub=NO_HUB):
    return unread_captures(landing, lakehouse, hub).days == ()


def test_captured_events_feed_the_stream_without_a_hub(spark, landing, lakehouse):
    bodies = [event(reviewText=f"Text {number}.") for number in range(3)]
    batch = gzip.compress(b"[" + b",".join(map(event, range(0))) + b'{"a": 1}, {"a": 2}]')
    records = [record(n, body) for n, body in enumerate([*bodies, b"\xef\xbb\xbf{}", batch])]
    capture(landing, HUB, [*records, record(5) | {"Body": None}])

    captured = read_captures(landing, lakehouse, NO_HUB)

    assert captured == Captured(1, {(NAME, "0"): 6})
    columns = ("sequence_number", "record", "compression", "body_type", "partition")
    assert rows(lakehouse, EVENTS, *columns) == [
        *((number, None, None, "data", "stream") for number in range(4)),
        *((4, number, "gzip", "data", "stream") for number in (1, 2)),
        (5, None, None, "data", "stream"),
    ]
    counts = build_silver_stream(spark, lakehouse, BATCH_ROWS)
    assert (counts.lines, counts.kept, counts.rejected.total()) == (7, 3, 4)
    list(build_gold_reviews(spark, lakehouse, [STREAM.partition], BATCH_ROWS))
    assert [row for row in reconcile_all(lakehouse) if not row.balanced] == []


def test_captured_and_live_rows_of_an_event_are_equal(landing, tmp_path, server):
    """Capture writes whole seconds, and the live stream has milliseconds."""
    properties = {"source": "web", "number": 3, "raw": b"\xff", "none": None}
    bodies = [b'{"a": 1}', b"", b"\xff\xfe", b'[{"a": 1}, {"b": 2}]', gzip.compress(b"{}")]
    sent = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    server.append("reviews", "0", *bodies, enqueued_time=sent, properties=properties)
    live, captured = (Lakehouse(str(tmp_path / name)) for name in ("live", "captured"))
    receive(hub_of(server), live)
    offsets = dict(rows(live, EVENTS, "sequence_number", "offset"))
    records = [
        record(
            number,
            body,
            Offset=offsets[number],
            EnqueuedTimeUtc="5/6/2024 7:08:09 AM",
            Properties=properties,
        )
        for number, body in enumerate(bodies)
    ]
    capture(landing, f"127.0.0.1:{server.port}/reviews", records)

    read_captures(landing, captured, hub_of(server))

    assert content(captured, EVENTS) == content(live, EVENTS)


def test_read_files_are_remembered_with_the_events(landing, lakehouse):
    capture(landing, HUB, range(3), time=f"{DAY}/12/00/00")
    capture(landing, HUB, range(3, 6), time=f"{DAY}/12/05/00")
    capture(landing, HUB, [], time=f"{DAY}/12/10/00")
    capture(landing, HUB, [7], partition="1", time="2024/05/07/00/00/00")

    assert read_captures(landing, lakehouse, NO_HUB).files == 4

    assert held(lakehouse) == {"0": list(range(6)), "1": [7]}
    assert lakehouse.version(EVENTS) == 1
    assert nothing_unread(landing, lakehouse)
    assert read_captures(landing, lakehouse, NO_HUB) == Captured()
    assert lakehouse.version(EVENTS) == 1


def test_only_new_files_of_a_day_are_read(landing, lakehouse, monkeypatch):
    first = capture(landing, HUB, range(3), time=f"{DAY}/12/00/00")
    read_captures(landing, lakehouse, NO_HUB)
    second = capture(landing, HUB, range(3, 6), time=f"{DAY}/12/05/00")
    opened = []
    read = LandingZone.open
    monkeypatch.setattr(
        LandingZone, "open", lambda zone, file: opened.append(file.path) or read(zone, file)
    )

    read_captures(landing, lakehouse, NO_HUB)

    assert {*opened} == {str(second)}
    assert str(first) not in opened
    assert held(lakehouse) == {"0": list(range(6))}


def test_changed_and_overlapping_files_add_what_is_missing(landing, lakehouse):
    path = capture(landing, HUB, [0, 1, 1, 2], time=f"{DAY}/12/00/00")
    capture(landing, HUB, [2, 1, 3], time=f"{DAY}/12/00/05")
    shutil.copy(path, path.with_name("07.avro"))
    read_captures(landing, lakehouse, NO_HUB)
    assert held(lakehouse) == {"0": [0, 1, 2, 3]}

    capture(landing, HUB, [0, 1, 2, 4, 5], time=f"{DAY}/12/00/00")
    assert not nothing_unread(landing, lakehouse)
    assert read_captures(landing, lakehouse, NO_HUB).events == {(NAME, "0"): 2}

    assert held(lakehouse) == {"0": list(range(6))}
    assert nothing_unread(landing, lakehouse)


def test_file_with_only_known_events_is_no_new_version_of_bronze(landing, lakehouse):
    capture(landing, HUB, range(3), time=f"{DAY}/12/00/00")
    read_captures(landing, lakehouse, NO_HUB)
    before = lakehouse.versions(EVENTS)
    capture(landing, HUB, range(3), time=f"{DAY}/12/05/00")

    assert read_captures(landing, lakehouse, NO_HUB) == Captured(1, {})

    assert nothing_unread(landing, lakehouse)
    assert lakehouse.versions(EVENTS) == before


def test_live_stream_goes_on_after_the_last_captured_event(landing, lakehouse, server):
    send(server, range(10))
    capture(landing, f"127.0.0.1:{server.port}/reviews", range(6))
    hub = hub_of(server)
    read_captures(landing, lakehouse, hub)

    assert unread_spans(lakehouse, hub.look()) == {"0": Span(6, 9)}
    assert receive(hub, lakehouse).events == {"0": 4}

    assert held(lakehouse, hub.name) == {"0": list(range(10))}


def test_events_that_the_hub_holds_before_the_captured_ones_are_read(landing, lakehouse, server):
    send(server, range(10))
    capture(landing, f"127.0.0.1:{server.port}/reviews", range(4, 8))
    hub = hub_of(server)
    read_captures(landing, lakehouse, hub)

    assert receive(hub, lakehouse, {"0": Span(0, 5)}).events == {"0": 4}
    assert receive(hub, lakehouse).events == {"0": 2}

    assert held(lakehouse, hub.name) == {"0": list(range(10))}


def test_captured_events_after_a_gap_are_not_read_from_the_hub(landing, lakehouse, server):
    send(server, range(12))
    name = f"127.0.0.1:{server.port}/reviews"
    capture(landing, name, range(3), time=f"{DAY}/12/00/00")
    capture(landing, name, [6, 7, 10], time=f"{DAY}/12/05/00")
    hub = hub_of(server)
    read_captures(landing, lakehouse, hub)
    assert unread_spans(lakehouse, hub.look()) == {"0": Span(3, 11)}
    compare_with_captures(lakehouse, hub.name)
    assert gaps(lakehouse) == []
    server.trim("reviews", "0", 5)

    received = receive(hub, lakehouse)

    assert received.events == {"0": 4}
    assert received.gaps == [("0", Span(3, 4))]
    assert held(lakehouse, hub.name) == {"0": [0, 1, 2, *range(5, 12)]}
    assert gaps(lakehouse) == [("0", 3, 4)]


def test_captured_events_close_gaps_in_parts(landing, lakehouse, server):
    name = f"127.0.0.1:{server.port}/reviews"
    hub = hub_of(server)
    send(server, range(2))
    receive(hub, lakehouse)
    send(server, range(2, 12))
    server.trim("reviews", "0", 10)
    receive(hub, lakehouse)
    assert gaps(lakehouse) == [("0", 2, 9)]

    capture(landing, name, [1, 2, 5, 6, 11], time=f"{DAY}/12/00/00")
    read_captures(landing, lakehouse, hub)
    assert len(uncompared_captures(lakehouse, hub.name)) == 1
    compare_with_captures(lakehouse, hub.name)

    assert gaps(lakehouse) == [("0", 3, 4), ("0", 7, 9)]
    assert len(open_gaps(lakehouse)) == 2
    assert uncompared_captures(lakehouse, hub.name) == []
    capture(landing, name, [3, 4, 7, 8, 9], time=f"{DAY}/12/05/00")
    read_captures(landing, lakehouse, hub)
    compare_with_captures(lakehouse, hub.name)
    assert gaps(lakehouse) == []
    assert held(lakehouse, hub.name) == {"0": list(range(12))}


def test_rest_of_an_acknowledged_gap_stays_acknowledged(landing, lakehouse):
    capture(landing, HUB, [0, 9], time=f"{DAY}/12/00/00")
    read_captures(landing, lakehouse, NO_HUB)
    compare_with_captures(lakehouse, "")
    assert gaps(lakehouse) == [("0", 1, 8)]
    acknowledge_gaps(lakehouse)

    capture(landing, HUB, [4, 12], time=f"{DAY}/12/05/00")
    read_captures(landing, lakehouse, NO_HUB)
    compare_with_captures(lakehouse, "")

    assert gaps(lakehouse) == [("0", 1, 3), ("0", 5, 8), ("0", 10, 11)]
    assert [gap["first"] for gap in open_gaps(lakehouse)] == [10]


def test_gap_recorded_without_a_hub_is_read_by_the_live_stream(landing, lakehouse, server):
    name = f"127.0.0.1:{server.port}/reviews"
    capture(landing, name, [0, 1, 5], time=f"{DAY}/12/00/00")
    read_captures(landing, lakehouse, NO_HUB)
    compare_with_captures(lakehouse, "")
    assert gaps(lakehouse) == [("0", 2, 4)]
    send(server, range(8))
    hub = hub_of(server)

    assert receive(hub, lakehouse).events == {"0": 5}
    compare_with_captures(lakehouse, hub.name)

    assert gaps(lakehouse) == []
    assert held(lakehouse, hub.name) == {"0": list(range(8))}


def test_events_before_those_in_bronze_are_added(landing, lakehouse, server):
    name = f"127.0.0.1:{server.port}/reviews"
    send(server, range(9))
    server.trim("reviews", "0", 6)
    hub = hub_of(server)
    receive(hub, lakehouse)

    capture(landing, name, [1, 2, 3], time=f"{DAY}/12/00/00")
    read_captures(landing, lakehouse, hub)
    compare_with_captures(lakehouse, hub.name)

    assert held(lakehouse, hub.name) == {"0": [1, 2, 3, 6, 7, 8]}
    assert gaps(lakehouse) == [("0", 4, 5)]
    assert unread_spans(lakehouse, hub.look()) == {}


def test_large_files_are_committed_in_parts(landing, lakehouse, monkeypatch):
    monkeypatch.setattr(capture_module, "COMMIT_EVENTS", 4)
    monkeypatch.setattr(stream_commit, "SEGMENT_EVENTS", 3)
    capture(landing, HUB, range(10), time=f"{DAY}/12/00/00")
    capture(landing, HUB, range(10, 12), time=f"{DAY}/12/05/00")

    read_captures(landing, lakehouse, NO_HUB)

    assert held(lakehouse) == {"0": list(range(12))}
    assert lakehouse.version(EVENTS) > 3
    assert nothing_unread(landing, lakehouse)


def test_files_with_too_many_rows_are_committed_in_parts(landing, lakehouse, monkeypatch):
    monkeypatch.setattr(stream_commit, "_COMMIT_ROWS", 10)
    batch = b"[" + b",".join(b'{"a": %d}' % number for number in range(8)) + b"]"
    capture(landing, HUB, [record(number, batch) for number in range(4)])

    read_captures(landing, lakehouse, NO_HUB)

    assert len(rows(lakehouse, EVENTS, "sequence_number", "record")) == 32
    assert nothing_unread(landing, lakehouse)


def test_damaged_file_fails_by_name_and_the_others_are_read(landing, lakehouse):
    capture(landing, HUB, range(3), time=f"{DAY}/12/00/00")
    damaged = capture(landing, HUB, range(3, 6), time=f"{DAY}/12/05/00")
    capture(landing, HUB, range(6, 9), time=f"{DAY}/12/10/00")
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-20])

    for _ in range(2):
        with pytest.raises(FailedPartitionsError, match=r"12/05/00\.avro"):
            read_captures(landing, lakehouse, NO_HUB)
        assert held(lakehouse) == {"0": [0, 1, 2, 6, 7, 8]}

    damaged.write_bytes(whole)
    assert read_captures(landing, lakehouse, NO_HUB).events == {(NAME, "0"): 3}
    assert held(lakehouse) == {"0": list(range(9))}
    assert nothing_unread(landing, lakehouse)


def test_deep_verification_names_read_files_whose_events_changed(landing, lakehouse):
    batch = gzip.compress(b'{"a": 1}\n{"a": 2}')
    bodies = [b"first", b"first, again", b"second", batch]
    files = {
        time: capture(landing, HUB, [record(number, body)], time=f"{DAY}/12/{time}/00")
        for number, (time, body) in enumerate(zip(["00", "05", "10", "15"], bodies, strict=True))
    }
    read_captures(landing, lakehouse, NO_HUB)
    assert [*damaged_captures(landing, lakehouse, NO_HUB)] == []

    flip(files["00"], files["00"].read_bytes().index(b"first"))
    flip(files["10"], 0)
    capture(landing, HUB, [record(9)], time=f"{DAY}/12/20/00")

    assert [*damaged_captures(landing, lakehouse, NO_HUB)] == [
        (str(files["00"]), "its events differ from those that were read"),
        (str(files["10"]), "it is not an Avro file; upload it again"),
    ]


def test_file_changed_between_its_two_reads_adds_nothing(landing, lakehouse, monkeypatch):
    path = capture(landing, HUB, range(5))
    read = capture_module.captured_numbers

    def changed(*arguments):
        captured = read(*arguments)
        capture(landing, HUB, range(2))
        return captured

    monkeypatch.setattr(capture_module, "captured_numbers", changed)

    with pytest.raises(FailedPartitionsError, match="changed while it was read"):
        read_captures(landing, lakehouse, NO_HUB)

    assert held(lakehouse) == {}
    monkeypatch.undo()
    read_captures(landing, lakehouse, NO_HUB)
    assert held(lakehouse) == {"0": [0, 1]}
    assert path.is_file()


def of_another_hub(numbers):
    """Return events with these numbers from another time and with another body."""
    return [record(n, b"another", EnqueuedTimeUtc="5/9/2024 1:00:00 PM") for n in numbers]


def test_event_of_another_hub_with_a_known_number_fails_its_file(landing, lakehouse):
    capture(landing, HUB, range(5), time=f"{DAY}/12/00/00")
    read_captures(landing, lakehouse, NO_HUB)
    capture(landing, HUB, of_another_hub(range(3, 8)), time="2024/05/09/13/00/00")

    with pytest.raises(FailedPartitionsError, match=r"other events with the same") as error:
        read_captures(landing, lakehouse, NO_HUB)

    assert isinstance(*error.value.errors.values(), HubChangedError)
    assert held(lakehouse) == {"0": list(range(5))}


def test_two_new_files_of_different_hubs_are_not_mixed(landing, lakehouse):
    capture(landing, HUB, range(5), time=f"{DAY}/12/00/00")
    capture(landing, HUB, of_another_hub(range(3, 8)), time="2024/05/09/13/00/00")

    with pytest.raises(FailedPartitionsError, match=r"2024/05/09.* other events with the same"):
        read_captures(landing, lakehouse, NO_HUB)

    assert held(lakehouse) == {"0": list(range(5))}


def test_same_event_with_another_time_is_one_row(landing, lakehouse):
    batch = [record(5, b'[{"a": 1}, {"a": 2}]')]
    capture(landing, HUB, [*range(5), *batch], time=f"{DAY}/12/00/00")
    read_captures(landing, lakehouse, NO_HUB)
    later = [{**each, "EnqueuedTimeUtc": "5/9/2024 1:00:00 PM"} for each in [record(4), *batch]]
    capture(landing, HUB, [*later, record(6)], time="2024/05/09/13/00/00")

    assert read_captures(landing, lakehouse, NO_HUB).events == {(NAME, "0"): 1}

    assert len(rows(lakehouse, EVENTS, "sequence_number", "record")) == 8


def test_hub_with_other_events_than_the_captured_ones_is_another_hub(landing, lakehouse, server):
    server.append("reviews", "0", *(b"another %d" % number for number in range(9)))
    capture(landing, f"127.0.0.1:{server.port}/reviews", range(5))
    hub = hub_of(server)
    read_captures(landing, lakehouse, hub)

    with pytest.raises(HubChangedError, match="is not the hub whose events"):
        receive(hub, lakehouse)

    assert held(lakehouse, hub.name) == {"0": list(range(5))}


def test_two_readers_of_the_same_files_add_their_events_once(landing, lakehouse, monkeypatch):
    capture(landing, HUB, range(5))
    write = capture_module.write_events
    waiting = [lambda: read_captures(landing, lakehouse, NO_HUB)]

    def overtaken(*arguments):
        if waiting:
            waiting.pop()()
        write(*arguments)

    monkeypatch.setattr(capture_module, "write_events", overtaken)

    with pytest.raises(ConcurrentWriteError, match="nothing is lost"):
        read_captures(landing, lakehouse, NO_HUB)

    assert held(lakehouse) == {"0": list(range(5))}
    assert nothing_unread(landing, lakehouse)


def test_gap_recorded_meanwhile_is_not_lost(landing, lakehouse, monkeypatch):
    """The comparison of one process holds the lock that the record of another one needs."""
    capture(landing, HUB, [0, 5])
    read_captures(landing, lakehouse, NO_HUB)
    locks = []
    lock = Lakehouse.lock
    monkeypatch.setattr(
        Lakehouse, "lock", lambda lakehouse, name: locks.append(name) or lock(lakehouse, name)
    )

    compare_with_captures(lakehouse, "")
    compared, _ = {*locks}, locks.clear()
    record_gap(lakehouse, NAME, "1", Span(3, 4))

    assert compared & {*locks} - {GAPS}
    assert gaps(lakehouse) == [("0", 1, 4), ("1", 3, 4)]


def test_files_that_are_not_read_are_named_with_what_to_do(landing, lakehouse):
    folder = Path(landing.location, CAPTURE_FOLDER)
    for name in ("shop/0/a.avro", "shop/0/b.avro", "x/y.parquet", "x/y.txt", "_SUCCESS", ".t/z"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    (fault,) = unread_captures(landing, lakehouse, NO_HUB).faults
    unmatched = "\n".join(landing.unmatched_elsewhere(["amazon_reviews"]).lines())

    assert fault.startswith("2 files such as event_hubs_capture/shop/0/a.avro are not read")
    assert "AMAZON_REVIEWS_CAPTURE_NAMES" in fault
    for part in ("y.parquet", "which has no sequence numbers", "y.txt", "not an Avro file"):
        assert part in unmatched


def test_real_window_becomes_rejected_lines(spark, landing, lakehouse):
    location = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    source = Path(location or "", "formats", "avro", "54.avro")
    if not location or not source.is_file():
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set, or has no captures")
    folder = Path(landing.location, CAPTURE_FOLDER, HUB, "0", "2017/10/16/18/23")
    folder.mkdir(parents=True)
    shutil.copyfile(source, folder / "54.avro")

    assert read_captures(landing, lakehouse, NO_HUB).events == {(NAME, "0"): 380}

    counts = build_silver_stream(spark, lakehouse, BATCH_ROWS)
    assert (counts.lines, counts.kept, counts.rejected.total()) == (380, 0, 380)
    details = {detail for (detail,) in rows(lakehouse, "silver/rejected", "detail")}
    assert all(details)


STEPS = st.lists(
    st.one_of(
        st.just("live"),
        st.just("compare"),
        st.tuples(st.integers(0, 19), st.integers(1, 8), st.integers(0, 3)),
    ),
    max_size=6,
)


@pytest.fixture(scope="module")
def full_hub():
    """A hub with 20 events that never drops one."""
    with EventHubEmulator({"reviews": 1}) as server:
        send(server, range(20))
        yield hub_of(server)


@pytest.mark.long
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(STEPS, st.booleans())
def test_any_order_of_captures_and_live_reads_gives_each_event_once(
    full_hub, tmp_path_factory, steps, streams
):
    folder = tmp_path_factory.mktemp("order")
    landing = LandingZone(str(folder / "landing"))
    lakehouse = Lakehouse(str(folder / "lakehouse"))
    hub = full_hub if streams else NO_HUB
    expected = set()
    for step in [*steps, (3, 4, 2), "live"]:
        if step == "live":
            if streams:
                receive(hub, lakehouse)
                expected |= {*range(20)}
        elif step == "compare":
            compare_with_captures(lakehouse, hub.name)
        else:
            first, count, name = step
            numbers = range(first, min(20, first + count))
            capture(landing, full_hub.name, numbers, time=f"{DAY}/12/0{name}/00")
            read_captures(landing, lakehouse, hub)
            expected |= {*numbers}
    compare_with_captures(lakehouse, hub.name)

    assert {*held(lakehouse, full_hub.name)["0"]} == expected
    missing = {n for _, first, last in gaps(lakehouse) for n in range(first, last + 1)}
    assert missing == {*range(min(expected), max(expected) + 1)} - expected
