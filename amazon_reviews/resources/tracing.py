"""Spans for an OpenTelemetry collector, configured by the variables of OpenTelemetry.

Without an endpoint nothing is imported and nothing is sent. Spans go over HTTP, as protobuf.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from amazon_reviews.resources.background_sender import BackgroundSender

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""The variables of OpenTelemetry that name a collector, and so turn spans on."""

_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
_SECONDS = 2

EXTRA = "pip install 'amazon-reviews[observability]'"
"""The command that installs the packages for spans and OpenLineage."""

_SERVICE = "service.name"
_log = logging.getLogger(__name__)


def is_configured(environ: Mapping[str, str]) -> bool:
    """Return True if the variables ask for spans."""
    return (
        any(environ.get(name) for name in ENDPOINTS)
        and environ.get("OTEL_SDK_DISABLED", "").lower() != "true"
        and environ.get("OTEL_TRACES_EXPORTER", "otlp") != "none"
    )


@cache
def tracer() -> "Tracer | None":
    """Return the tracer of this process, None if no endpoint is configured."""
    if not is_configured(os.environ):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        _log.warning("%s is set, but the packages for spans are missing: %s", ENDPOINTS[0], EXTRA)
        return None
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExportResult

    # It would log every failed attempt; the sender logs that spans are not sent.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    # None leaves it to the variables. The exporter tries again until the time is over.
    exporter = OTLPSpanExporter(timeout=None if set(_TIMEOUTS) & {*os.environ} else _SECONDS)

    def send(spans: Sequence["ReadableSpan"]) -> None:
        if exporter.export(spans) is not SpanExportResult.SUCCESS:
            raise ConnectionError("the OpenTelemetry endpoint does not take them")

    sender = BackgroundSender("spans", send)

    class Sending(SpanProcessor):
        """Hands every span that ends to the sender.

        The batch processor of the SDK waits up to 30 seconds for an endpoint when a process ends.
        """

        def on_end(self, span: "ReadableSpan") -> None:
            if span.context and span.context.trace_flags.sampled:
                sender.put(span)

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            sender.flush(timeout_millis / 1000)
            return True

    resource = Resource.create()
    if str(resource.attributes[_SERVICE]).startswith("unknown_service"):
        resource = resource.merge(Resource({_SERVICE: "amazon-reviews"}))
    # The sender waits for the last spans itself when the process ends.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(Sending())
    return provider.get_tracer("amazon_reviews", version("amazon-reviews"))


def add_request(
    tracer: "Tracer", parent: str, started_at: int, request: tuple[str, str, int]
) -> None:
    """Add the span of a request that ends now.

    Args:
        tracer: the tracer of this process.
        parent: the header `traceparent`, empty without one.
        started_at: nanoseconds of the epoch.
        request: method, route and status.
    """
    from opentelemetry.trace import SpanKind, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    method, route, status = request
    span = tracer.start_span(
        f"{method} {route}",
        TraceContextTextMapPropagator().extract({"traceparent": parent}),
        kind=SpanKind.SERVER,
        start_time=started_at,
        attributes={
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        },
    )
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    span.end()
