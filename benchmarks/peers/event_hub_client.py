"""The vendor's consumer client alone: it receives all events of a hub and drops them.

`python -m benchmarks.peers.event_hub_client EVENTS` reads this number of events from the hub of
AMAZON_REVIEWS_EVENT_HUB, and prints the figures as JSON.
"""

import json
import os
import sys
import time

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

# The fastest of 100 to 5,000 events per batch with a prefetch of 300 to 10,000. It is also faster
# than a client and a thread for each partition.
MAX_BATCH_SIZE = 1_000
PREFETCH = 5_000


class DroppingConsumer:
    """Counts the received events and measures their time."""

    def __init__(self, client: EventHubConsumerClient, expected: int) -> None:
        self._client = client
        self._expected = expected
        self.events = 0
        self.first = 0
        self.began = 0.0
        self.ended = 0.0

    def take(self, context: PartitionContext, events: list[EventData]) -> None:
        """Drop a batch, and close the client after the last."""
        now = time.perf_counter()
        if not self.events:
            self.began = now
            self.first = len(events)
        self.events += len(events)
        if self.events >= self._expected and not self.ended:
            self.ended = now
            self._client.close()


def main() -> None:
    """Receive the events, and print the seconds from the first batch to the last."""
    address = os.environ["AMAZON_REVIEWS_EVENT_HUB"]
    client = EventHubConsumerClient.from_connection_string(address, "$Default")
    consumer = DroppingConsumer(client, int(sys.argv[1]))
    client.receive_batch(
        consumer.take, starting_position="-1", max_batch_size=MAX_BATCH_SIZE, prefetch=PREFETCH
    )
    report = {
        "events": consumer.events,
        "after_first": consumer.events - consumer.first,
        "seconds": consumer.ended - consumer.began,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
