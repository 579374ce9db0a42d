"""Spans of requests to the API."""

from fastapi.testclient import TestClient

from amazon_reviews import config
from amazon_reviews.resources.tracing import tracer
from amazon_reviews.serving.api.app import service
from amazon_reviews.serving.api.settings import ApiSettings
from amazon_reviews_tests.http_receiver import receiving
from amazon_reviews_tests.otlp import attributes_of, spans_of

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_each_request_is_a_span_below_that_of_its_caller(tmp_path, monkeypatch):
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
        tracer.cache_clear()
        settings = config.load({"AMAZON_REVIEWS_WAREHOUSE": f"duckdb:///{tmp_path}/no.duckdb"})
        client = TestClient(service(settings, ApiSettings()))
        client.get("/health", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
        client.get("/titles/nobody-knows")
        requests = receiver.until(lambda found: len(spans_of(found)) == 2)
    tracer.cache_clear()

    health, title = sorted(spans_of(requests), key=lambda span: span.name)
    assert health.name == "GET /health"
    assert (health.trace_id.hex(), health.parent_span_id.hex()) == (TRACE, CALLER)
    assert attributes_of(health) == {
        "http.request.method": "GET",
        "http.route": "/health",
        "http.response.status_code": 200,
    }
    # A path of the client never becomes a name.
    assert "nobody" not in str(title)
    assert title.status.code == 2
