"""`amazon-reviews demo-stream`."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import click
import dagster as dg

from amazon_reviews import config, interrupts
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.dagster_instance import WORKSPACE, dagster_instance
from amazon_reviews.cli.common.send_lines import send_lines
from amazon_reviews.cli.common.tables import print_table
from amazon_reviews.cli.common.up_to_date import RESUMES, bring_up_to_date
from amazon_reviews.defs.requests import is_streaming
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.errors import BuildError
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.reconciliation import Reconciliation, reconcile_all
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import GOLD_REVIEWS

HUB = "reviews"
# The daemon takes half a minute to start on a busy machine.
_TIMEOUT_SECONDS = 180
_POLL_SECONDS = 0.5


@click.command("demo-stream")
def demo_stream() -> None:
    """Send the sample's events to a hub and show them arrive in gold.

    The hub is the emulator; sensor, run and daemon are those of production. The reviews of the
    landing zone come first, and what is built from gold is left to `amazon-reviews run`.
    """
    settings = config.load()
    interrupts.remark(RESUMES)
    events = Path(settings.landing) / "events" / "events.jsonl"
    if settings.event_hub or not events.is_file():
        echo("no demo of the stream: a hub is set, or there are no sample events", err=True)
        return
    outcome = bring_up_to_date(settings, f'+key:"{GOLD_REVIEWS.key}"')
    if outcome.failures:
        sys.exit(1)
    _show_stream(settings, events)


def _show_stream(settings: config.Settings, events: Path) -> None:
    lakehouse = Lakehouse(settings.lakehouse)
    before = sum(account.lines for account in _accounts(lakehouse) if account.layer == "bronze")
    with EventHubEmulator({HUB: 4}) as server:
        address = server.connection_string(HUB)
        sent = send_lines(events, address, lambda: False)
        echo(f"{sent:,} events were published to a hub of 4 partitions", err=True)
        started = time.monotonic()
        with dagster_instance(settings) as instance, _daemon(settings, address) as (daemon, log):
            _wait(lakehouse, instance, before + sent, daemon, log, started)
    print_table([account.as_dict() for account in _accounts(lakehouse)])


def _wait(
    lakehouse: Lakehouse,
    instance: dg.DagsterInstance,
    events: int,
    daemon: subprocess.Popen[bytes],
    log: Path,
    started: float,
) -> None:
    """Print each layer when the events have reached it, until the run has taken them to gold."""
    layers = ["bronze", "silver", "gold"]
    while (seconds := time.monotonic() - started) < _TIMEOUT_SECONDS:
        accounts = {account.layer: account for account in _accounts(lakehouse)}
        while layers and _reached(accounts, layers[0], events):
            echo(f"{seconds:6.1f} s  the events are in {layers.pop(0)}", err=True)
        # A run that is killed would be reported as failed, and started again, in the UI.
        if not layers and not is_streaming(instance, datetime.now(UTC)):
            return
        if daemon.poll() is not None:
            raise BuildError(f"Dagster's daemon ended before; see its log, {log}")
        time.sleep(_POLL_SECONDS)
    late = f"the events did not reach {layers[0]}" if layers else "the stream run did not end"
    raise BuildError(f"{late} within {_TIMEOUT_SECONDS} s; see the daemon's log, {log}")


def _reached(accounts: dict[str, Reconciliation], layer: str, events: int) -> bool:
    if layer not in accounts:
        return False
    expected = {"bronze": events, "silver": events, "gold": accounts["silver"].kept}
    return accounts[layer].lines == expected[layer] and accounts[layer].balanced


def _accounts(lakehouse: Lakehouse) -> list[Reconciliation]:
    return [
        account for account in reconcile_all(lakehouse) if account.partition == STREAM.partition
    ]


@contextmanager
def _daemon(
    settings: config.Settings, address: str
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run Dagster's daemon with this hub during the block; yields it, and the file of its log."""
    log = settings.dagster_home / "demo_daemon.log"
    environment = os.environ | {
        config.EVENT_HUB: address,
        # It would begin to build all that is above the stream, and be stopped in the middle.
        config.AUTOMATION: "false",
        # The run ends before the daemon.
        config.Settings.variable("stream_quiet_seconds"): "1",
        config.DAGSTER_HOME: str(settings.dagster_home),
    }
    program = shutil.which("dagster-daemon", path=str(Path(sys.executable).parent))
    command = [str(program), "run", "--workspace", str(WORKSPACE)]
    with log.open("wb") as output, interrupts.temporary_folder() as folder:
        daemon = subprocess.Popen(
            command,
            env=environment | {"TMPDIR": folder},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        seconds = 30
        try:
            yield daemon, log
        except KeyboardInterrupt:
            # A command must end within seconds of a signal.
            seconds = 1
            raise
        finally:
            daemon.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(seconds)
            with suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
