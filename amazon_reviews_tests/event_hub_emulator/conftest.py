"""A server for each test, and clients that are closed after it."""

import pytest
from azure.eventhub import EventHubProducerClient

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator, HubOptions
from amazon_reviews_tests.event_hub_emulator.clients import PATIENCE, QUICK, closing
from amazon_reviews_tests.event_hub_emulator.raw import peer_of


@pytest.fixture(scope="session", autouse=True)
def _closed():
    """No consumer is left at the end."""
    yield
    for thread in closing:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def server():
    """A server with the hubs reviews (2 partitions) and audit (4, with the group etl)."""
    with EventHubEmulator({"reviews": 2, "audit": HubOptions(4, ["etl"])}) as server:
        yield server


@pytest.fixture
def producer(server):
    """Makes a producer for a hub, by default reviews; it does not try again."""
    made = []

    def make(hub="reviews", **options):
        connection = options.pop("connection", server.connection_string(hub))
        options = QUICK | {"retry_total": 0} | options
        made.append(EventHubProducerClient.from_connection_string(connection, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def peer(server):
    """A peer with a session, and access to reviews."""
    with peer_of(server) as peer:
        peer.open()
        peer.begin()
        assert peer.authorize("reviews") == ("number", 202, None)
        yield peer
