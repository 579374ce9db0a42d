"""The event hub over the wire: its state, its events, and the errors of a hub in trouble."""

import random
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from azure.eventhub import EventHubConsumerClient

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator, HubOptions
from amazon_reviews.errors import EventHubUnavailableError, StreamingOffError
from amazon_reviews.resources import event_hub as module
from amazon_reviews.resources.event_hub import EventHub, HubPartition, Span
from amazon_reviews_tests.event_hub_emulator.clients import receiving

KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="
SETTING = "AMAZON_REVIEWS_EVENT_HUB"


@pytest.fixture
def server():
    """A server with the hubs reviews (2 partitions, the group etl) and four (4)."""
    with EventHubEmulator({"reviews": HubOptions(2, ["etl"]), "four": 4}, key=KEY) as server:
        yield server


def hub(server, name="reviews", **options):
    return EventHub(address=server.connection_string(name), **{"retry_total": 0} | options)


def bodies(count):
    return [b"%d" % number for number in range(count)]


def read(event_hub, spans):
    """Return the read sequence numbers and bodies by partition, in order of arrival."""
    received = {}
    for name, batch in event_hub.read(spans, unchanged):
        assert batch
        received.setdefault(name, []).extend(map(plain, batch))
    return received


def unchanged(partition, events):
    return events


def plain(event):
    return event.sequence_number, b"".join(event.body)


def numbered(*spans):
    return [(number, b"%d" % number) for span in spans for number in range(span[0], span[1] + 1)]


def test_look_returns_the_spans_of_four_partitions(server):
    server.append("four", "0", *bodies(7))
    server.append("four", "2", *bodies(5))
    server.append("four", "3", *bodies(3))
    server.trim("four", "2", 4)
    server.trim("four", "3", 3)

    state = hub(server, "four").look()

    assert state.name == f"127.0.0.1:{server.port}/four"
    assert abs(datetime.now(UTC) - state.created_at) < timedelta(minutes=5)
    assert state.partitions == {
        "0": HubPartition(0, 6),
        "1": HubPartition(0, -1),
        "2": HubPartition(4, 4),
        "3": HubPartition(3, 2),
    }
    assert server.events_delivered == 0


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_hub_that_was_created_again_has_its_new_partitions(server, partitions):
    event_hub = hub(server)
    before = event_hub.look()
    server.recreate("reviews", partitions)

    after = event_hub.look()

    assert [*before.partitions] == ["0", "1"]
    assert [*after.partitions] == ["0", "1", "2"][:partitions]


def test_reading_asks_for_no_names_of_partitions(server, monkeypatch):
    def ask(client):
        raise AssertionError("the names are known")

    monkeypatch.setattr(EventHubConsumerClient, "get_partition_ids", ask)
    server.append("reviews", "0", *bodies(3))

    assert read(hub(server), {"0": Span(0, 2)}) == {"0": numbered((0, 2))}


def test_spans_of_four_partitions_are_read_exactly(server):
    for partition in "0123":
        server.append("four", partition, *bodies(40))

    received = read(
        hub(server, "four"),
        {"0": Span(0, 39), "1": Span(7, 7), "2": Span(10, 24), "3": Span(38, 39)},
    )

    assert received == {
        "0": numbered((0, 39)),
        "1": numbered((7, 7)),
        "2": numbered((10, 24)),
        "3": numbered((38, 39)),
    }


def test_span_of_several_batches_is_read_in_order(server):
    server.append("reviews", "0", *bodies(2_300))

    assert read(hub(server), {"0": Span(100, 2_199)}) == {"0": numbered((100, 2_199))}


@pytest.mark.parametrize("after_events", [37, 1_150])
def test_connection_lost_in_a_batch_neither_loses_nor_repeats_an_event(server, after_events):
    server.append("reviews", "0", *bodies(1_300))
    server.drop_connections(after_events=after_events)

    received = read(hub(server, retry_total=3), {"0": Span(0, 1_249)})

    assert received == {"0": numbered((0, 1_249))}
    assert server.events_delivered > after_events


