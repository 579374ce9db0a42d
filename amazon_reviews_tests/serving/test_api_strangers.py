"""The API in front of strangers: guessed keys, what replies tell, and who is served."""

import json
import logging
import re
import tracemalloc
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from amazon_reviews.cli import api as api_command
from amazon_reviews.cli import app as app_command
from amazon_reviews.cli import main
from amazon_reviews.serving.api import clients
from amazon_reviews.serving.api.clients import MOST_WRONG_KEYS, KeyCheck, address_of
from amazon_reviews_tests.serving.served import (
    open_tab,
    request,
    served_api,
    served_dashboard,
)

KEY = "right-key-of-the-test"
RIGHT, WRONG = {"X-API-Key": KEY}, {"X-API-Key": "wrong"}


@pytest.fixture(scope="module")
def api(make_service):
    with TestClient(make_service()) as client:
        yield client


@contextmanager
def client_of(app, address="203.0.113.9"):
    with TestClient(app, raise_server_exceptions=False, client=(address, 5000)) as client:
        yield client


@pytest.fixture
def clock(monkeypatch):
    """The clock of the limits, which stands still; its first item is the time."""
    now = [1_000.0]
    monkeypatch.setattr(clients, "monotonic", lambda: now[0])
    return now


def test_wrong_keys_are_throttled_and_logged_without_the_key(make_service, clock, caplog):
    caplog.set_level(logging.WARNING)
    with client_of(make_service(key=KEY)) as client:
        replies = [client.get("/titles/count", headers=WRONG) for _ in range(300)]

    statuses = [reply.status_code for reply in replies]
    assert statuses == [401] * MOST_WRONG_KEYS + [429] * (300 - MOST_WRONG_KEYS)
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 10
    lines = [line for line in caplog.messages if "203.0.113.9" in line]
    assert lines[-1].endswith(": 256")
    assert len(lines) < 10
    assert "wrong" not in caplog.text
    assert KEY not in caplog.text


def test_right_key_of_a_throttled_address_is_not_told_from_a_wrong_one(make_service, clock):
    app = make_service(key=KEY)
    with client_of(app) as client:
        for _ in range(MOST_WRONG_KEYS):
            client.get("/titles/count", headers=WRONG)
        rejected = client.get("/titles/count", headers=RIGHT)
        assert rejected.status_code == 429
        assert client.get("/ready", headers=RIGHT).json() == {"ready": True}
        clock[0] += int(rejected.headers["retry-after"])
        assert client.get("/titles/count", headers=RIGHT).status_code == 200
    with client_of(app, "203.0.113.10") as other:
        assert other.get("/titles/count", headers=RIGHT).status_code == 200


def test_guesser_locks_nobody_of_the_same_address_out(make_service, clock):
    with client_of(make_service(key=KEY)) as client:
        assert client.get("/titles/count", headers=RIGHT).status_code == 200
        for _ in range(3 * MOST_WRONG_KEYS):
            guess = client.get("/titles/count", headers=WRONG)
        assert guess.status_code == 429
        assert client.get("/titles/count", headers=RIGHT).status_code == 200


def test_request_without_a_key_is_no_guess(make_service, clock):
    with client_of(make_service(key=KEY)) as client:
        statuses = {client.get("/titles/count").status_code for _ in range(3 * MOST_WRONG_KEYS)}
        assert statuses == {401}
        assert client.get("/titles/count", headers=RIGHT).status_code == 200


def test_many_addresses_are_forgotten_again(monkeypatch, caplog):
    caplog.set_level(logging.CRITICAL)
    monkeypatch.setattr(clients, "_ADDRESSES", 100)
    keys = KeyCheck(KEY)
    assert keys.check("2001:db8::/64", KEY.encode()).accepted

    tracemalloc.start()
    try:
        for number in range(2_000):
            keys.check(f"address {number}", b"wrong")
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert grown < 100_000
    assert keys._known.keys() == {"2001:db8::/64"}


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("203.0.113.9", 1), "203.0.113.9"),
        (("::ffff:203.0.113.9", 1), "203.0.113.9"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("not an address\x1b[2J", 1), "an unknown address"),
        (None, "an unknown address"),
    ],
)
def test_client_counts_by_address_or_network(client, expected):
    assert address_of({"client": client}) == expected


@pytest.mark.parametrize("headers", [{}, WRONG])
def test_ready_shows_strangers_the_status_only(make_service, headers):
    with client_of(make_service(key=KEY)) as client:
        assert client.get("/ready", headers=headers).json() == {"ready": True}
        content = client.get("/ready", headers=RIGHT).json()
    assert content["tables"]["gold/titles"] == 0
    assert content["missing"] == []


def test_every_reply_has_safe_headers(make_service, monkeypatch):
    app = make_service(key=KEY, origins=("https://shop.example",), body_bytes=10)
    preflight = {"Origin": "https://shop.example", "Access-Control-Request-Method": "HEAD"}

    async def fail(*_):
        raise RuntimeError

    with client_of(app) as client:
        replies = [
            client.get("/health"),
            client.get("/titles/count", headers=RIGHT),
            client.get("/titles/count"),
            client.get("/none", headers=RIGHT),
            client.put("/health", headers=RIGHT),
            client.post("/sentiment", json={"text": "too large"}, headers=RIGHT),
            client.get("/titles/count?year=x&platform=x", headers=RIGHT),
            client.options("/titles/count", headers=preflight),
        ]
        monkeypatch.setattr(app.state.queries, "respond", fail)
        replies.append(client.get("/titles/count", headers=RIGHT))
    assert [r.status_code for r in replies] == [200, 200, 401, 404, 405, 413, 422, 200, 500]
    for reply in replies:
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"


