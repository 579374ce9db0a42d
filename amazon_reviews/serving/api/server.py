"""The server of the API: uvicorn, with limits for clients that send too much or too slowly.

uvicorn limits neither the headers of a request nor the time in which it arrives. Every limit counts
per worker.
"""

import asyncio
import json
import os
import resource
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import resource_tracker
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.serving.api import health
from amazon_reviews.serving.api.settings import ApiSettings, load_api

HEADER_BYTES = 64 << 10
"""Bytes that the request line and the headers of a request may have together."""

HEADER_LINES = 100
"""Headers of a request; a short one takes twenty times its bytes in memory."""

# Bodies of the largest size that may arrive or be worked on at a time.
_LARGEST_BODIES = 4
# The rest of the open files is for new connections, tables and models.
_FILES_PER_CONNECTION = 4
# Shorter than the grace period after which a second signal ends the process.
_SHUTDOWN_SECONDS = 2


def serve(host: str, port: int, workers: int) -> None:
    """Serve until interrupted.

    Raises:
        SettingsError: a setting of the API cannot be used.
    """
    options = uvicorn_options(load_api(), _raise_file_limit())
    with temporary_folder(prefix="amazon_reviews_metrics_") as folder:
        if workers > 1:
            os.environ[health.MULTIPROCESS] = folder
            # For the workers, which inherit it: one that is still starting would print a traceback.
            # Other threads of this process receive the signal, and uvicorn then sends SIGTERM.
            # The start of the first worker would unblock it, were the tracker not running.
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        app = "amazon_reviews.serving.api.app:create_app"
        uvicorn.run(app, factory=True, host=host, port=port, workers=workers, **options)


def uvicorn_options(settings: ApiSettings, files: int) -> dict[str, Any]:
    """Return the options of uvicorn for a process that may open a number of files."""
    most = max(1, min(settings.connections, files // _FILES_PER_CONNECTION))
    bodies = _LARGEST_BODIES * settings.body_bytes
    return {
        "http": partial(LimitedProtocol, Connections(most, settings.receive_seconds, bodies)),
        # No endpoint speaks WebSocket, and its handshake would pass by the limits and the key.
        "ws": "none",
        "timeout_keep_alive": settings.receive_seconds,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "access_log": False,
        "server_header": False,
        "log_level": "warning",
        "timeout_graceful_shutdown": _SHUTDOWN_SECONDS,
    }


def _raise_file_limit() -> int:
    """Raise the number of files that this process and its workers may open; return it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS names no limit, and then accepts none.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@dataclass
class Connections:
    """The limits of a worker's connections, and what these hold together.

    `waiting` has the connections whose client is to send something, the longest wait first.
    """

    most: int
    seconds: float
    most_body_bytes: int
    body_bytes: int = 0
    waiting: dict["LimitedProtocol", None] = field(default_factory=dict)


class RejectedError(Exception):
    """Stops the parser, after the request was answered with an error."""


class LimitedProtocol(HttpToolsProtocol):
    """A connection that ends when its client exceeds a limit.

    A client has `seconds` to begin a request and `seconds` to send all of it. A connection above
    `most` closes the one that has waited longest for its client, so that idle ones shut nobody out.
    """

    def __init__(self, limits: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self._header_lines = self._body_bytes = 0
        # Since the parser completed headers or a part of a body: what it may hold in memory.
        self._pending_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Close another connection if there are too many."""
        super().connection_made(transport)
        self._wait_for_client()
        if len(self.connections) > self._limits.most:
            next(iter(self._limits.waiting))._abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release what the connection holds."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._release_body()

    def data_received(self, data: bytes) -> None:
        """Parse no more at a time than the headers may still have."""
        while data and not self.transport.is_closing():
            room = HEADER_BYTES - self._pending_bytes
            self._pending_bytes += len(data[:room])
            super().data_received(data[:room])
            data = data[room:]
            if self._pending_bytes >= HEADER_BYTES:
                self._reject_headers()

    def on_message_begin(self) -> None:
        """Start the time of a request."""
        super().on_message_begin()
        self._header_lines = 0
        if self.cycle is not None and self.cycle.response_complete:
            self.cycle = None  # type: ignore[assignment]
        if self._deadline is not None:
            self._wait_for_client()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count headers, those after the body included."""
        self._header_lines += 1
        if self._header_lines > HEADER_LINES:
            self._reject_headers()
            raise RejectedError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start to answer the request."""
        self._pending_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the bytes of a body until it is answered; the slowest ones make room for it."""
        self._pending_bytes = 0
        if not self.cycle.response_complete:
            self._body_bytes += len(body)
            self._limits.body_bytes += len(body)
        while self._limits.body_bytes > self._limits.most_body_bytes:
            slowest = next((each for each in self._limits.waiting if each._body_bytes), self)
            slowest._reject(503, "too many large bodies arrive at the moment; try again later")
            if slowest is self:
                raise RejectedError
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the time of a request."""
        super().on_message_complete()
        self._pending_bytes = 0
        if self.cycle.response_complete:
            self._wait_for_client()
        else:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of one that is answered already."""
        super().on_response_complete()
        self._release_body()
        # A client may send the next request before it has read the response.
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self._wait_for_client()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that cannot be parsed."""
        self._reject(400, msg)

    def _wait_for_client(self) -> None:
        self._stop_waiting()
        self._limits.waiting[self] = None
        self._deadline = self.loop.call_later(self._limits.seconds, self._end_wait)

    def _stop_waiting(self) -> None:
        self._limits.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_wait(self) -> None:
        begun = self._pending_bytes or (self.cycle is not None and self.cycle.more_body)
        if begun and not self.transport.is_closing():
            self._reject(
                408, f"the request took more than {self._limits.seconds} seconds to arrive"
            )
        else:
            # The client does not read its response, or has nothing to send.
            self._abort()

    def _abort(self) -> None:
        self._stop_waiting()
        self.transport.abort()

    def _reject_headers(self) -> None:
        limits = f"{HEADER_BYTES} bytes or {HEADER_LINES} lines"
        self._reject(431, f"the headers have more than {limits}")

    def _reject(self, status: int, detail: str) -> None:
        """Answer the request that arrives, unless its response has begun, and close."""
        self._release_body()
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started:
            self._abort()
            return
        body = json.dumps({"detail": detail}).encode()
        lines = (
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"x-content-type-options: nosniff",
            b"connection: close",
            b"",
            body,
        )
        self.transport.write(STATUS_LINE[status] + b"\r\n".join(lines))
        self.transport.close()
        # The connection is aborted if the client does not read the response.
        self._wait_for_client()

    def _release_body(self) -> None:
        self._limits.body_bytes -= self._body_bytes
        self._body_bytes = 0
