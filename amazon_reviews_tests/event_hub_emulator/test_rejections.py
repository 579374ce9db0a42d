"""Errors for missing entities and missing access."""

import time

import pytest
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventHubError

from amazon_reviews.devtools.event_hub_emulator import AmqpError
from amazon_reviews.devtools.event_hub_emulator.sas import sign
from amazon_reviews_tests.event_hub_emulator.clients import QUICK, received

ONCE = {"retry_total": 0}


def test_wrong_key_gives_no_access(emulator, producer):
    connection = emulator.connection_string("reviews").replace("SAS_KEY_VALUE", "other")

    client = producer(connection=connection)
    with pytest.raises(AuthenticationError, match="InvalidSignature"):
        client.send_event(EventData("x"))
    with pytest.raises(AuthenticationError, match="InvalidSignature"):
        client.get_eventhub_properties()
    assert emulator.events_accepted == 0


def test_wrong_policy_gives_no_access(emulator):
    connection = emulator.connection_string("reviews").replace("RootManage", "Other")

    consumer = received(connection, 1, partition_id="0", client_options=ONCE)
    assert "InvalidSignature" in str(consumer.errors[0])


def with_credential(emulator, credential):
    return EventHubProducerClient(
        f"{emulator.host}:{emulator.port}", "reviews", credential, use_tls=False, **ONCE, **QUICK
    )


@pytest.mark.parametrize(
    ("hub", "seconds", "problem"),
    [("reviews", -1, "ExpiredToken"), ("audit", 60, "InvalidAudience"), ("reviews", 60, None)],
)
def test_signed_token_gives_access_to_its_resource_until_it_expires(
    emulator, hub, seconds, problem
):
    resource = f"sb://{emulator.host}:{emulator.port}/{hub}"
    token = sign(resource, int(time.time()) + seconds, emulator.policy, emulator.key)
    with with_credential(emulator, AzureSasCredential(token)) as client:
        if problem:
            with pytest.raises(AuthenticationError, match=problem):
                client.get_partition_ids()
        else:
            assert client.get_partition_ids() == ["0", "1"]


def test_named_key_gives_access(emulator):
    credential = AzureNamedKeyCredential(emulator.policy, emulator.key)
    with with_credential(emulator, credential) as client:
        assert client.get_partition_ids() == ["0", "1"]


def test_tokens_can_be_rejected_temporarily(emulator, producer):
    emulator.refuse_tokens()
    with pytest.raises(AuthenticationError, match="Unauthorized"):
        producer().get_eventhub_properties()
    emulator.refuse_tokens(False)

    assert producer().get_partition_ids() == ["0", "1"]


def test_missing_hub_is_an_error_of_the_client(producer):
    client = producer("nosuch")

    with pytest.raises(ConnectError, match="404"):
        client.get_eventhub_properties()
    with pytest.raises(EventHubError):
        client.send_event(EventData("x"))


def test_missing_partition_is_an_error_of_the_client(producer):
    client = producer()

    with pytest.raises(ConnectError, match="Invalid partition 9"):
        client.send_event(EventData("x"), partition_id="9")
    with pytest.raises(ConnectError, match="404"):
        client.get_partition_properties("9")


@pytest.mark.parametrize(
    ("group", "options", "problem"),
    [
        ("nosuch", {}, "amqp:not-found"),
        ("etl", {"starting_position": "123"}, "The last offset in the system is '-1'"),
    ],
)
def test_missing_group_or_invalid_position_fails_the_consumer(emulator, group, options, problem):
    options = {"partition_id": "0"} | options
    consumer = received(
        emulator.connection_string("audit"), 1, group=group, client_options=ONCE, **options
    )

    assert problem in str(consumer.errors[0])
    assert emulator.receivers("audit", "0", "etl") == 0


def test_emulator_methods_raise_errors_for_missing_hubs_and_partitions(emulator):
    with pytest.raises(AmqpError, match="'nosuch' could not be found"):
        emulator.append("nosuch", "0", b"x")
    with pytest.raises(AmqpError, match="'9' is not a partition of 'reviews': it has 0 to 1"):
        emulator.trim("reviews", "9", 1)
    with pytest.raises(TimeoutError):
        emulator.wait_for_receivers("reviews", "0", seconds=0.01)
    with pytest.raises(TypeError, match="set has no AMQP type"):
        emulator.append("reviews", "0", b"x", properties={"a": {1}})