def test_connection_lost_between_batches_neither_loses_nor_repeats_an_event(server):
    server.append("reviews", "0", *bodies(10))
    reading = hub(server, retry_total=3).read({"0": Span(0, 19)}, unchanged)
    _, first = next(reading)
    server.drop_connections()
    server.append("reviews", "0", *bodies(20)[10:])

    events = first + [event for _, batch in reading for event in batch]

    assert [plain(event) for event in events] == numbered((0, 19))


def test_partition_that_waits_for_its_turn_survives_a_lost_connection(server):
    for partition in "01":
        server.append("reviews", partition, *bodies(10))
    reading = hub(server, retry_total=3).read(dict.fromkeys("01", Span(0, 19)), unchanged)
    name, first = next(reading)
    server.drop_connections()
    for partition in "01":
        server.append("reviews", partition, *bodies(20)[10:])

    received = {name: list(first)}
    for partition, events in reading:
        received.setdefault(partition, []).extend(events)

    assert {name: list(map(plain, events)) for name, events in received.items()} == {
        "0": numbered((0, 19)),
        "1": numbered((0, 19)),
    }


def test_conversion_error_is_raised_unchanged(server):
    def failing(partition, events):
        raise OverflowError("too much")

    server.append("reviews", "0", b"a")

    with pytest.raises(OverflowError, match="too much"):
        list(hub(server).read({"0": Span(0, 0)}, failing))


def test_busy_hub_is_retried(server):
    server.append("reviews", "0", *bodies(10))
    reading = hub(server, retry_total=3).read({"0": Span(0, 19)}, unchanged)
    _, first = next(reading)
    assert server.detach_receivers("reviews", "0", "com.microsoft:server-busy") == 1
    server.append("reviews", "0", *bodies(20)[10:])

    events = first + [event for _, batch in reading for event in batch]

    assert [plain(event) for event in events] == numbered((0, 19))


def assert_names_the_hub(server, error, *also, name="reviews"):
    text = str(error.value)
    for part in (f"127.0.0.1:{server.port}/{name}", SETTING, *also):
        assert part in text
    assert KEY not in text
    assert "SharedAccessKey" not in text


def test_stolen_link_ends_the_reading(server):
    """A retry is useless, so the client makes none."""
    server.append("reviews", "0", *bodies(10))
    reading = hub(server, retry_total=3).read({"0": Span(0, 19)}, unchanged)
    next(reading)
    server.detach_receivers("reviews", "0", "amqp:link:stolen", "somebody took over")

    with pytest.raises(EventHubUnavailableError, match="somebody took over") as error:
        list(reading)

    assert_names_the_hub(server, error, "$Default")


def test_reader_with_an_epoch_keeps_the_partition(server):
    server.append("reviews", "0", *bodies(10))
    connection = server.connection_string("reviews")

    with receiving(connection, partition_id="0", owner_level=7) as other:
        other.wait_for_events(10)
        with pytest.raises(EventHubUnavailableError, match="epoch 7 is connected") as error:
            list(hub(server).read({"0": Span(0, 9)}, unchanged))

    assert_names_the_hub(server, error)


def test_wrong_key_is_not_shown(server, caplog):
    wrong = "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3I="
    address = server.connection_string("reviews").replace(KEY, wrong)
    refused = EventHub(address=address, retry_total=0)
    server.append("reviews", "0", b"a")

    for ask in (refused.look, lambda: list(refused.read({"0": Span(0, 0)}, unchanged))):
        with pytest.raises(EventHubUnavailableError) as error:
            ask()
        assert_names_the_hub(server, error, "InvalidSignature")
        assert wrong not in str(error.value)
    assert wrong not in caplog.text


def test_missing_hub_is_named(server):
    with pytest.raises(EventHubUnavailableError) as error:
        hub(server, "absent").look()

    assert_names_the_hub(server, error, "404", name="absent")


