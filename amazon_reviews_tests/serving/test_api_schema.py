"""Requests that the OpenAPI schema allows, and many that it does not: no server error."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from amazon_reviews import config
from amazon_reviews.serving.api.app import service
from amazon_reviews.serving.api.settings import ApiSettings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
# Endpoints about persons answer with a key only.
KEY = "key of the tests"


@pytest.fixture(scope="module")
def schema(warehouse_url, models):
    environment = {
        "AMAZON_REVIEWS_WAREHOUSE": warehouse_url,
        "AMAZON_REVIEWS_MODELS": str(models),
    }
    app = service(config.load(environment), ApiSettings(key=KEY))
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers={"X-API-Key": KEY})


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_makes_the_service_fail(schema, mode):
    requests = [_try(each.ok(), mode) for each in schema.get_all_operations()]

    assert len(requests) > 15
    assert sum(requests) > EXAMPLES


def _try(operation, mode):
    """Return the number of tried requests; an operation without parameters cannot be misused."""
    statuses = []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def send(case):
        reply = case.call(headers={"X-API-Key": KEY})
        statuses.append(reply.status_code)
        # The synthetic warehouse lacks some marts, which the service reports.
        lacks = reply.status_code == 503 and "is not in the warehouse yet" in reply.text
        case.validate_response(reply, checks=CHECKS[1:] if lacks else CHECKS)

    parameters = [*operation.iter_parameters(), *operation.body]
    if parameters or mode is GenerationMode.POSITIVE:
        send()
    return len(statuses)
