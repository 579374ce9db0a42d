"""Azurite, the storage emulator of Azure, and a proxy to it that injects faults."""

import base64
import http.client
import os
import secrets
import socket
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

from azure.storage.blob import ContainerClient, generate_container_sas

from amazon_reviews_tests.ports import free_port

PROGRAM = (
    Path(__file__).parents[1] / ".azurite" / "node_modules" / "azurite" / "dist/src/blob/main.js"
)
ACCOUNT = "reviews"
_START_SECONDS = 60


@dataclass(frozen=True)
class Azurite:
    """A running emulator with one account."""

    port: int
    key: str

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def container(self, name: str) -> ContainerClient:
        """Create a container and return its client, with the access of its owner."""
        client = ContainerClient(self.endpoint, name, credential=self.key)
        client.create_container()
        return client

    def sas(self, container: str, permissions: str = "rl", hours: float = 1.0) -> str:
        """Return a token for a container."""
        now = datetime.now(UTC)
        return generate_container_sas(
            ACCOUNT,
            container,
            account_key=self.key,
            permission=permissions,
            start=now - timedelta(hours=2),
            expiry=now + timedelta(hours=hours),
        )


@contextmanager
def running_azurite() -> Iterator["Azurite"]:
    """Run Azurite on a free port, with a new account and key."""
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    port = free_port()
    command = ["node", str(PROGRAM), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    environ = os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + _START_SECONDS
        while not _is_listening(port):
            assert process.poll() is None, "Azurite ended"
            assert time.monotonic() < end, "Azurite does not respond"
            time.sleep(0.02)
        yield Azurite(port, key)
    finally:
        process.kill()
        process.wait()


def _is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class FaultyProxy:
    """A loopback proxy; each element of `faults` applies to one of the next downloads.

    A number is the status of the response, "cut" ends the connection in the middle of the body.
    """

    def __init__(self, port: int) -> None:
        self.faults: deque[int | str | None] = deque()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                is_download = "comp=list" not in self.path
                fault = proxy.faults.popleft() if is_download and proxy.faults else None
                if isinstance(fault, int):
                    self._respond(fault, {"x-ms-error-code": "ServerBusy"}, b"")
                    return
                upstream = http.client.HTTPConnection("127.0.0.1", port)
                upstream.request("GET", self.path, headers=dict(self.headers))
                response = upstream.getresponse()
                body = response.read()
                headers = {
                    name: value
                    for name, value in response.getheaders()
                    if name.lower() not in ("transfer-encoding", "connection", "content-length")
                }
                self._respond(response.status, headers, body, cut=fault == "cut")

            def _respond(
                self, status: int, headers: dict[str, str], body: bytes, cut: bool = False
            ) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if cut else body)
                self.close_connection = cut

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/{ACCOUNT}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
