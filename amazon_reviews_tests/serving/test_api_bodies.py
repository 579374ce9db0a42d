"""Wrong requests to the API: what errors tell, and how long large bodies take."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from amazon_reviews.serving.api.bodies import parse
from amazon_reviews.serving.api.sentiment import _REQUEST
from amazon_reviews_tests.serving.served import request, served_api

JSON = {"content-type": "application/json"}
CANARY = "canary"
MOST_LAG_SECONDS = 0.05
BYTES = 1_900_000


def repeated(part, before="", after="", separator=","):
    """Return about 1.9 MB of JSON: a part again and again, numbered where it has a {}."""
    count = BYTES // (len(part.format(100_000)) + len(separator))
    return (before + separator.join(part.format(n) for n in range(count)) + after).encode()


LARGE_BODIES = {
    "unknown keys": repeated('"canary{:06}":0', '{"text":"fine",', "}"),
    "one key again and again": repeated('"canary":1', "{", "}"),
    "nested lists": b"[" * (BYTES // 2) + b"]" * (BYTES // 2),
    "nested objects": b'{"canary":' * (BYTES // 11) + b"1" + b"}" * (BYTES // 11),
    "numbers": repeated("7", '{"texts":[', "]}"),
    "empty lists": repeated("[]", '{"texts":[', "]}"),
    "short texts": repeated('"canary"', '{"texts":[', "]}"),
    "one text": b'{"text":"' + b"canary" * (BYTES // 6) + b'"}',
    "escaped quotes": b'{"text":"' + rb"\"" * (BYTES // 2) + b'"}',
    "escaped backslashes": b'{"text":"' + rb"\\" * (BYTES // 2) + b'"}',
    "escaped letters": b'{"text":"' + rb"\u00e9" * (BYTES // 6) + b'"}',
    "blanks": b" " * BYTES,
    "quotes": b'"' * BYTES,
    "a text without end": b'{"text":"' + b"canary" * (BYTES // 6),
}
SMALL_BODIES = {
    "a few hundred unknown keys": json.dumps({f"canary{n}": "canary" for n in range(300)}).encode(),
    "a few hundred numbers": json.dumps({"texts": [*range(300)], "task": "canary"}).encode(),
    "not JSON": b'{"text": canary}',
    "another type": b'"canary"',
    "nothing": b"",
}


@pytest.fixture(scope="module")
def app(make_service):
    return make_service()


@pytest.fixture(scope="module")
def api(app):
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("name", LARGE_BODIES | SMALL_BODIES)
def test_error_of_a_wrong_body_is_short_and_repeats_nothing(api, name):
    reply = api.post("/sentiment", content=(LARGE_BODIES | SMALL_BODIES)[name], headers=JSON)

    assert reply.status_code == 422
    assert len(reply.content) <= 16 << 10
    assert len(reply.json()["detail"]) <= 20
    assert CANARY not in reply.text


def test_error_lists_twenty_faults_and_the_number_of_the_others(api):
    content = api.post("/sentiment", json={"texts": [*range(60)]}).json()

    places = [tuple(fault["loc"][-2:]) for fault in content["detail"]]
    assert len(set(places)) == 20
    # Each number is a fault, and so are the missing text and the unknown texts of the other form.
    assert content["more"] == 60 + 2 - 20


def test_unknown_names_are_one_fault_for_each_form(api):
    content = api.post("/sentiment", json={"text": "fine"} | {f"k{n}": 1 for n in range(99)}).json()

    unknown = [fault["loc"] for fault in content["detail"] if fault["type"] == "extra_forbidden"]
    assert unknown == [["body", "OneText"], ["body", "ManyTexts"]]


@pytest.mark.parametrize(
    "path",
    [
        "/titles/canary",
        "/products/canary",
        "/products/canary/similar",
        "/users/canary/recommendations",
        "/analytics/canary",
        "/titles/count?platform=canary",
        "/titles/max-duration?year=1871",
        "/canary",
    ],
)
def test_error_repeats_no_part_of_the_address(api, path):
    reply = api.get(path)

    # Recommendations need a key.
    assert reply.status_code in (401, 404, 422)
    assert CANARY not in reply.text
    assert "1871" not in reply.text


def test_as_many_and_as_long_texts_as_allowed_are_parsed():
    texts = ['He said: "{[,]}" \\ ' * 900] * 100

    assert parse(json.dumps({"texts": texts}, indent=4).encode(), _REQUEST).texts == texts


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", ""])
def test_body_of_another_type_is_rejected(api, kind):
    reply = api.post("/sentiment", content=b'{"text": "fine"}', headers={"content-type": kind})

    assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (
        422,
        ["header", "content-type"],
    )


async def post(app, body):
    """Send a body to the service without a server; return the status of the reply."""
    statuses = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/sentiment",
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
        "client": ("127.0.0.1", 5000),
    }

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        statuses.append(message.get("status"))

    await app(scope, receive, send)
    return statuses[0]


async def most_lag_during(work):
    """Return the longest time for which this process worked, and the event loop had to wait."""
    lags = []

    async def probe():
        while True:
            # The time of the processor: other processes may be busy too.
            started = time.process_time()
            await asyncio.sleep(0.001)
            lags.append(time.process_time() - started)

    probing = asyncio.create_task(probe())
    await asyncio.sleep(0)
    await work
    probing.cancel()
    return max(lags)


@pytest.mark.parametrize("name", LARGE_BODIES)
def test_five_large_bodies_do_not_block_the_event_loop(app, name):
    async def five():
        statuses = await asyncio.gather(*(post(app, LARGE_BODIES[name]) for _ in range(5)))
        assert statuses == [422] * 5

    # A lag that the bodies cause is there each time.
    lags = [asyncio.run(most_lag_during(five())) for _ in range(3)]
    assert min(lags) <= MOST_LAG_SECONDS


@pytest.fixture(scope="module")
def server(warehouse_url, models):
    """The address of the API as the console script serves it, with its models loaded."""
    variables = {"AMAZON_REVIEWS_WAREHOUSE": warehouse_url, "AMAZON_REVIEWS_MODELS": str(models)}
    with served_api(variables) as address:
        while request(address, "GET", "/version")[0] != 200:
            continue
        # The first request of a route takes longer.
        assert request(address, "POST", "/sentiment", JSON, b"{}")[0] == 422
        yield address


@pytest.mark.long
@pytest.mark.parametrize("name", LARGE_BODIES)
def test_five_large_bodies_do_not_delay_other_requests(server, name):
    def send(_):
        return request(server, "POST", "/sentiment", JSON, LARGE_BODIES[name])

    with ThreadPoolExecutor(5) as threads:
        replies = threads.map(send, range(5))
        delays = []
        while len(delays) < 50:
            started = time.perf_counter()
            assert request(server, "GET", "/health")[0] == 200
            delays.append(time.perf_counter() - started)
        for status, _, content in replies:
            assert status == 422
            assert len(content) <= 16 << 10
            assert CANARY.encode() not in content
    assert max(delays) < 0.5
