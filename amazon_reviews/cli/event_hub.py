"""The development event hub in the foreground, and a file whose lines are sent to it."""

import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from azure.eventhub import EventData, EventDataBatch, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from amazon_reviews.cli.terminal import plain
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator, HubOptions

# Few, so that the batches of a small file meet in more than one partition.
LINES_OF_A_BATCH = 100
MAX_PARTITIONS = 1024

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_HUB = re.compile(rf"({_NAME})=(\d{{1,4}})(?::({_NAME}(?:,{_NAME})*))?")


class Refused(Exception):
    """What was asked for cannot be done; the text says what and why."""


def parse_hub(text: str) -> tuple[str, HubOptions]:
    """Name and options from NAME=PARTITIONS[:GROUP,GROUP].

    Raises:
        Refused: it is not of that form.
    """
    match = _HUB.fullmatch(text)
    if not match or not 1 <= int(match[2]) <= MAX_PARTITIONS:
        raise Refused(
            f"--hub: {text!r} is not NAME=PARTITIONS[:GROUP,GROUP] "
            f"with 1 to {MAX_PARTITIONS} partitions; try 'reviews=4'"
        )
    groups = match[3].split(",") if match[3] else []
    return match[1], HubOptions(int(match[2]), groups)


def run_event_hub(
    hubs: Sequence[str], host: str, port: int, retention: int, send: Path | None
) -> None:
    """Serve until SIGINT or SIGTERM; `send` is a file of lines for the first hub.

    Raises:
        Refused: a hub is not understood, the port is taken, or the file cannot be sent.
    """
    options = dict(map(parse_hub, hubs))
    server = EventHubEmulator(options, host=host, port=port, retention=retention)
    with _interrupted() as stopped, _listening(server):
        first, *others = map(server.connection_string, options)
        click.echo(f"export AMAZON_REVIEWS_EVENT_HUB='{first}'")
        for other in others:
            click.echo(f"# {other}")
        if send:
            count = send_lines(send, first, stopped.is_set)
            sent = f"{count} events of {send} were sent to {next(iter(options))}"
            click.echo(plain(sent), err=True)
        stopped.wait()


def send_lines(path: Path, connection_string: str, stopped: Callable[[], bool]) -> int:
    """Publish the lines of a file that are not blank; returns how many, when done or `stopped`.

    Raises:
        Refused: the file cannot be read, a line is larger than an event may be, or the hub does
            not take them.
    """
    count = 0
    try:
        with (
            path.open("rb") as file,
            EventHubProducerClient.from_connection_string(connection_string) as producer,
        ):
            for batch in _batches(file, producer):
                producer.send_batch(batch)
                count += len(batch)
                if stopped():
                    break
    except (OSError, EventHubError) as error:
        raise Refused(f"--send: {path}: {error}") from None
    return count


def _batches(lines: Iterable[bytes], producer: EventHubProducerClient) -> Iterator[EventDataBatch]:
    batch = producer.create_batch()
    for number, line in enumerate(lines, start=1):
        body = line.rstrip(b"\r\n")
        if not body.strip() or (len(batch) < LINES_OF_A_BATCH and _added(batch, body)):
            continue
        if len(batch):
            yield batch
        batch = producer.create_batch()
        if not _added(batch, body):
            raise Refused(f"--send: line {number} is larger than an event may be")
    if len(batch):
        yield batch


def _added(batch: EventDataBatch, body: bytes) -> bool:
    """Whether there was room for an event."""
    try:
        batch.add(EventData(body))
    except ValueError:
        return False
    return True


@contextmanager
def _listening(server: EventHubEmulator) -> Iterator[None]:
    try:
        server.start()
    except OSError as error:
        reason = error.strerror or error
        raise Refused(
            f"{server.host}:{server.port} cannot be listened on ({reason}); try another --port"
        ) from None
    try:
        yield
    finally:
        server.stop()


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, instead of what they do otherwise."""
    interrupted = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: interrupted.set()) for number in signals]
    try:
        yield interrupted
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
