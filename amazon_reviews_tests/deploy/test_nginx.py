"""deploy/nginx.conf in a running nginx: TLS, passwords, limits, the client's address, WebSocket."""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from http.client import RemoteDisconnected

import pytest
from websockets.sync.client import connect as connect_websocket

from amazon_reviews_tests.deploy.nginx import LOGIN, NGINX, PASSWORD, running_nginx
from amazon_reviews_tests.ports import free_port, wait_for_port
from amazon_reviews_tests.serving.api_in_thread import api_in_thread
from amazon_reviews_tests.serving.conftest import CHROMIUM
from amazon_reviews_tests.serving.served import served_dashboard

pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """The API behind nginx; a client may send one request in a minute."""
    folder = tmp_path_factory.mktemp("api")
    settings = {"key": "k", "trusted_proxies": "127.0.0.1", "rate": 1}
    with api_in_thread(folder, **settings) as api:
        yield api


@pytest.fixture(scope="module")
def nginx(tmp_path_factory, api):
    with running_nginx(tmp_path_factory.mktemp("nginx"), {8000: api.port}) as nginx:
        yield nginx


def test_the_api_counts_the_client_and_not_the_proxy(nginx):
    def status(source, forwarded):
        headers = {"X-Forwarded-For": forwarded}
        return nginx.request("api", "/health", headers, source=source).status

    assert status("127.0.0.2", "192.0.2.1") == 200
    assert status("127.0.0.3", "192.0.2.1") == 200
    # The address that the client names is replaced.
    assert status("127.0.0.2", "192.0.2.2") == 429


def test_the_api_asks_for_its_key_and_hides_its_metrics(nginx):
    assert nginx.request("api", "/version", source="127.0.0.4").status == 401
    assert nginx.request("api", "/metrics", {"X-API-Key": "k"}).status == 404


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [({"X-Long": "a" * 20_000}, None, 400), ({}, b"a" * (3 << 20), 413)],
    ids=["header", "body"],
)
def test_nginx_rejects_what_is_too_large(nginx, headers, body, status):
    assert nginx.request("api", "/sentiment", headers, body).status == status


@pytest.mark.parametrize("name", ["dashboard", "dagster"])
def test_the_pages_need_a_password(nginx, name):
    assert nginx.request(name).status == 401
    # Nothing listens behind nginx here.
    assert nginx.request(name, headers=LOGIN).status == 502


def test_http_leads_to_https_for_known_names_only(nginx):
    def answer(host):
        with socket.create_connection(("127.0.0.1", nginx.http)) as client:
            client.sendall(b"GET /docs HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host)
            return client.makefile("rb").read()

    assert b"\r\nLocation: https://api.example.org/docs\r\n" in answer(b"api.example.org")
    assert answer(b"evil.example.com") == b""
    with pytest.raises(RemoteDisconnected):
        nginx.request("other")


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_the_dashboard_works_in_a_browser_through_nginx(tmp_path):
    from playwright.sync_api import sync_playwright

    empty = {
        "AMAZON_REVIEWS_WAREHOUSE": f"duckdb:///{tmp_path}/none.duckdb",
        "AMAZON_REVIEWS_MODELS": str(tmp_path / "none"),
    }
    with ExitStack() as running:
        address = running.enter_context(served_dashboard(empty))
        port = int(address.rpartition(":")[2])
        nginx = running.enter_context(running_nginx(tmp_path, {8501: port}))
        chromium = running.enter_context(sync_playwright()).chromium
        resolve = f"--host-resolver-rules=MAP dashboard.example.org 127.0.0.1:{nginx.https}"
        browser = chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", resolve])
        page = browser.new_page(
            ignore_https_errors=True,
            http_credentials={"username": "ana", "password": PASSWORD},
        )
        page.goto("https://dashboard.example.org/")
        # The content of a page comes over the WebSocket.
        page.get_by_role("heading").first.wait_for(timeout=60_000)
        browser.close()


@pytest.mark.long
def test_the_dagster_ui_has_its_websocket_through_nginx(tmp_path):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    port = free_port()
    command = [sys.executable, "-m", "dagster_webserver", "--empty-workspace", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | {"DAGSTER_HOME": str(tmp_path)}) as server:
        try:
            wait_for_port(port, server)
            with running_nginx(tmp_path, {3000: port}) as nginx:
                assert nginx.request("dagster", "/server_info").status == 401
                assert b"dagster" in nginx.request("dagster", "/server_info", LOGIN).read()
                with connect_websocket(
                    # The connection has its TLS already.
                    "ws://dagster.example.org/graphql",
                    sock=nginx.connect("dagster"),
                    additional_headers=LOGIN,
                    subprotocols=["graphql-ws"],
                ) as client:
                    client.send(json.dumps({"type": "connection_init"}))
                    assert json.loads(client.recv(timeout=60))["type"] == "connection_ack"
        finally:
            server.terminate()
