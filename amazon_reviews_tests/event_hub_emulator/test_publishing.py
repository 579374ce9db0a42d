"""Events from the unmodified producers of azure-eventhub."""

import pytest
from azure.eventhub import EventData
from azure.eventhub.exceptions import EventHubError

from amazon_reviews.devtools.event_hub_emulator.links import CREDIT
from amazon_reviews_tests.event_hub_emulator.clients import received


def test_event_is_received_with_body_properties_and_annotations(emulator, producer):
    event = EventData(b'{"stars": 5}')
    event.properties = {"kind": "review", "number": 7, "sure": True}
    event.content_type, event.message_id, event.correlation_id = "application/json", "m7", "c7"
    event.raw_amqp_message.annotations = {"x-opt-own": "kept"}

    producer().send_event(event, partition_id="1")

    (event,) = received(emulator.connection_string("reviews"), 1).events["1"]
    assert event.body_as_json() == {"stars": 5}
    assert event.properties == {b"kind": b"review", b"number": 7, b"sure": True}
    assert (event.content_type, event.message_id, event.correlation_id) == (
        "application/json",
        "m7",
        "c7",
    )
    assert event.raw_amqp_message.annotations[b"x-opt-own"] == b"kept"
    assert (event.sequence_number, event.offset, event.partition_key) == (0, "0", None)


def test_events_without_partition_rotate_over_partitions(emulator, producer):
    client = producer()
    for _ in range(3):
        client.send_event(EventData("x"))

    assert [len(emulator.sequence_numbers("reviews", name)) for name in "01"] == [2, 1]


def test_batch_is_stored_in_one_partition_in_order(emulator, producer):
    client = producer()
    batch = client.create_batch(partition_id="1")
    for number in range(100):
        batch.add(EventData(f"{number}"))
    client.send_batch(batch)

    consumer = received(emulator.connection_string("reviews"), 100, partition_id="1")
    assert consumer.bodies("1") == [str(number) for number in range(100)]
    assert consumer.numbers("1") == list(range(100))
    assert emulator.events_accepted == 100


def test_events_with_the_same_key_share_a_partition_and_keep_the_key(emulator, producer):
    client = producer()
    client.send_batch([EventData("a"), EventData("b")], partition_key="K")
    client.send_event(EventData("c"), partition_key="K")
    client.send_event(EventData("other"))

    consumer = received(emulator.connection_string("reviews"), 4)
    keyed = [
        (partition, event.body_as_str())
        for partition, events in consumer.events.items()
        for event in events
        if event.partition_key in (b"K", "K")
    ]
    assert [body for _, body in keyed] == ["a", "b", "c"]
    assert len({partition for partition, _ in keyed}) == 1


def test_buffered_producer_sends_all_events(emulator, producer):
    failures = []
    client = producer(
        buffered_mode=True,
        max_wait_time=0.2,
        on_success=lambda events, partition: None,
        on_error=lambda events, partition, error: failures.append(error),
    )
    for number in range(200):
        client.send_event(EventData(f"{number}"), partition_key=f"k{number % 7}")
    client.flush()

    assert emulator.events_accepted == 200
    assert failures == []


def test_event_of_nearly_a_megabyte_is_received_and_a_larger_one_rejected(emulator, producer):
    body = bytes(range(256)) * 4000
    client = producer()
    client.send_event(EventData(body), partition_id="0")
    with pytest.raises(EventHubError):
        client.send_event(EventData(bytes(1_048_576)), partition_id="0")
    client.send_event(EventData("small"), partition_id="0")

    events = received(emulator.connection_string("reviews"), 2, partition_id="0").events["0"]
    assert [b"".join(event.body) for event in events] == [body, b"small"]


def test_batch_knows_its_maximum_size(producer):
    assert producer().create_batch().max_size_in_bytes == 1_048_576


def test_producer_may_send_more_than_its_first_credit(emulator, producer):
    client = producer()
    for number in range(CREDIT + 10):
        client.send_event(EventData(f"{number}"), partition_id="1")

    assert emulator.events_accepted == CREDIT + 10
