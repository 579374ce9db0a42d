"""Send the lines of a file to an event hub."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from azure.eventhub import EventData, EventDataBatch, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from amazon_reviews.errors import EventHubUnavailableError, InputFileError
from amazon_reviews.plain_file import open_plain_file

# Few, so that the batches of a small file spread over several partitions.
LINES_PER_BATCH = 100


def send_lines(path: Path, connection_string: str, stopped: Callable[[], bool]) -> int:
    """Send each line of a file that is not blank as one event; return the number of events.

    Sending ends early when `stopped` returns True after a batch.

    Raises:
        InputFileError: the file cannot be read, or a line is larger than an event may be.
        EventHubUnavailableError: the hub does not accept the events.
    """
    count = 0
    try:
        with (
            open_plain_file(path) as file,
            EventHubProducerClient.from_connection_string(connection_string) as producer,
        ):
            for batch in _batches(path, file, producer):
                producer.send_batch(batch)
                count += len(batch)
                if stopped():
                    break
    except OSError as error:
        raise InputFileError(f"{path} cannot be read: {error.strerror}") from None
    except EventHubError as error:
        raise EventHubUnavailableError(f"{path} cannot be sent: {error}") from None
    return count


def _batches(
    path: Path, lines: Iterable[bytes], producer: EventHubProducerClient
) -> Iterator[EventDataBatch]:
    batch = producer.create_batch()
    for number, line in enumerate(lines, start=1):
        body = line.rstrip(b"\r\n")
        if not body.strip() or (len(batch) < LINES_PER_BATCH and _add(batch, body)):
            continue
        if len(batch):
            yield batch
        batch = producer.create_batch()
        if not _add(batch, body):
            raise InputFileError(f"{path}: line {number} is larger than an event may be")
    if len(batch):
        yield batch


def _add(batch: EventDataBatch, body: bytes) -> bool:
    """Add an event to the batch; return True if it had room."""
    try:
        batch.add(EventData(body))
    except ValueError:
        return False
    return True
