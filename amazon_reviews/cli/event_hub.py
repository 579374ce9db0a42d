"""`amazon-reviews event-hub`."""

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.send_lines import send_lines
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator, HubOptions
from amazon_reviews.errors import UsageError

MAX_PARTITIONS = 1024
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_HUB = re.compile(rf"({_NAME})=(\d{{1,4}})(?::({_NAME}(?:,{_NAME})*))?")


@click.command("event-hub")
@click.option(
    "--hub",
    "hubs",
    multiple=True,
    metavar="NAME=PARTITIONS[:GROUP,GROUP]",
    default=("reviews=4",),
    show_default=True,
    help="A hub, with consumer groups beside $Default; may be given several times.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5672,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--retention",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Events that a partition keeps at most.",
)
@click.option(
    "--send",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="File of JSON lines to send to the first hub, one event per line.",
)
def event_hub(
    hubs: tuple[str, ...], host: str, port: int, retention: int, send: Path | None
) -> None:
    """Serve event hubs for development until interrupted.

    Prints the setting that connects to the first hub. Speaks AMQP 1.0 to the clients of Azure
    Event Hubs. Events are in memory, and gone at the end. The key is public: let the server
    listen on this machine only.
    """
    options = dict(map(parse_hub, hubs))
    server = EventHubEmulator(options, host=host, port=port, retention=retention)
    with _interrupted() as stopped, _listening(server):
        first, *others = map(server.connection_string, options)
        echo(f"export AMAZON_REVIEWS_EVENT_HUB='{first}'")
        for other in others:
            echo(f"# {other}")
        if send:
            count = send_lines(send, first, stopped.is_set)
            hub = next(iter(options))
            echo(f"{count} events of {send} were sent to {hub}", err=True)
        stopped.wait()


def parse_hub(text: str) -> tuple[str, HubOptions]:
    """Return name and options of a hub from NAME=PARTITIONS[:GROUP,GROUP].

    Raises:
        UsageError: the text is not of that form.
    """
    match = _HUB.fullmatch(text)
    if not match or not 1 <= int(match[2]) <= MAX_PARTITIONS:
        raise UsageError(
            f"--hub: {text!r} is not NAME=PARTITIONS[:GROUP,GROUP] "
            f"with 1 to {MAX_PARTITIONS} partitions; try 'reviews=4'"
        )
    groups = match[3].split(",") if match[3] else []
    return match[1], HubOptions(int(match[2]), groups)


@contextmanager
def _listening(server: EventHubEmulator) -> Iterator[None]:
    try:
        server.start()
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"cannot listen on {server.host}:{server.port} ({reason}); try another --port"
        ) from None
    try:
        yield
    finally:
        server.stop()


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set, in place of their usual effect."""
    interrupted = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: interrupted.set()) for number in signals]
    try:
        yield interrupted
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
