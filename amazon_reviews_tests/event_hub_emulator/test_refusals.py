"""What clients are told that ask for what is not there, or not theirs."""

import time

import pytest
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventHubError

from amazon_reviews.devtools.event_hub_emulator import Refusal
from amazon_reviews.devtools.event_hub_emulator.sas import sign
from amazon_reviews_tests.event_hub_emulator.clients import QUICK, received

ONCE = {"retry_total": 0}


def test_a_wrong_key_opens_nothing(server, producer):
    connection = server.connection_string("reviews").replace("SAS_KEY_VALUE", "other")

    client = producer(connection=connection)
    with pytest.raises(AuthenticationError, match="InvalidSignature"):
        client.send_event(EventData("x"))
    with pytest.raises(AuthenticationError, match="InvalidSignature"):
        client.get_eventhub_properties()
    assert server.events_accepted == 0


def test_a_wrong_policy_lets_nobody_read(server):
    connection = server.connection_string("reviews").replace("RootManage", "Other")

    found = received(connection, 1, partition_id="0", client_options=ONCE)
    assert "InvalidSignature" in str(found.errors[0])


def with_credential(server, credential):
    return EventHubProducerClient(
        f"{server.host}:{server.port}", "reviews", credential, use_tls=False, **ONCE, **QUICK
    )


@pytest.mark.parametrize(
    ("hub", "seconds", "problem"),
    [("reviews", -1, "ExpiredToken"), ("audit", 60, "InvalidAudience"), ("reviews", 60, None)],
)
def test_tokens_that_others_signed(server, hub, seconds, problem):
    resource = f"sb://{server.host}:{server.port}/{hub}"
    token = sign(resource, int(time.time()) + seconds, server.policy, server.key)
    with with_credential(server, AzureSasCredential(token)) as client:
        if problem:
            with pytest.raises(AuthenticationError, match=problem):
                client.get_partition_ids()
        else:
            assert client.get_partition_ids() == ["0", "1"]


def test_a_named_key(server):
    credential = AzureNamedKeyCredential(server.policy, server.key)
    with with_credential(server, credential) as client:
        assert client.get_partition_ids() == ["0", "1"]


def test_tokens_can_be_refused_for_a_while(server, producer):
    server.refuse_tokens()
    with pytest.raises(AuthenticationError, match="Unauthorized"):
        producer().get_eventhub_properties()
    server.refuse_tokens(False)

    assert producer().get_partition_ids() == ["0", "1"]


def test_a_hub_that_is_not_there(producer):
    client = producer("nosuch")

    with pytest.raises(ConnectError, match="404"):
        client.get_eventhub_properties()
    with pytest.raises(EventHubError):
        client.send_event(EventData("x"))


def test_a_partition_that_is_not_there(producer):
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
def test_what_cannot_be_read(server, group, options, problem):
    options = {"partition_id": "0"} | options
    found = received(
        server.connection_string("audit"), 1, group=group, client_options=ONCE, **options
    )

    assert problem in str(found.errors[0])
    assert server.receivers("audit", "0", "etl") == 0


def test_a_test_is_told_of_hubs_and_partitions_that_are_not_there(server):
    with pytest.raises(Refusal, match="'nosuch' could not be found"):
        server.append("nosuch", "0", b"x")
    with pytest.raises(Refusal, match="'9' is no partition of 'reviews': it has 0 to 1"):
        server.trim("reviews", "9", 1)
    with pytest.raises(TimeoutError):
        server.wait_for_receivers("reviews", "0", seconds=0.01)
    with pytest.raises(TypeError, match="set has no AMQP type"):
        server.append("reviews", "0", b"x", properties={"a": {1}})
