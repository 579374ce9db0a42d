"""The demo of the stream: a hub, the sample's events, and Dagster's daemon that takes them in."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from amazon_reviews import config
from amazon_reviews.cli.event_hub import send_lines
from amazon_reviews.cli.tables import print_table
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.reconciliation import Account, all_accounts
from amazon_reviews.resources.lakehouse.tables import Lakehouse

HUB = "reviews"
_PATIENCE_SECONDS = 180
_LOOK_SECONDS = 0.5


class DemoFailedError(RuntimeError):
    """The events did not arrive; the text says where the daemon's log is."""


def show_stream(settings: config.Settings, events: Path) -> None:
    """Publish the lines of `events` to a hub of four partitions, and show them arriving in gold.

    The hub is the development server; sensor, run and daemon are those of every day.

    Raises:
        DemoFailedError: they do not arrive in time.
        Refused: the events cannot be sent.
    """
    lakehouse = Lakehouse(location=settings.lakehouse)
    before = sum(account.lines for account in _accounts(lakehouse) if account.layer == "bronze")
    with EventHubEmulator({HUB: 4}) as server:
        address = server.connection_string(HUB)
        sent = send_lines(events, address, lambda: False)
        click.echo(f"{sent:,} events were published to a hub of 4 partitions", err=True)
        started = time.monotonic()
        with _daemon(settings, address) as log:
            _wait(lakehouse, before + sent, log, started)
    print_table([account.as_dict() for account in _accounts(lakehouse)])


def _wait(lakehouse: Lakehouse, events: int, log: Path, started: float) -> None:
    """Say which layer the events have reached, until they are in gold."""
    layers = ["bronze", "silver", "gold"]
    while (seconds := time.monotonic() - started) < _PATIENCE_SECONDS:
        accounts = {account.layer: account for account in _accounts(lakehouse)}
        while layers and _reached(accounts, layers[0], events):
            click.echo(f"{seconds:6.1f} s  the events are in {layers.pop(0)}", err=True)
        if not layers:
            return
        time.sleep(_LOOK_SECONDS)
    raise DemoFailedError(
        f"the events did not reach {layers[0]} within {_PATIENCE_SECONDS} s; "
        f"{log} has what the daemon said"
    )


def _reached(accounts: dict[str, Account], layer: str, events: int) -> bool:
    if layer not in accounts:
        return False
    above = {"bronze": events, "silver": events, "gold": accounts["silver"].kept}
    return accounts[layer].lines == above[layer] and accounts[layer].balanced


def _accounts(lakehouse: Lakehouse) -> list[Account]:
    return [account for account in all_accounts(lakehouse) if account.partition == STREAM.partition]


@contextmanager
def _daemon(settings: config.Settings, address: str) -> Iterator[Path]:
    """Dagster's daemon with this hub, as long as the block lasts; gives the file of its log."""
    log = settings.dagster_home / "demo_daemon.log"
    environment = os.environ | {
        config.EVENT_HUB: address,
        f"{config.PREFIX}STREAM_SECONDS": "1",
        "DAGSTER_HOME": str(settings.dagster_home),
    }
    program = shutil.which("dagster-daemon", path=str(Path(sys.executable).parent))
    command = [str(program), "run", "-m", "amazon_reviews.definitions"]
    with log.open("wb") as output, temporary_folder() as folder:
        daemon = subprocess.Popen(
            command,
            env=environment | {"TMPDIR": folder},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        seconds = 30
        try:
            yield log
        except KeyboardInterrupt:
            seconds = 1
            raise
        finally:
            daemon.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(seconds)
            with suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
