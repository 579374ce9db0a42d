"""The server of the API over sockets: clients that send too much, too slowly or nothing."""

import asyncio
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from amazon_reviews.errors import SettingsError
from amazon_reviews.serving.api import server
from amazon_reviews.serving.api.settings import load_api
from amazon_reviews_tests.ports import free_port
from amazon_reviews_tests.serving import attack as attack_module
from amazon_reviews_tests.serving.api_in_thread import (
    HEALTH,
    PATIENCE_SECONDS,
    api_in_thread,
    is_closed,
    sent_until_closed,
    status,
)

RECEIVE_SECONDS = 0.3
HEAD = HEALTH.removesuffix(b"\r\n")
POST = b"POST /sentiment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
ANNOUNCED = POST + b"Content-Length: %d\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with api_in_thread(tmp_path_factory.mktemp("api"), receive_seconds=RECEIVE_SECONDS) as api:
        yield api


def test_headers_up_to_the_limit_are_read(api):
    rest = server.HEADER_BYTES - len(HEAD + b"X-Long: \r\n\r\n")
    assert api.status(HEAD + b"X-Long: " + b"a" * rest + b"\r\n\r\n") == 200
    assert api.status(HEAD + b"X-Short: a\r\n" * (server.HEADER_LINES - 1) + b"\r\n") == 200


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(HEAD + b"X-Long: " + b"a" * (64 << 10) + b"\r\n\r\n", id="one line"),
        pytest.param(HEAD + b"X-Long: " + b"a" * (64 << 10), id="a line without an end"),
        pytest.param(HEAD + (b"X-Long: " + b"a" * 8_000 + b"\r\n") * 9 + b"\r\n", id="nine lines"),
        pytest.param(HEAD + b"a: b\r\n" * 100 + b"\r\n", id="many lines"),
        pytest.param(HEAD + b"a:\r\n" * (16 << 10), id="lines without a value"),
        pytest.param(b"GET /" + b"a" * (64 << 10), id="the path"),
        pytest.param(CHUNKED + b"0\r\n" + b"a: b\r\n" * 100 + b"\r\n", id="after the body"),
        pytest.param(CHUNKED + b"2;" + b"a" * (128 << 10), id="the size of a chunk"),
    ],
)
def test_larger_headers_are_rejected(api, sent):
    with api.connect(sent) as client:
        assert status(client) == 431
        assert status(client) is None


def test_rejection_of_the_server_has_safe_headers(api):
    with api.connect(HEAD + b"a: b\r\n" * 101 + b"\r\n") as client:
        assert b"x-content-type-options: nosniff" in client.recv(4_096)


def test_the_second_request_of_a_connection_is_limited_too(api):
    with api.connect(HEALTH + HEALTH) as client:
        assert (status(client), status(client)) == (200, 200)
        client.sendall(HEAD + b"a: b\r\n" * 100 + b"\r\n")
        assert status(client) == 431


@pytest.mark.parametrize(
    ("begun", "more", "answer"),
    [
        pytest.param(HEAD + b"X-Slow: ", b"a", b"HTTP/1.1 408", id="header"),
        pytest.param(ANNOUNCED % 900, b"a", b"HTTP/1.1 408", id="body"),
        pytest.param(CHUNKED, b"1\r\na\r\n", b"HTTP/1.1 408", id="chunks"),
        pytest.param(b"", b"\r\n", b"HTTP/1.1 408", id="empty lines"),
        pytest.param(ANNOUNCED % 10_000_000, b"a", b"HTTP/1.1 413", id="rest of a rejected body"),
    ],
)
def test_a_request_that_does_not_end_is_ended(api, begun, more, answer):
    with api.connect(begun) as client:
        received, seconds = sent_until_closed(client, more)
    assert received.startswith(answer)
    assert received.count(b"HTTP/1.1") == 1
    assert RECEIVE_SECONDS / 2 < seconds < 10


def test_an_idle_connection_is_ended(api):
    with api.connect() as fresh, api.connect(HEALTH) as used:
        assert status(used) == 200
        assert status(fresh) is None
        assert status(used) is None


def test_an_idle_connection_is_closed_for_a_new_one(tmp_path):
    with api_in_thread(tmp_path, connections=4) as api:
        began = time.monotonic()
        idle = [api.connect() for _ in range(12)]
        assert api.status(HEALTH) == 200
        # The oldest ones have waited longest.
        assert [status(client) for client in idle[:9]] == [None] * 9
        assert not any(map(is_closed, idle[10:]))
        assert api.connections <= 4
        assert time.monotonic() < began + load_api().receive_seconds
        for client in idle:
            client.close()


