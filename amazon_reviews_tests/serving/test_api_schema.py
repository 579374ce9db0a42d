"""Whatever requests the OpenAPI schema allows, and many that it does not: no error of ours."""

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


@pytest.fixture(scope="module")
def schema(warehouse_url, models):
    environment = {
        "AMAZON_REVIEWS_WAREHOUSE": warehouse_url,
        "AMAZON_REVIEWS_MODELS": str(models),
    }
    app = service(config.load(environment), ApiSettings())
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_makes_the_service_fail(schema, mode):
    tried = [_try(found.ok(), mode) for found in schema.get_all_operations()]

    assert len(tried) > 15
    assert sum(tried) > EXAMPLES


def _try(operation, mode):
    """How many requests were tried; an operation without parameters has nothing to get wrong."""
    statuses = []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case):
        reply = case.call()
        statuses.append(reply.status_code)
        # The synthetic warehouse lacks some marts, of which the service says just that.
        lacks = reply.status_code == 503 and "is not in the warehouse yet" in reply.text
        case.validate_response(reply, checks=CHECKS[1:] if lacks else CHECKS)

    parameters = [*operation.iter_parameters(), *operation.body]
    if parameters or mode is GenerationMode.POSITIVE:
        ask()
    return len(statuses)
