"""Faults on demand, with unmodified clients of azure-eventhub."""

from azure.eventhub import EventData

from amazon_reviews_tests.event_hub_emulator.clients import receiving


def bodies(count):
    return [b"%d" % number for number in range(count)]


def test_consumer_resumes_after_a_dropped_connection(emulator):
    emulator.append("reviews", "0", *bodies(20))
    with receiving(emulator.connection_string("reviews"), partition_id="0") as consumer:
        consumer.wait_for_events(20)
        emulator.drop_connections()
        emulator.append("reviews", "0", b"later")
        consumer.wait_for_events(21)

    assert consumer.numbers("0") == list(range(21))
    assert consumer.errors == []


def test_consumer_resumes_after_a_connection_dropped_within_a_batch(emulator):
    emulator.append("reviews", "0", *bodies(100))
    sizes = []

    def note(consumer, context, events):
        sizes.append(len(events))
        for event in events:
            consumer.on_event(context, event)

    emulator.drop_connections(after_events=37)
    with receiving(
        emulator.connection_string("reviews"),
        on_batch=note,
        partition_id="0",
        max_batch_size=100,
        max_wait_time=1,
    ) as consumer:
        consumer.wait_for_number("0", 99)

    # The client receives events again that it had not delivered to its callback yet.
    numbers = consumer.numbers("0")
    assert numbers[:37] == list(range(37))
    assert sorted(set(numbers)) == list(range(100))
    assert consumer.errors == []
    assert 37 in sizes or emulator.events_delivered == 137


def test_producer_sends_again_after_a_dropped_connection(emulator, producer):
    client = producer(retry_total=3)
    client.send_event(EventData("a"), partition_id="0")
    emulator.drop_connections()
    client.send_event(EventData("b"), partition_id="0")

    assert emulator.sequence_numbers("reviews", "0") == range(2)


def test_consumer_resumes_after_a_temporary_error(emulator):
    emulator.append("reviews", "0", *bodies(3))
    with receiving(emulator.connection_string("reviews"), partition_id="0") as consumer:
        consumer.wait_for_events(3)
        assert emulator.detach_receivers("reviews", "0", "com.microsoft:server-busy") == 1
        emulator.wait_for_receivers("reviews", "0")
        emulator.append("reviews", "0", b"later")
        consumer.wait_for_events(4)

    assert consumer.numbers("0") == [0, 1, 2, 3]
    assert consumer.errors == []


def test_consumer_receives_the_error_when_its_partition_is_stolen(emulator):
    emulator.append("reviews", "0", b"a")
    with receiving(
        emulator.connection_string("reviews"), partition_id="0", client_options={"retry_total": 0}
    ) as consumer:
        consumer.wait_for_events(1)
        emulator.detach_receivers("reviews", "0", "amqp:link:stolen", "taken over")
        error = consumer.wait_for_error()

    assert "amqp:link:stolen" in str(error)
    assert "taken over" in str(error)


def test_consumer_skips_events_that_retention_removed(emulator):
    emulator.append("reviews", "0", *bodies(10))
    emulator.trim("reviews", "0", 4)
    with receiving(
        emulator.connection_string("reviews"), partition_id="0", starting_position=1
    ) as consumer:
        consumer.wait_for_events(6)

    assert consumer.numbers("0") == [4, 5, 6, 7, 8, 9]


def test_recreated_hub_is_empty_and_numbers_from_zero(emulator, producer):
    client = producer()
    before = client.get_eventhub_properties()
    emulator.append("reviews", "0", *bodies(5))
    emulator.recreate("reviews")
    assert emulator.append("reviews", "0", b"new") == [0]

    after = client.get_eventhub_properties()
    assert after["created_at"] > before["created_at"]
    assert after["partition_ids"] == before["partition_ids"]
    emulator.recreate("reviews", partitions=5)
    assert emulator.append("reviews", "4", b"new") == [0]


def test_consumer_receives_the_error_when_its_hub_is_deleted(emulator):
    emulator.append("reviews", "0", b"a")
    with receiving(
        emulator.connection_string("reviews"), partition_id="0", client_options={"retry_total": 0}
    ) as consumer:
        consumer.wait_for_events(1)
        emulator.recreate("reviews")
        assert "amqp:resource-deleted" in str(consumer.wait_for_error())