def test_a_process_of_few_files_has_few_connections(tmp_path):
    with api_in_thread(tmp_path, files=16) as api:
        idle = [api.connect() for _ in range(8)]
        assert api.status(HEALTH) == 200
        assert api.connections <= 4
        for client in idle:
            client.close()


def test_a_request_that_is_answered_keeps_its_connection(tmp_path):
    answers = threading.Event()
    with api_in_thread(tmp_path, connections=2, receive_seconds=RECEIVE_SECONDS) as api:

        @api.app.get("/slow")
        async def answer() -> None:
            await asyncio.to_thread(answers.wait)

        with api.connect(HEALTH.replace(b"/health", b"/slow")) as busy:
            for _ in range(3):
                with api.connect() as idle:
                    # Ends later than a connection that waits since the busy one was made.
                    assert status(idle) is None
            answers.set()
            assert status(busy) == 200


def test_the_bodies_that_arrive_are_limited_together(tmp_path):
    with api_in_thread(tmp_path, body_bytes=1_000) as api:
        part = ANNOUNCED % 1_000 + b"a" * 999
        clients = [api.connect(part) for _ in range(4)]
        until(lambda: api.limits.body_bytes == 4 * 999)
        # The body that has waited longest makes room.
        assert api.status(part + b"a") == 422
        assert status(clients[0]) == 503
        for client in clients[1:]:
            client.sendall(b"a")
            assert status(client) == 422
        until(lambda: api.limits.body_bytes == 0)
        for client in clients:
            client.close()


def until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_websockets_do_not_pass_by_the_key(tmp_path):
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    with api_in_thread(tmp_path, key="secret") as api:
        assert api.status(HEAD.replace(b"/health", b"/version") + upgrade + key) == 401


@pytest.mark.parametrize(
    ("trusted", "statuses"),
    [("", [200, 429, 429]), ("10.0.0.0/8", [200, 429, 429]), ("127.0.0.1", [200, 200, 429])],
)
def test_the_rate_counts_the_address_that_a_named_proxy_forwards(tmp_path, trusted, statuses):
    # A second has to pass before a client may send its second request.
    with api_in_thread(tmp_path, trusted_proxies=trusted, rate=1) as api:
        addresses = (b"192.0.2.1", b"192.0.2.2", b"192.0.2.9, 192.0.2.1")
        requests = [HEAD + b"X-Forwarded-For: %s\r\n\r\n" % address for address in addresses]
        assert [api.status(request) for request in requests] == statuses


def test_an_unusable_proxy_is_named():
    with pytest.raises(SettingsError, match=r"API_TRUSTED_PROXIES: 'proxy.example' is not"):
        load_api({"AMAZON_REVIEWS_API_TRUSTED_PROXIES": "10.0.0.0/8, proxy.example"})


def test_the_open_files_are_raised_to_the_hard_limit():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1] // 2, limits[1]))
    try:
        assert server._raise_file_limit() == limits[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limits[1], limits[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def resident(process):
    """Return the memory of a process and its children in MiB."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    own = pages * resource.getpagesize() / 2**20
    return own + sum(resident(int(child)) for child in children)


def seconds_of_health(port):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as client:
        client.sendall(HEALTH)
        assert status(client) == 200
    return time.monotonic() - began


@pytest.mark.long
def test_an_attack_neither_fills_the_memory_nor_stops_the_service(tmp_path):
    port = free_port()
    # Half as many files as idle connections of the attack.
    command = ["sh", "-c", 'ulimit -n 1024 && exec "$@"', "sh", sys.executable]
    command += ["-m", "amazon_reviews.cli", "api", "--port", str(port)]
    environ = {
        "AMAZON_REVIEWS_WAREHOUSE": f"duckdb:///{tmp_path}/none.duckdb",
        "AMAZON_REVIEWS_MODELS": str(tmp_path / "none"),
    }
    with subprocess.Popen(command, env=os.environ | environ) as service:
        try:
            until(lambda: answers(port))
            for _ in range(200):
                seconds_of_health(port)
            before = most = resident(service.pid)
            attack = [sys.executable, "-m", attack_module.__name__, str(port), "600"]
            seconds = []
            with subprocess.Popen(attack) as attacking:
                while attacking.poll() is None:
                    seconds.append(seconds_of_health(port))
                    most = max(most, resident(service.pid))
                    time.sleep(0.05)
            assert attacking.returncode == 0
            assert len(seconds) > 10
            assert most < before + 50
            # The clients of the attack use the processor too.
            assert sorted(seconds)[len(seconds) * 99 // 100] < 0.5
            until(lambda: resident(service.pid) < before + 25)
        finally:
            service.terminate()


def answers(port):
    with suppress(OSError):
        return seconds_of_health(port)
