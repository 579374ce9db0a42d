"""The command `amazon-reviews event-hub`."""

import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from azure.eventhub import EventHubProducerClient
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.cli.common.send_lines import LINES_PER_BATCH, send_lines
from amazon_reviews.cli.event_hub import parse_hub
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator, HubOptions
from amazon_reviews.errors import InputFileError
from amazon_reviews_tests.event_hub_emulator.clients import PATIENCE, received


def run(*arguments):
    return CliRunner().invoke(main, ["event-hub", *arguments])


@contextmanager
def running(*arguments):
    """Run the command in a subprocess, which SIGTERM ends after the block."""
    command = [sys.executable, "-m", "amazon_reviews.cli", "event-hub", "--port", "0"]
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def connection_of(line):
    """Return the connection string of a line as a shell reads it."""
    script = f'{line}\nprintf %s "$AMAZON_REVIEWS_EVENT_HUB"'
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout


def test_command_serves_its_hubs_and_sends_the_file_until_sigterm(tmp_path):
    lines = tmp_path / "events.jsonl"
    lines.write_bytes(b'{"a": 1}\n\n{"b": 2}\r\n{"c"')
    with running("--hub", "one=1", "--hub", "two=3:etl", "--send", str(lines)) as process:
        connection = connection_of(process.stdout.readline())
        other = process.stdout.readline().removeprefix("# ").strip()
        message = process.stderr.readline()
        consumer = received(connection, 3)
        with EventHubProducerClient.from_connection_string(other) as client:
            properties = client.get_eventhub_properties()
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=PATIENCE)

    assert consumer.bodies("0") == ['{"a": 1}', '{"b": 2}', '{"c"']
    assert "sb://127.0.0.1:" in connection
    assert "SharedAccessKey=SAS_KEY_VALUE" in connection
    assert message == f"3 events of {lines} were sent to one\n"
    assert (properties["eventhub_name"], len(properties["partition_ids"])) == ("two", 3)
    assert (process.returncode, rest) == (0, ("", ""))


def test_command_exits_with_zero_on_sigint():
    with running() as process:
        assert "EntityPath=reviews" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE)

    assert (process.returncode, rest) == (0, ("", ""))


def test_occupied_port_is_an_error_of_one_line():
    with EventHubEmulator({"reviews": 1}) as emulator:
        result = run("--port", str(emulator.port))

    (line,) = result.stderr.splitlines()
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{emulator.port} " in line
    assert "--port" in line


def test_unknown_host_is_an_error_of_one_line():
    result = run("--host", "no.such.host.invalid", "--port", "0")

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "hub",
    [
        *("", "reviews", "reviews=", "reviews=0", "reviews=-1", "reviews=1025", "reviews=x"),
        *("=4", "a/b=4", "$x=4", "reviews=4:", "reviews=4:a,", "reviews=4:a b", "reviews=4\n"),
    ],
)
def test_invalid_hub_option_is_an_error_of_one_line(hub):
    result = run("--hub", hub)

    (line,) = result.stderr.splitlines()
    assert result.exit_code == 2
    assert "--hub" in line
    assert "reviews=4" in line


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("reviews=4", HubOptions(4, [])),
        ("reviews=1024:etl", HubOptions(1024, ["etl"])),
        ("reviews=1:etl,other", HubOptions(1, ["etl", "other"])),
    ],
)
def test_hub_option_gives_partitions_and_consumer_groups(text, options):
    assert parse_hub(text) == ("reviews", options)


def test_lines_of_a_file_are_spread_over_partitions_without_loss(tmp_path):
    lines = tmp_path / "events.jsonl"
    lines.write_text("".join(f"{number}\n" for number in range(2 * LINES_PER_BATCH + 1)))
    with EventHubEmulator({"hub": 3}) as emulator:
        count = send_lines(lines, emulator.connection_string("hub"), lambda: False)
        assert count == emulator.events_accepted == 2 * LINES_PER_BATCH + 1
        assert [len(emulator.sequence_numbers("hub", name)) for name in "012"] == [
            LINES_PER_BATCH,
            LINES_PER_BATCH,
            1,
        ]


def test_sending_stops_after_the_current_batch(tmp_path):
    lines = tmp_path / "events.jsonl"
    lines.write_text("x\n" * 5 * LINES_PER_BATCH)
    with EventHubEmulator({"hub": 1}) as emulator:
        connection = emulator.connection_string("hub")
        assert send_lines(lines, connection, lambda: True) == LINES_PER_BATCH


def test_large_lines_are_sent_and_a_too_large_line_is_an_error_with_its_number(tmp_path):
    lines = tmp_path / "events.jsonl"
    large = "x" * 700_000
    lines.write_text(f"{large}\n{large}\n{large * 2}\n")
    with (
        EventHubEmulator({"hub": 1}) as emulator,
        pytest.raises(InputFileError, match="line 3 is larger than an event may be"),
    ):
        send_lines(lines, emulator.connection_string("hub"), lambda: False)


def test_missing_file_is_an_error(tmp_path):
    result = run("--send", str(tmp_path / "nosuch"), "--port", "0")

    assert result.exit_code == 2
    assert "nosuch" in result.stderr
