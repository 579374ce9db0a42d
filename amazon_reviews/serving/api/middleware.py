"""Middleware of all requests: key, rate, size of the body, and metrics."""

import hmac
import json
import time
from collections import OrderedDict

from fastapi import HTTPException
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from amazon_reviews.serving.api.settings import ApiSettings

OPEN = ("/health", "/ready")
"""Paths that need no key, because load balancers and monitoring request them."""

_CLIENTS = 10_000
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10)


class Metrics:
    """Counts of requests by route and status, their seconds, and the requests under way."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter("api_requests", "Requests.", labels, registry=registry)
        self.seconds = Histogram(
            "api_request_seconds", "Seconds of requests.", labels[1:2], "", "", "", registry,
            buckets=_BUCKETS,
        )  # fmt: skip
        self.under_way = Gauge(
            "api_requests_under_way",
            "Requests under way.",
            registry=registry,
            multiprocess_mode="livesum",
        )


class BodyTooLargeError(HTTPException):
    """A body without an announced length is larger than allowed."""

    def __init__(self, most: int) -> None:
        super().__init__(413, f"the body is larger than {most} bytes")


class Guard:
    """ASGI middleware that rejects requests with 401, 413 or 429 before the application runs."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or reject it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.under_way.inc()
        try:
            await self._guarded(scope, receive, send_and_note_status)
        finally:
            self._metrics.under_way.dec()
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(_method(scope), route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not self._is_allowed(scope, headers):
            await _reject(send, 401, "a key is needed in the header X-API-Key")
            return
        client = scope["client"][0] if scope.get("client") else ""
        if (wait := self._seconds_to_wait(client)) > 0:
            detail = f"more than {self._settings.rate} requests a minute"
            await _reject(send, 429, detail, {"retry-after": str(int(wait) + 1)})
            return
        most = self._settings.body_bytes
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > most:
            await _reject(send, 413, f"the body is larger than {most} bytes")
            return
        await self._app(scope, _Body(receive, most).receive, send)

    def _is_allowed(self, scope: Scope, headers: Headers) -> bool:
        key = self._settings.key.get_secret_value()
        if not key or scope["path"] in OPEN or scope["method"] == "OPTIONS":
            return True
        # A plain comparison ends at the first difference, so its time would reveal the key.
        return hmac.compare_digest(headers.get("x-api-key", "").encode("latin-1"), key.encode())

    def _seconds_to_wait(self, client: str) -> float:
        """Take a token of the client's bucket; return 0, or the seconds until it has one.

        A bucket is full after a second without requests.
        """
        rate = self._settings.rate / 60
        now = time.monotonic()
        tokens, seen = self._buckets.pop(client, (max(rate, 1.0), now))
        tokens = min(max(rate, 1.0), tokens + (now - seen) * rate)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - 1 if allowed else tokens, now)
        while len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / rate


class _Body:
    """A request's body, whose bytes are counted while they arrive."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = self._left = most

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise BodyTooLargeError(self._most)
        return message


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
    return scope["method"] if scope["method"] in known else "other"


async def _reject(
    send: Send, status: int, detail: str, headers: dict[str, str] | None = None
) -> None:
    body = json.dumps({"detail": detail}).encode()
    fields = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **(headers or {}),
    }
    encoded = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
