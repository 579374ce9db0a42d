"""Spans as a collector of OpenTelemetry gets them: protobuf over HTTP."""

from collections.abc import Iterable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from amazon_reviews_tests.http_receiver import Received


def spans_of(requests: Iterable[Received]) -> list[Span]:
    """Return the spans that were sent."""
    spans: list[Span] = []
    for request in (request for request in requests if request.path == "/v1/traces"):
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            assert names["service.name"] == "amazon-reviews"
            spans += [span for scope in resource.scope_spans for span in scope.spans]
    return spans


def attributes_of(span: Span) -> dict[str, str | int]:
    """Return the attributes of a span, without the prefix of the project's own."""
    values = ((a.key, a.value.string_value or a.value.int_value) for a in span.attributes)
    return {key.removeprefix("amazon_reviews."): value for key, value in values}