def test_missing_consumer_group_is_named(server):
    server.append("reviews", "0", b"a")

    with pytest.raises(EventHubUnavailableError) as error:
        list(hub(server, consumer_group="absent").read({"0": Span(0, 0)}, unchanged))

    assert_names_the_hub(
        server, error, "consumer group absent", "AMAZON_REVIEWS_CONSUMER_GROUP", "could not be"
    )


def test_another_consumer_group_reads_beside_the_default_one(server):
    server.append("reviews", "0", *bodies(3))

    assert read(hub(server, consumer_group="etl"), {"0": Span(0, 2)}) == {"0": numbered((0, 2))}


def test_unreachable_hub_is_explained():
    with EventHubEmulator({"reviews": 2}, key=KEY) as server:
        gone = hub(server)

    for ask in (gone.look, lambda: list(gone.read({"0": Span(0, 9), "1": Span(0, 9)}, unchanged))):
        with pytest.raises(EventHubUnavailableError, match="refused") as error:
            ask()
        assert_names_the_hub(server, error)


def test_invalid_address_is_not_shown():
    broken = EventHub(address=f"Endpoint=;SharedAccessKeyName=all;SharedAccessKey={KEY}")

    with pytest.raises(EventHubUnavailableError, match=SETTING) as error:
        broken.look()

    assert KEY not in str(error.value)


def test_streaming_is_off_without_a_hub():
    off = EventHub()

    assert not off.enabled
    for ask in (off.look, lambda: list(off.read({"0": Span(0, 0)}, unchanged))):
        with pytest.raises(StreamingOffError, match=SETTING):
            ask()


def test_empty_hub_has_no_events(server):
    state = hub(server).look()

    assert state.partitions == {"0": HubPartition(0, -1), "1": HubPartition(0, -1)}
    assert list(hub(server).read({}, unchanged)) == []


def test_events_of_a_megabyte_are_read_completely(server):
    draws = random.Random(5)
    large = [draws.randbytes(1_000_000) for _ in range(3)]
    server.append("reviews", "0", large[0], b"", *large[1:])

    received = read(hub(server), {"0": Span(0, 3)})

    assert [body for _, body in received["0"]] == [large[0], b"", *large[1:]]


def test_missing_events_raise_after_the_silence(server):
    server.append("reviews", "0", *bodies(10))

    with pytest.raises(EventHubUnavailableError, match=r"for 1 s .*\(partition 0 from \d+\)"):
        list(hub(server, silence_seconds=1).read({"0": Span(0, 12)}, unchanged))


def test_partly_dropped_span_gives_the_remaining_events(server):
    server.append("reviews", "0", *bodies(10))
    server.trim("reviews", "0", 4)

    read = EventHub(address=server.connection_string("reviews")).read({"0": Span(0, 9)}, unchanged)

    numbers = [event.sequence_number for _, batch in read for event in batch]
    assert numbers == list(range(4, 10))


def test_early_stop_leaves_no_reader(server):
    server.append("reviews", "0", *bodies(10))
    server.append("reviews", "1", *bodies(10))
    reading = hub(server).read({"0": Span(0, 20), "1": Span(0, 20)}, unchanged)
    next(reading)

    reading.close()

    for partition in "01":
        server.wait_for_receivers("reviews", partition, count=0)


def test_reader_that_starts_after_the_end_stops(server, monkeypatch):
    """The client forgets that it was closed before it started to receive."""

    class Late(EventHubConsumerClient):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.closed = Event()

        def receive_batch(self, on_event_batch, **options):
            if options["partition_id"] == "1":
                assert self.closed.wait(30)
            super().receive_batch(on_event_batch, **options)

        def close(self):
            super().close()
            self.closed.set()

    monkeypatch.setattr(module, "EventHubConsumerClient", Late)
    server.append("reviews", "0", *bodies(2))
    reading = hub(server).read({"0": Span(0, 9), "1": Span(0, 9)}, unchanged)
    next(reading)

    reading.close()

    server.wait_for_receivers("reviews", "1", count=0)
