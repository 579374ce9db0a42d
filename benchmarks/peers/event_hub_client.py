"""The vendor's consumer client alone: all events of a hub are received and dropped.

`python -m benchmarks.peers.event_hub_client EVENTS` reads the hub that AMAZON_REVIEWS_EVENT_HUB
names until so many events came, and prints the figures as JSON.
"""

import json
import os
import sys
import time

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

# The fastest of 100 to 5,000 events a batch with 300 to 10,000 ahead, and faster than a client
# and a thread for each partition.
MAX_BATCH_SIZE = 1_000
PREFETCH = 5_000


class Dropping:
    """Counts what is received, and when."""

    def __init__(self, client: EventHubConsumerClient, wanted: int) -> None:
        self._client = client
        self._wanted = wanted
        self.events = 0
        self.first = 0
        self.began = 0.0
        self.ended = 0.0

    def take(self, context: PartitionContext, events: list[EventData]) -> None:
        """Drop a batch; the client is closed after the last."""
        now = time.perf_counter()
        if not self.events:
            self.began = now
            self.first = len(events)
        self.events += len(events)
        if self.events >= self._wanted and not self.ended:
            self.ended = now
            self._client.close()


def main() -> None:
    """Receive, and print how long it took from the first batch to the last."""
    address = os.environ["AMAZON_REVIEWS_EVENT_HUB"]
    client = EventHubConsumerClient.from_connection_string(address, "$Default")
    dropping = Dropping(client, int(sys.argv[1]))
    client.receive_batch(
        dropping.take, starting_position="-1", max_batch_size=MAX_BATCH_SIZE, prefetch=PREFETCH
    )
    report = {
        "events": dropping.events,
        "after_first": dropping.events - dropping.first,
        "seconds": dropping.ended - dropping.began,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
