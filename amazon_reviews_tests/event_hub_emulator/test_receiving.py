"""Events to the unmodified consumers of azure-eventhub."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import chain

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews_tests.event_hub_emulator.clients import (
    ALL,
    PATIENCE,
    QUICK,
    received,
    receiving,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_properties_of_a_hub(server, producer):
    before = datetime.now(UTC)
    properties = producer("audit").get_eventhub_properties()

    assert properties["eventhub_name"] == "audit"
    assert properties["partition_ids"] == ["0", "1", "2", "3"]
    assert abs(properties["created_at"] - before) < timedelta(minutes=5)


def test_properties_of_a_partition(server, producer):
    empty = producer().get_partition_properties("1")
    server.append("reviews", "1", b"a", b"b", b"c", enqueued_time=NOON)
    server.trim("reviews", "1", 1)
    filled = producer().get_partition_properties("1")
    server.trim("reviews", "1", 3)

    assert (empty["is_empty"], empty["last_enqueued_sequence_number"]) == (True, -1)
    assert empty["last_enqueued_offset"] == "-1"
    assert (filled["eventhub_name"], filled["id"]) == ("reviews", "1")
    assert (filled["is_empty"], filled["beginning_sequence_number"]) == (False, 1)
    assert filled["last_enqueued_sequence_number"] == 2
    assert filled["last_enqueued_time_utc"] == NOON
    assert int(filled["last_enqueued_offset"]) > 0
    trimmed = producer().get_partition_properties("1")
    assert (trimmed["is_empty"], trimmed["last_enqueued_sequence_number"]) == (True, 2)


POSITIONS = {
    "start": (ALL, False, 0),
    "after a number": (3, False, 4),
    "at a number": (3, True, 3),
    "after an offset": ("OFFSET", False, 6),
    "at an offset": ("OFFSET", True, 5),
    "after a time": (NOON + timedelta(seconds=2), False, 3),
    "at a time": (NOON + timedelta(seconds=2), True, 2),
}


def test_positions_and_inclusion_for_each_partition():
    with EventHubEmulator({"hub": len(POSITIONS)}) as server:
        for second in range(10):
            for partition in range(len(POSITIONS)):
                moment = NOON + timedelta(seconds=second)
                server.append("hub", str(partition), b"x" * second, enqueued_time=moment)
        connection = server.connection_string("hub")
        offset = received(connection, 10, partition_id="0").events["0"][5].offset
        named = {str(n): position for n, position in enumerate(POSITIONS.values())}
        found = received(
            connection,
            sum(10 - first for _, _, first in POSITIONS.values()),
            starting_position={
                partition: offset if position == "OFFSET" else position
                for partition, (position, _, _) in named.items()
            },
            starting_position_inclusive={
                partition: inclusive for partition, (_, inclusive, _) in named.items()
            },
        )

    assert found.errors == []
    assert {partition: found.numbers(partition) for partition in named} == {
        partition: list(range(first, 10)) for partition, (_, _, first) in named.items()
    }


def test_latest_gives_what_comes_later(server):
    server.append("reviews", "0", b"before")
    with receiving(server.connection_string("reviews"), starting_position="@latest") as found:
        for partition in "01":
            server.wait_for_receivers("reviews", partition)
        server.append("reviews", "0", b"later")
        found.wait_for_events(1)

    assert found.bodies("0") == ["later"]
    server.wait_for_receivers("reviews", "0", count=0)


def test_batches_of_a_consumer_group(server):
    server.append("audit", "3", *(b"%d" % number for number in range(10)))
    batches = []

    def note(found, context, events):
        batches.append([event.body_as_str() for event in events])
        for event in events:
            found.on_event(context, event)

    with receiving(
        server.connection_string("audit"),
        group="etl",
        on_batch=note,
        partition_id="3",
        max_batch_size=4,
        max_wait_time=0.3,
    ) as found:
        found.wait_for_events(10)

    full = [batch for batch in batches if batch]
    assert max(map(len, full)) <= 4
    assert list(chain(*full)) == [str(number) for number in range(10)]


def test_more_events_than_a_consumer_asks_for_at_once(server):
    server.append("reviews", "0", *(b"%d" % number for number in range(1000)))

    found = received(server.connection_string("reviews"), 1000, partition_id="0", prefetch=7)

    assert found.numbers("0") == list(range(1000))
    assert server.events_delivered == 1000


def test_the_last_enqueued_event_is_told_to_those_who_ask(server):
    seen = []
    server.append("reviews", "0", b"a", b"b", b"c", enqueued_time=NOON)

    def note(found, context, event):
        seen.append(context.last_enqueued_event_properties)
        found.on_event(context, event)

    with receiving(
        server.connection_string("reviews"),
        note=note,
        partition_id="0",
        track_last_enqueued_event_properties=True,
    ) as found:
        found.wait_for_events(3)

    assert [last["sequence_number"] for last in seen] == [2, 2, 2]
    assert seen[0]["enqueued_time"] == NOON
    assert seen[0]["offset"] == found.events["0"][2].offset


def test_what_was_appended_has_the_properties_and_time_it_was_given(server):
    numbers = server.append(
        "reviews", "1", b"x", b"y", enqueued_time=NOON, properties={"kind": "odd"}, key="K"
    )

    events = received(server.connection_string("reviews"), 2).events["1"]
    assert numbers == [event.sequence_number for event in events] == [0, 1]
    assert [event.enqueued_time for event in events] == [NOON, NOON]
    assert [event.properties for event in events] == [{b"kind": b"odd"}] * 2
    assert [event.partition_key for event in events] == [b"K", b"K"]


def test_readers_without_an_epoch_share_a_partition(server):
    server.append("reviews", "0", b"a")
    connection = server.connection_string("reviews")
    with receiving(connection, partition_id="0") as one, receiving(connection) as other:
        one.wait_for_events(1)
        other.wait_for_events(1)
        assert server.receivers("reviews", "0") == 2

    assert (one.bodies("0"), other.bodies("0")) == (["a"], ["a"])
    assert one.errors == other.errors == []


def test_a_higher_epoch_takes_a_partition_over(server):
    server.append("reviews", "0", b"a")
    connection = server.connection_string("reviews")
    once = {"partition_id": "0", "client_options": {"retry_total": 0}}
    with receiving(connection, owner_level=1, **once) as low:
        low.wait_for_events(1)
        with receiving(connection, owner_level=2, **once) as high:
            high.wait_for_events(1)
            assert "amqp:link:stolen" in str(low.wait_for_error())
    assert (high.bodies("0"), high.errors) == (["a"], [])


def test_the_asynchronous_clients(server):
    connection = server.connection_string("reviews")

    async def send_and_receive():
        async with EventHubProducerClient.from_connection_string(connection, **QUICK) as producer:
            batch = await producer.create_batch()
            for number in range(20):
                batch.add(EventData(f"{number}"))
            await producer.send_batch(batch)
        found, whole = [], asyncio.Event()

        async def on_events(context, events):
            found.extend(event.body_as_str() for event in events)
            if len(found) == 20:
                whole.set()

        consumer = EventHubConsumerClient.from_connection_string(connection, "$Default", **QUICK)
        async with consumer:
            task = asyncio.create_task(
                consumer.receive_batch(on_events, starting_position=ALL, max_wait_time=0.2)
            )
            await asyncio.wait_for(whole.wait(), PATIENCE)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return found

    assert asyncio.run(send_and_receive()) == [str(number) for number in range(20)]


def test_a_partition_keeps_so_many_events():
    with EventHubEmulator({"hub": 1}, retention=3) as server:
        server.append("hub", "0", *(b"%d" % number for number in range(5)))
        found = received(server.connection_string("hub"), 3)

    assert found.bodies("0") == ["2", "3", "4"]
