"""The dashboard as the console script serves it, and tabs of a browser on it."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from amazon_reviews_tests.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@contextmanager
def served_dashboard(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of the dashboard, served with these settings during the block."""
    port = free_port()
    command = [sys.executable, "-m", "amazon_reviews.cli", "app", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | environment) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
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
