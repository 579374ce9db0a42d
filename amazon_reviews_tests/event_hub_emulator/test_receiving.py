"""Unmodified consumers of azure-eventhub."""

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


def test_client_reads_properties_of_a_hub(emulator, producer):
    before = datetime.now(UTC)
    properties = producer("audit").get_eventhub_properties()

    assert properties["eventhub_name"] == "audit"
    assert properties["partition_ids"] == ["0", "1", "2", "3"]
    assert abs(properties["created_at"] - before) < timedelta(minutes=5)


def test_client_reads_properties_of_a_partition(emulator, producer):
    empty = producer().get_partition_properties("1")
    emulator.append("reviews", "1", b"a", b"b", b"c", enqueued_time=NOON)
    emulator.trim("reviews", "1", 1)
    filled = producer().get_partition_properties("1")
    emulator.trim("reviews", "1", 3)

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


def test_consumer_starts_at_the_position_of_each_partition():
    with EventHubEmulator({"hub": len(POSITIONS)}) as emulator:
        for second in range(10):
            for partition in range(len(POSITIONS)):
                moment = NOON + timedelta(seconds=second)
                emulator.append("hub", str(partition), b"x" * second, enqueued_time=moment)
        connection = emulator.connection_string("hub")
        offset = received(connection, 10, partition_id="0").events["0"][5].offset
        positions = {str(n): position for n, position in enumerate(POSITIONS.values())}
        consumer = received(
            connection,
            sum(10 - first for _, _, first in POSITIONS.values()),
            starting_position={
                partition: offset if position == "OFFSET" else position
                for partition, (position, _, _) in positions.items()
            },
            starting_position_inclusive={
                partition: inclusive for partition, (_, inclusive, _) in positions.items()
            },
        )

    assert consumer.errors == []
    assert {partition: consumer.numbers(partition) for partition in positions} == {
        partition: list(range(first, 10)) for partition, (_, _, first) in positions.items()
    }


def test_latest_position_gives_only_later_events(emulator):
    emulator.append("reviews", "0", b"before")
    with receiving(emulator.connection_string("reviews"), starting_position="@latest") as consumer:
        for partition in "01":
            emulator.wait_for_receivers("reviews", partition)
        emulator.append("reviews", "0", b"later")
        consumer.wait_for_events(1)

    assert consumer.bodies("0") == ["later"]
    emulator.wait_for_receivers("reviews", "0", count=0)


def test_consumer_group_receives_batches_of_limited_size(emulator):
    emulator.append("audit", "3", *(b"%d" % number for number in range(10)))
    batches = []

    def note(consumer, context, events):
        batches.append([event.body_as_str() for event in events])
        for event in events:
            consumer.on_event(context, event)

    with receiving(
        emulator.connection_string("audit"),
        group="etl",
        on_batch=note,
        partition_id="3",
        max_batch_size=4,
        max_wait_time=0.3,
    ) as consumer:
        consumer.wait_for_events(10)

    full = [batch for batch in batches if batch]
    assert max(map(len, full)) <= 4
    assert list(chain(*full)) == [str(number) for number in range(10)]


def test_consumer_receives_more_events_than_its_prefetch(emulator):
    emulator.append("reviews", "0", *(b"%d" % number for number in range(1000)))

    consumer = received(emulator.connection_string("reviews"), 1000, partition_id="0", prefetch=7)

    assert consumer.numbers("0") == list(range(1000))
    assert emulator.events_delivered == 1000


def test_consumer_that_tracks_the_last_enqueued_event_receives_it(emulator):
    seen = []
    emulator.append("reviews", "0", b"a", b"b", b"c", enqueued_time=NOON)

    def note(consumer, context, event):
        seen.append(context.last_enqueued_event_properties)
        consumer.on_event(context, event)

    with receiving(
        emulator.connection_string("reviews"),
        note=note,
        partition_id="0",
        track_last_enqueued_event_properties=True,
    ) as consumer:
        consumer.wait_for_events(3)

    assert [last["sequence_number"] for last in seen] == [2, 2, 2]
    assert seen[0]["enqueued_time"] == NOON
    assert seen[0]["offset"] == consumer.events["0"][2].offset


def test_appended_events_have_the_given_properties_time_and_key(emulator):
    numbers = emulator.append(
        "reviews", "1", b"x", b"y", enqueued_time=NOON, properties={"kind": "odd"}, key="K"
    )

    events = received(emulator.connection_string("reviews"), 2).events["1"]
    assert numbers == [event.sequence_number for event in events] == [0, 1]
    assert [event.enqueued_time for event in events] == [NOON, NOON]
    assert [event.properties for event in events] == [{b"kind": b"odd"}] * 2
    assert [event.partition_key for event in events] == [b"K", b"K"]


def test_readers_without_epoch_share_a_partition(emulator):
    emulator.append("reviews", "0", b"a")
    connection = emulator.connection_string("reviews")
    with receiving(connection, partition_id="0") as first, receiving(connection) as second:
        first.wait_for_events(1)
        second.wait_for_events(1)
        assert emulator.receivers("reviews", "0") == 2

    assert (first.bodies("0"), second.bodies("0")) == (["a"], ["a"])
    assert first.errors == second.errors == []


def test_higher_epoch_takes_a_partition_over(emulator):
    emulator.append("reviews", "0", b"a")
    connection = emulator.connection_string("reviews")
    once = {"partition_id": "0", "client_options": {"retry_total": 0}}
    with receiving(connection, owner_level=1, **once) as low:
        low.wait_for_events(1)
        with receiving(connection, owner_level=2, **once) as high:
            high.wait_for_events(1)
            assert "amqp:link:stolen" in str(low.wait_for_error())
    assert (high.bodies("0"), high.errors) == (["a"], [])


def test_asynchronous_clients_send_and_receive(emulator):
    connection = emulator.connection_string("reviews")

    async def send_and_receive():
        async with EventHubProducerClient.from_connection_string(connection, **QUICK) as producer:
            batch = await producer.create_batch()
            for number in range(20):
                batch.add(EventData(f"{number}"))
            await producer.send_batch(batch)
        bodies, complete = [], asyncio.Event()

        async def on_events(context, events):
            bodies.extend(event.body_as_str() for event in events)
            if len(bodies) == 20:
                complete.set()

        consumer = EventHubConsumerClient.from_connection_string(connection, "$Default", **QUICK)
        async with consumer:
            task = asyncio.create_task(
                consumer.receive_batch(on_events, starting_position=ALL, max_wait_time=0.2)
            )
            await asyncio.wait_for(complete.wait(), PATIENCE)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return bodies

    assert asyncio.run(send_and_receive()) == [str(number) for number in range(20)]


def test_partition_keeps_as_many_events_as_its_retention():
    with EventHubEmulator({"hub": 1}, retention=3) as emulator:
        emulator.append("hub", "0", *(b"%d" % number for number in range(5)))
        consumer = received(emulator.connection_string("hub"), 3)

    assert consumer.bodies("0") == ["2", "3", "4"]