def test_replies_without_a_key_may_be_stored(api):
    headers = api.get("/titles/count").headers

    assert headers["x-content-type-options"] == "nosniff"
    assert "cache-control" not in headers


@pytest.mark.parametrize("path", ["/titles/", "/health/", "/titles/count/"])
def test_no_reply_redirects_to_the_host_of_the_request(api, path):
    reply = api.get(path, headers={"Host": "evil.example"}, follow_redirects=False)

    assert reply.status_code == 404
    assert "evil.example" not in f"{reply.headers}{reply.text}"


def test_head_is_get_without_the_body(api):
    paths = api.app.openapi()["paths"]
    names = {"{id}": "A001", "{asin}": "P001", "{name}": "year_months"}
    gets = {path for path in paths if "get" in paths[path]} - {"/metrics"} | {
        "/docs",
        "/openapi.json",
    }
    for path in gets:
        for name, value in names.items():
            path = path.replace(name, value)
        whole, head = api.get(path), api.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        assert head.headers == whole.headers, path
    assert len(gets) > 15
    assert api.head("/metrics").status_code == 200
    assert api.head("/sentiment").status_code == 405


def test_documentation_loads_files_of_the_service_only(api):
    addresses = re.findall(r'(?:href|src)="([^"]*)"', api.get("/docs").text)

    assert len(addresses) == 3
    for address in addresses:
        assert address.startswith("/")
        assert api.get(address).status_code == 200


@pytest.fixture
def started(monkeypatch):
    """The commands that would have served by now."""
    started = []
    monkeypatch.setattr(api_command, "serve", lambda *_, **__: started.append("api"))
    monkeypatch.setattr(app_command.os, "execv", lambda *_, **__: started.append("app"))
    return started


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "localhost.example", "0"])
@pytest.mark.parametrize(
    ("command", "named"), [("api", "AMAZON_REVIEWS_API_KEY: set a key"), ("app", "--public")]
)
def test_other_machines_are_served_without_a_key_only_if_public(started, command, named, host):
    result = CliRunner().invoke(main, [command, "--host", host])

    assert (result.exit_code, started) == (2, [])
    assert named in result.stderr
    assert result.stderr.count("\n") == 1
    assert CliRunner().invoke(main, [command, "--host", host, "--public"]).exit_code == 0
    assert started == [command]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("command", ["api", "app"])
def test_this_machine_is_served_without_a_key(started, command, host):
    assert CliRunner().invoke(main, [command, "--host", host]).exit_code == 0
    assert started == [command]


def test_api_with_a_key_is_served_to_other_machines(started):
    environment = {"AMAZON_REVIEWS_API_KEY": KEY}
    assert CliRunner(env=environment).invoke(main, ["api", "--host", "0.0.0.0"]).exit_code == 0
    assert started == ["api"]


@pytest.fixture(scope="module")
def server(warehouse_url, models):
    """The address of the API as the console script serves it, with a key, to all machines."""
    environment = {
        "AMAZON_REVIEWS_WAREHOUSE": warehouse_url,
        "AMAZON_REVIEWS_MODELS": str(models),
        "AMAZON_REVIEWS_API_KEY": KEY,
    }
    with served_api(environment, "--host", "0.0.0.0") as address:
        yield address


@pytest.mark.long
def test_server_tells_strangers_nothing(server):
    for path, headers, expected in (
        ("/ready", {}, 200),
        ("/ready", WRONG, 200),
        ("/titles/count", {}, 401),
        ("/titles/count", RIGHT, 200),
        ("/titles/", RIGHT | {"Host": "evil.example"}, 404),
        ("//titles/count", RIGHT | {"Host": "evil.example"}, 404),
    ):
        status, fields, content = request(server, "GET", path, headers)
        assert status == expected
        assert fields["x-content-type-options"] == "nosniff"
        assert fields["cache-control"] == "no-store"
        assert path != "/ready" or json.loads(content) == {"ready": True}
        head_status, head_fields, nothing = request(server, "HEAD", path, headers)
        assert (head_status, nothing) == (status, b"")
        assert head_fields["content-length"] == fields["content-length"]
    statuses = [request(server, "GET", "/titles/count", WRONG)[0] for _ in range(300)]
    assert statuses.count(401) < 2 * MOST_WRONG_KEYS
    assert set(statuses) == {401, 429}
    assert request(server, "GET", "/titles/count", RIGHT)[0] == 200


@pytest.mark.long
@pytest.mark.parametrize("serve", [served_api, served_dashboard])
def test_server_without_a_key_starts_if_it_is_public(warehouse_url, serve):
    with serve({"AMAZON_REVIEWS_WAREHOUSE": warehouse_url}, "--host", "0.0.0.0", "--public"):
        pass


@pytest.mark.long
def test_documentation_is_shown_without_requests_to_other_hosts(browser, warehouse_url):
    with (
        served_api({"AMAZON_REVIEWS_WAREHOUSE": warehouse_url}) as address,
        open_tab(browser, address) as page,
    ):
        page.goto("/docs")
        page.get_by_text("/titles/max-duration").first.wait_for()
