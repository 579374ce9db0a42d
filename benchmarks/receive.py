"""Ingestion from hub to bronze: `python -m benchmarks.receive`, with the project's settings.

Prints the seconds from the first batch to the commit of the table as JSON.
"""

import json
import time
from collections.abc import Callable, Generator, Mapping

from azure.eventhub import EventData

from amazon_reviews import config
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.resources.event_hub import Batch, EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse

_first: list[tuple[float, int]] = []


class _TimedHub(EventHub):
    """Records time and size of the first batch."""

    def read(
        self, spans: Mapping[str, Span], convert: Callable[[str, list[EventData]], Batch]
    ) -> Generator[tuple[str, Batch]]:
        def timed_convert(name: str, events: list[EventData]) -> Batch:
            if not _first:
                _first.append((time.perf_counter(), len(events)))
            return convert(name, events)

        return super().read(spans, timed_convert)


def main() -> None:
    """Receive all events of the hub."""
    settings = config.load()
    hub = _TimedHub(
        address=settings.event_hub.get_secret_value(), consumer_group=settings.consumer_group
    )
    received = receive(hub, Lakehouse(location=settings.lakehouse))
    ended = time.perf_counter()
    events = sum(received.events.values())
    began, first = _first[0] if _first else (ended, events)
    print(json.dumps({"events": events, "after_first": events - first, "seconds": ended - began}))


if __name__ == "__main__":
    main()
