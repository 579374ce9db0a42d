"""Files of Event Hubs Capture for tests, written as the service writes them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fastavro

from amazon_reviews.resources.landing.zone import CAPTURE_FOLDER, LandingZone

START = datetime(2024, 5, 6, 12, 0, 0, tzinfo=UTC)
SCHEMA = {
    "type": "record",
    "name": "EventData",
    "namespace": "Microsoft.ServiceBus.Messaging",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {
            "name": "SystemProperties",
            "type": {"type": "map", "values": ["long", "double", "string", "bytes"]},
        },
        {
            "name": "Properties",
            "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]},
        },
        {"name": "Body", "type": ["null", "bytes"]},
    ],
}


def enqueued(number: int) -> datetime:
    """Return the time when the event with this number was enqueued: one a second."""
    return START + timedelta(seconds=number)


def record(number: int, body: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """Return an event as Capture writes it; its body is its number by default."""
    time = enqueued(number)
    usual = {
        "SequenceNumber": number,
        "Offset": str(100 * number),
        "EnqueuedTimeUtc": f"{time.month}/{time.day}/{time.year} {time:%I:%M:%S %p}".replace(
            " 0", " ", 1
        ),
        "SystemProperties": {"x-opt-publisher": "web"},
        "Properties": {},
        "Body": b"%d" % number if body is None else body,
    }
    return usual | fields


def capture(
    landing: LandingZone,
    hub: str,
    numbers: Iterable[int | Mapping[str, Any]],
    partition: str = "0",
    time: str = "2024/05/06/12/00/00",
    codec: str = "null",
) -> Path:
    """Write a file with these events, or events of these numbers; return its path."""
    path = Path(landing.location, CAPTURE_FOLDER, hub, partition, f"{time}.avro")
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [record(each) if isinstance(each, int) else each for each in numbers]
    with path.open("wb") as stream:
        fastavro.writer(stream, SCHEMA, records, codec=codec)
    return path
