"""Middleware of all requests: key, rate, size of the body, metrics and headers of replies."""

import json
import time
from collections.abc import Mapping, Sequence

from fastapi import HTTPException
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from amazon_reviews.resources.tracing import add_request, tracer
from amazon_reviews.serving.api.clients import Buckets, KeyCheck, address_of
from amazon_reviews.serving.api.settings import ApiSettings

OPEN = ("/health", "/ready")
"""Paths that need no key, because load balancers and monitoring request them."""
NOSNIFF = {"x-content-type-options": "nosniff"}
"""Headers of every reply: a browser does not guess a type, and so runs no data as a script."""
NO_STORE = {"cache-control": "no-store"}
"""Headers of a reply that belongs to the sender of the request, and to no cache."""

_KEY_NEEDED = f"send the value of {ApiSettings.variable('key')} in the header X-API-Key"
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


class Cors(CORSMiddleware):
    """CORS, whose replies to preflight requests have safe headers like all others."""

    def __init__(
        self, app: ASGIApp, origins: Sequence[str], safe_headers: Mapping[str, str]
    ) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["X-API-Key"],
        )
        self.preflight_headers |= safe_headers


class Guard:
    """ASGI middleware that rejects requests with 401, 413 or 429 before the application runs.

    The state of a request has `trusted`: True if no key is set, or the request has the right one.
    Every reply gets the safe headers. HEAD is GET without the body.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ApiSettings,
        metrics: Metrics,
        safe_headers: Mapping[str, str],
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._safe_headers = _encoded(safe_headers)
        self._keys = KeyCheck(settings.key.get_secret_value())
        # A bucket is full after a second without requests.
        per_second = settings.rate / 60
        self._requests = Buckets(max(per_second, 1.0), per_second)
        self._tracer = tracer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or reject it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at, started, status = time.time_ns(), time.perf_counter(), 500
        method = _method(scope)
        if method == "HEAD":
            scope = {**scope, "method": "GET"}

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._safe_headers]
            elif method == "HEAD":
                message["body"] = b""
            await send(message)

        self._metrics.under_way.inc()
        try:
            await self._guarded(scope, receive, send_safely)
        finally:
            self._metrics.under_way.dec()
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)
            if self._tracer:
                parent = Headers(scope=scope).get("traceparent", "")
                add_request(self._tracer, parent, started_at, (method, route, status))

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        address = address_of(scope)
        key = self._keys.check(address, headers.get("x-api-key", "").encode("latin-1"))
        scope.setdefault("state", {})["trusted"] = key.accepted
        if not (key.accepted or scope["path"] in OPEN or scope["method"] == "OPTIONS"):
            if key.wait:
                await _reject(send, 429, "too many wrong keys", key.wait)
            else:
                await _reject(send, 401, _KEY_NEEDED)
            return
        if wait := self._requests.take(address):
            await _reject(send, 429, f"more than {self._settings.rate} requests a minute", wait)
            return
        most = self._settings.body_bytes
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > most:
            await _reject(send, 413, f"the body is larger than {most} bytes")
            return
        await self._app(scope, _Body(receive, most).receive, send)


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


async def _reject(send: Send, status: int, detail: str, wait: float = 0) -> None:
    """Send an error; `wait` is the seconds after which to try again, or 0."""
    body = json.dumps({"detail": detail}).encode()
    fields = {"content-type": "application/json", "content-length": str(len(body))}
    if wait:
        fields["retry-after"] = str(int(wait) + 1)
    await send({"type": "http.response.start", "status": status, "headers": _encoded(fields)})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
