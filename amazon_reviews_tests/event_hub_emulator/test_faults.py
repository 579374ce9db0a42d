"""Faults on demand, and how the unmodified consumers live through them."""

from azure.eventhub import EventData

from amazon_reviews_tests.event_hub_emulator.clients import receiving


def bodies(count):
    return [b"%d" % number for number in range(count)]


def test_a_consumer_resumes_after_its_connection_was_dropped(server):
    server.append("reviews", "0", *bodies(20))
    with receiving(server.connection_string("reviews"), partition_id="0") as found:
        found.wait_for_events(20)
        server.drop_connections()
        server.append("reviews", "0", b"later")
        found.wait_for_events(21)

    assert found.numbers("0") == list(range(21))
    assert found.errors == []


def test_connections_can_be_dropped_in_the_middle_of_a_batch(server):
    server.append("reviews", "0", *bodies(100))
    sizes = []

    def note(found, context, events):
        sizes.append(len(events))
        for event in events:
            found.on_event(context, event)

    server.drop_connections(after_events=37)
    with receiving(
        server.connection_string("reviews"),
        on_batch=note,
        partition_id="0",
        max_batch_size=100,
        max_wait_time=1,
    ) as found:
        found.wait_for_number("0", 99)

    # The client reads again what it had, but had not handed over yet.
    numbers = found.numbers("0")
    assert numbers[:37] == list(range(37))
    assert sorted(set(numbers)) == list(range(100))
    assert found.errors == []
    assert 37 in sizes or server.events_delivered == 137


def test_a_producer_sends_again_after_its_connection_was_dropped(server, producer):
    client = producer(retry_total=3)
    client.send_event(EventData("a"), partition_id="0")
    server.drop_connections()
    client.send_event(EventData("b"), partition_id="0")

    assert server.sequence_numbers("reviews", "0") == range(2)


def test_a_consumer_resumes_after_a_passing_fault(server):
    server.append("reviews", "0", *bodies(3))
    with receiving(server.connection_string("reviews"), partition_id="0") as found:
        found.wait_for_events(3)
        assert server.detach_receivers("reviews", "0", "com.microsoft:server-busy") == 1
        server.wait_for_receivers("reviews", "0")
        server.append("reviews", "0", b"later")
        found.wait_for_events(4)

    assert found.numbers("0") == [0, 1, 2, 3]
    assert found.errors == []


def test_a_consumer_is_told_that_its_partition_was_stolen(server):
    server.append("reviews", "0", b"a")
    with receiving(
        server.connection_string("reviews"), partition_id="0", client_options={"retry_total": 0}
    ) as found:
        found.wait_for_events(1)
        server.detach_receivers("reviews", "0", "amqp:link:stolen", "taken over")
        error = found.wait_for_error()

    assert "amqp:link:stolen" in str(error)
    assert "taken over" in str(error)


def test_retention_passes_over_events_that_nobody_read(server):
    server.append("reviews", "0", *bodies(10))
    server.trim("reviews", "0", 4)
    with receiving(
        server.connection_string("reviews"), partition_id="0", starting_position=1
    ) as found:
        found.wait_for_events(6)

    assert found.numbers("0") == [4, 5, 6, 7, 8, 9]


def test_a_hub_made_again_starts_over(server, producer):
    client = producer()
    before = client.get_eventhub_properties()
    server.append("reviews", "0", *bodies(5))
    server.recreate("reviews")
    assert server.append("reviews", "0", b"new") == [0]

    after = client.get_eventhub_properties()
    assert after["created_at"] > before["created_at"]
    assert after["partition_ids"] == before["partition_ids"]
    server.recreate("reviews", partitions=5)
    assert server.append("reviews", "4", b"new") == [0]


def test_a_consumer_is_told_that_its_hub_was_deleted(server):
    server.append("reviews", "0", b"a")
    with receiving(
        server.connection_string("reviews"), partition_id="0", client_options={"retry_total": 0}
    ) as found:
        found.wait_for_events(1)
        server.recreate("reviews")
        assert "amqp:resource-deleted" in str(found.wait_for_error())
