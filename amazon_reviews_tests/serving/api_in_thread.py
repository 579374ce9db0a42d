"""The API in a thread, on the server that the command starts, and raw requests to it."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI

from amazon_reviews import config
from amazon_reviews.serving.api.app import service
from amazon_reviews.serving.api.server import Connections, uvicorn_options
from amazon_reviews.serving.api.settings import ApiSettings
from amazon_reviews_tests.ports import free_port

PATIENCE_SECONDS = 30
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class ServedApi:
    """A running service, its port and its server."""

    app: FastAPI
    port: int
    server: uvicorn.Server

    @property
    def connections(self) -> int:
        """Return the number of connections that the server holds."""
        return len(self.server.server_state.connections)

    @property
    def limits(self) -> Connections:
        """Return the limits of the server, with what its connections hold."""
        limits: Connections = self.server.config.http.args[0]  # type: ignore[union-attr]
        return limits

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Return a connection that has sent these bytes."""
        client = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        client.sendall(sent)
        return client

    def status(self, sent: bytes) -> int | None:
        """Send bytes on a connection of their own; return the status of the response."""
        with self.connect(sent) as client:
            return status(client)


@contextmanager
def api_in_thread(folder: Path, files: int = 10_000, **settings: Any) -> Iterator[ServedApi]:
    """Serve without data on a free port; a process of `files` open files is assumed."""
    # Shorter than the setting may be.
    short = {name: settings.pop(name) for name in ("receive_seconds",) if name in settings}
    limits = ApiSettings(**settings).model_copy(update=short)
    places = {
        "AMAZON_REVIEWS_WAREHOUSE": f"duckdb:///{folder}/none.duckdb",
        "AMAZON_REVIEWS_MODELS": str(folder / "none"),
    }
    app = service(config.load(places), limits)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, **uvicorn_options(limits, files)))
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield ServedApi(app, port, server)
    finally:
        server.should_exit = True
        thread.join()


def status(client: socket.socket) -> int | None:
    """Read the next response, and return its status; None if the connection ends without one."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        try:
            byte = client.recv(1)
        except ConnectionError:
            return None
        if not byte:
            return None
        head += byte
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    client.recv(length, socket.MSG_WAITALL)
    return int(head.split(b" ", 2)[1])


def sent_until_closed(client: socket.socket, more: bytes) -> tuple[bytes, float]:
    """Send bytes again and again until the server closes; return its answer and the seconds."""
    began = time.monotonic()
    received = b""
    client.settimeout(0.01)
    while time.monotonic() < began + PATIENCE_SECONDS:
        try:
            client.sendall(more)
            part = client.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            break
        if not part:
            break
        received += part
    return received, time.monotonic() - began


def is_closed(client: socket.socket) -> bool:
    """Return True if the server has closed the connection."""
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        client.settimeout(PATIENCE_SECONDS)
