"""Dashboard and API as the console script serves them, and tabs of a browser on the dashboard."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from amazon_reviews_tests.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@contextmanager
def served_dashboard(environment: Mapping[str, str], *options: str) -> Iterator[str]:
    """Yield the address of the dashboard, served with these settings during the block."""
    with _served(["amazon_reviews.cli", "app"], "/_stcore/health", environment, options) as address:
        yield address


@contextmanager
def served_api(environment: Mapping[str, str], *options: str) -> Iterator[str]:
    """Yield the address of the API, served with these settings during the block."""
    with _served(["amazon_reviews.cli", "api"], "/health", environment, options) as address:
        yield address


@contextmanager
def served_dagster(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of the Dagster UI, served with these settings during the block."""
    command = ["dagster_webserver", "-m", "amazon_reviews.definitions", "--host", "127.0.0.1"]
    with _served(command, "/server_info", environment, ()) as address:
        yield address


def request(
    address: str,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> tuple[int, Message, bytes]:
    """Send a request over a connection of its own; return status, headers and content."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=60)
    connection.request(method, path, body, headers or {})
    reply = connection.getresponse()
    result = reply.status, reply.headers, reply.read()
    connection.close()
    return result


@contextmanager
def _served(
    module: Sequence[str], health: str, environment: Mapping[str, str], options: Sequence[str]
) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", *module, "--port", str(port), *options]
    with subprocess.Popen(command, env=os.environ | environment) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}{health}", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers. Raises RuntimeError if its process ends before."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=60):
                return
        except OSError:
            continue
    raise RuntimeError(f"the server ended with exit code {server.returncode}")


@contextmanager
def open_tab(browser: "Browser", address: str, **options: Any) -> Iterator["Page"]:
    """Yield a fresh tab; failures and requests to other hosts fail the block."""
    options = {"viewport": {"width": 1280, "height": 900}} | options
    context = browser.new_context(base_url=address, **options)
    context.set_default_timeout(60_000)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("request", lambda request: failures.extend(_remote(request.url)))
    yield page
    context.close()
    assert failures == []


def _remote(url: str) -> list[str]:
    parts = urlsplit(url)
    is_local = parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"
    return [] if is_local else [url]
