"""An emulator for each test, and clients that are closed after it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.eventhub import EventHubProducerClient

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator, HubOptions
from amazon_reviews_tests.event_hub_emulator.clients import PATIENCE, QUICK, closing
from amazon_reviews_tests.event_hub_emulator.raw import Peer, peer_of

MakeProducer = Callable[..., EventHubProducerClient]


@pytest.fixture(scope="session", autouse=True)
def _closed() -> Iterator[None]:
    """Wait for the threads of closed consumers at the end of the session."""
    yield
    for thread in closing:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def emulator() -> Iterator[EventHubEmulator]:
    """An emulator with the hubs reviews (2 partitions) and audit (4, with the group etl)."""
    with EventHubEmulator({"reviews": 2, "audit": HubOptions(4, ["etl"])}) as emulator:
        yield emulator


@pytest.fixture
def producer(emulator: EventHubEmulator) -> Iterator[MakeProducer]:
    """Return a function that creates a producer for a hub, without retries."""
    clients: list[EventHubProducerClient] = []

    def make(hub: str = "reviews", **options: Any) -> EventHubProducerClient:
        connection = options.pop("connection", emulator.connection_string(hub))
        options = QUICK | {"retry_total": 0} | options
        clients.append(EventHubProducerClient.from_connection_string(connection, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def peer(emulator: EventHubEmulator) -> Iterator[Peer]:
    """A peer with a session and access to the hub reviews."""
    with peer_of(emulator) as peer:
        peer.open()
        peer.begin()
        assert peer.authorize("reviews") == ("number", 202, None)
        yield peer
