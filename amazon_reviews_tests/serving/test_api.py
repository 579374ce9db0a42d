"""The API service: responses against rows counted one by one, limits and errors."""

import json
import time
from collections import Counter
from contextlib import contextmanager

import pyarrow as pa
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from amazon_reviews import config
from amazon_reviews.errors import SettingsError
from amazon_reviews.models.loading import no_model
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews.schemas import MART_TABLES
from amazon_reviews.serving.api import cached_queries as module
from amazon_reviews.serving.api import titles as endpoints
from amazon_reviews.serving.api.app import service
from amazon_reviews.serving.api.settings import MOST_TEXTS, ApiSettings, load_api
from amazon_reviews.serving.queries import recommender
from amazon_reviews.serving.queries.query import Query
from amazon_reviews_tests.serving import synthetic, synthetic_titles

KEY = "key of the tests"


def environment(warehouse_url, models):
    return {"AMAZON_REVIEWS_WAREHOUSE": warehouse_url, "AMAZON_REVIEWS_MODELS": str(models)}


@contextmanager
def serving(url, models, **limits):
    """A client of a service with these limits; it gets the errors of the service as responses."""
    # Shorter than a setting may be.
    short = {name: limits.pop(name) for name in ("seconds",) if name in limits}
    settings = ApiSettings(**limits).model_copy(update=short)
    app = service(config.load(environment(url, models)), settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@contextmanager
def serving_persons(url, models):
    """A client with the key of a service, which answers about persons."""
    with serving(url, models, key=SecretStr(KEY)) as client:
        client.headers["X-API-Key"] = KEY
        yield client


@pytest.fixture(scope="module")
def keyed(warehouse_url, models):
    with serving_persons(warehouse_url, models) as client:
        yield client


@pytest.fixture(scope="module")
def api(warehouse_url, models):
    with serving(warehouse_url, models) as client:
        yield client


@pytest.fixture(scope="module")
def titles():
    return synthetic_titles.titles()


def get(client, path, status=200, **parameters):
    reply = client.get(path, params=parameters)
    assert reply.status_code == status, reply.text
    return reply.json()


@pytest.mark.parametrize("path", ["/titles/max-duration", "/get_max_duration"])
def test_max_duration_is_the_longest_title(api, titles, path):
    films = [t for t in titles if t["duration_type"] == "min"]
    content = get(api, path)
    assert content["id"] == max(films, key=lambda t: t["duration_int"])["id"]
    assert content["versions"] == {"gold/titles": 0}

    given = {"platform": "netflix", "year": 2018, "duration_type": "season"}
    chosen = [t for t in titles if (t["platform"], t["release_year"]) == ("netflix", 2018)]
    longest = max(t["duration_int"] for t in chosen if t["duration_type"] == "season")
    assert get(api, path, **given)["duration_int"] == longest


@pytest.mark.parametrize("path", ["/titles/score-count", "/get_score_count"])
@pytest.mark.parametrize("kind", ["movie", "tv show", "all"])
def test_score_count_is_the_titles_above_a_score(api, titles, path, kind):
    expected = sum(
        t["platform"] == "amazon"
        and t["release_year"] == 2017
        and (t["mean_rating"] or 0) > 3.1
        and kind in (t["type"], "all")
        for t in titles
    )

    content = get(api, path, platform="amazon", scored=3.1, year=2017, type=kind)

    assert content["count"] == expected


@pytest.mark.parametrize("path", ["/titles/count", "/get_count_platform"])
def test_count_is_the_films_of_a_platform(api, titles, path):
    films = Counter(t["platform"] for t in titles if t["type"] == "movie")

    assert get(api, path, platform="disney")["count"] == films["disney"]
    assert get(api, path)["count"] == films.total()
    assert get(api, path, type="all")["count"] == len(titles)


@pytest.mark.parametrize("path", ["/titles/top-actor", "/get_actor"])
def test_top_actor_is_the_most_frequent_one(api, titles, path):
    chosen = [t for t in titles if (t["platform"], t["release_year"]) == ("amazon", 2019)]
    times = Counter(name for t in chosen for name in set(t["actors"]))
    actor, count = min(times.items(), key=lambda pair: (-pair[1], pair[0]))

    content = get(api, path, platform="amazon", year=2019)

    assert (content["actor"], content["appearances"]) == (actor, count)
    assert "names its cast" in get(api, path, 404, platform="hulu")["detail"]


def test_titles_are_found_by_id_and_by_name(api, titles):
    (expected,) = (t for t in titles if t["id"] == "ds1")
    content = get(api, "/titles/DS1")
    assert (content["title"], content["actors"]) == (expected["title"], expected["actors"])
    assert "rescued" not in content
    assert get(api, "/titles/none", 404)["detail"] == "there is no title with this id"
    listed = get(api, "/titles", search="TITLE 1", limit=3)["titles"]
    assert len(listed) == 3
    assert all("title 1" in t["title"] for t in listed)
    assert get(api, "/titles", search="o'neil; DROP TABLE")["titles"] == []


def test_a_predicted_rating_is_that_of_the_model(keyed):
    expected = synthetic_titles.predictor().predict_rating("u3", "as4")

    content = get(keyed, "/titles/predict", user="u3", title="AS4")

    assert content == {
        "user": "u3",
        "title": "as4",
        "rating": pytest.approx(expected.rating, abs=1e-4),
        "user_known": True,
        "title_known": True,
        "model": {"name": "title_ratings", "version": 1},
    }
    assert get(keyed, "/titles/predict", user="u5", title="as4")["rating"] != content["rating"]


def test_a_rating_is_predicted_for_unknown_users_and_titles(keyed):
    mean = synthetic_titles.predictor().recommender.mean_
    for user, title, known in (
        ("nobody", "none", (False, False)),
        ("u3", "none", (True, False)),
        ("u3", "ds1", (True, False)),
        ("nobody", "as4", (False, True)),
    ):
        content = get(keyed, "/titles/predict", user=user, title=title)
        assert (content["user_known"], content["title_known"]) == known
        assert (content["rating"] == pytest.approx(float(mean), abs=1e-4)) == (not any(known))
    for given in ({"user": "u3"}, {"user": "", "title": "as4"}, {"user": "u" * 65, "title": "as4"}):
        assert get(keyed, "/titles/predict", 422, **given)["detail"]


def test_a_product_has_its_reviews_by_stars_and_month(api, reviews):
    of_product = [r for r in reviews if r["product_asin"] == "P003"]
    stars = Counter(str(int(r["overall"])) for r in of_product if r["overall"])

    content = get(api, "/products/P003")

    assert content["facts"]["reviews"] == len(of_product)
    assert Counter(content["stars"]) == stars
    assert sum(month["reviews"] for month in content["trend"]) == sum(
        r["year"] is not None for r in of_product
    )
    assert set(content["versions"]) == {"gold/product_ratings", "gold/product_months"}
    assert get(api, "/products/P999", 404)["detail"].endswith("has this asin")


def test_the_asin_of_a_variant_gives_the_product_of_its_family(api):
    assert get(api, "/products/P003V") == get(api, "/products/P003")


def test_similar_and_recommended_products_are_listed(api, keyed):
    content = get(api, "/products/P001/similar", limit=2)
    assert [(row["place"], row["asin"], row["title"]) for row in content["products"]] == [
        (1, "P002", "Product 2"),
        (2, "P999", None),
    ]
    assert (content["method"], content["model_version"]) == ("content", "v1")
    assert [row["price"] for row in content["products"]] == [7.0, None]
    content = get(keyed, "/users/A001/recommendations")
    assert [(row["asin"], row["because_asin"], row["cold"]) for row in content["products"]] == [
        ("P003", "P001", False),
        ("P004", None, True),
    ]
    # The price of P004 is imputed.
    assert [row["price"] for row in content["products"]] == [10.0, None]
    assert get(api, "/products/P003")["facts"]["price"] == 10.0
    assert get(api, "/products/P004")["facts"]["price"] is None
    assert get(keyed, "/users/nobody/recommendations", 404)["detail"].startswith(
        "no user with this id"
    )
    assert "this asin" in get(api, "/products/nothing/similar", 404)["detail"]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 500])
def test_recommendations_are_complete_in_ranges_of_any_size(
    warehouse_url, models, monkeypatch, rows
):
    monkeypatch.setattr(recommender, "_RANGE_ROWS", rows)
    with serving_persons(warehouse_url, models) as client:
        for _ in range(2):
            for user, asins in {"A001": ["P003", "P004"], "A002": ["P001", "P003"]}.items():
                content = get(client, f"/users/{user}/recommendations")
                assert (content["user"], [row["asin"] for row in content["products"]]) == (
                    user,
                    asins,
                )
        first = get(client, "/users/A002/recommendations", limit=1)
        assert [row["asin"] for row in first["products"]] == ["P001"]


def test_pages_of_a_mart_join_to_its_rows(api):
    whole = get(api, "/analytics/year_months")["rows"]
    pages = [get(api, "/analytics/year_months", limit=7, offset=n)["rows"] for n in (0, 7, 14)]
    assert [row for page in pages for row in page] == whole[:21]
    wrong = get(api, "/analytics/reviews", 422)["detail"][0]
    assert "'year_months'" in wrong["msg"]


def test_lists_have_no_ids_and_no_rare_names(api, reviews):
    rows = get(api, "/analytics/customer_phrases", limit=1_000)["rows"]
    replies = [api.get(f"/analytics/{table.name}?limit=1000") for table in MART_TABLES]

    assert {*rows[0]} == {"summary", "place", "uses"}
    texts = "".join(reply.text for reply in replies if reply.status_code == 200)
    private = {*(review["reviewer_id"] for review in reviews), synthetic.RARE_NAME}
    assert "Amazon Customer" in texts
    assert [text for text in private if text in texts] == []


@pytest.mark.parametrize("path", ["/users/A001/recommendations", "/titles/predict?user=u3&title=a"])
def test_an_endpoint_about_a_person_needs_a_key_that_is_set_and_sent(api, keyed, path):
    for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": KEY}):
        reply = api.get(path, headers=headers)
        assert reply.status_code == 401
        assert "AMAZON_REVIEWS_API_KEY" in reply.json()["detail"]
    assert api.get("/analytics/totals").status_code == 200
    assert keyed.get(path, headers={"X-API-Key": ""}).status_code == 401
    assert keyed.get(path).status_code == 200


def test_sentiment_of_a_text_equals_that_in_a_batch(api):
    single = api.post("/sentiment", json={"text": "terrible, it broke"}).json()
    many = api.post("/sentiment", json={"texts": ["terrible, it broke", "", "12"]}).json()

    assert single["model"] == many["model"] == {"name": "sentiment", "version": 1}
    first, empty, digits = many["results"]
    assert first == {name: single[name] for name in first}
    assert first["label"] in ("negative", "positive")
    assert 0.5 <= first["probability"] <= 1
    assert {"broke", "terrible"} & {word["words"] for word in first["words"]}
    assert first["known"]
    assert first["start"]["label"] in ("negative", "positive")
    assert 0.5 <= first["start"]["probability"] <= 1
    assert (empty["label"], empty["refused"]) == (None, "the text is empty")
    assert digits["refused"] == "the text has only digits"


def test_too_large_batches_and_texts_are_rejected(api):
    for body in ({"texts": ["a b"] * (MOST_TEXTS + 1)}, {"text": "x" * 20_001}, {}, {"texts": []}):
        reply = api.post("/sentiment", json=body)
        assert reply.status_code == 422
        assert "x" * 100 not in reply.text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/titles/count?platform=disney%2B", "'amazon', 'disney', 'hulu' or 'netflix'"),
        ("/titles/max-duration?year=soon", "valid integer"),
        ("/titles/max-duration?duration_type=hours", "'min' or 'season'"),
        ("/titles/score-count?scored=9", "less than or equal to 5"),
        ("/titles/score-count", "Field required"),
        ("/titles?search=a&limit=1000", "less than or equal to 100"),
    ],
)
def test_a_wrong_parameter_gets_the_allowed_values(api, path, allowed):
    reply = api.get(path)

    assert reply.status_code == 422
    assert allowed in reply.json()["detail"][0]["msg"]


def test_a_too_large_body_is_rejected(warehouse_url, models):
    with serving(warehouse_url, models, body_bytes=200) as client:
        assert client.post("/sentiment", json={"text": "fine"}).status_code == 200
        assert client.post("/sentiment", json={"text": "fine " * 80}).status_code == 413
        chunks = iter([b'{"text": "', b"a" * 300, b'"}'])
        headers = {"content-type": "application/json"}
        reply = client.post("/sentiment", content=chunks, headers=headers)
        assert (reply.status_code, reply.json()["detail"]) == (
            413,
            "the body is larger than 200 bytes",
        )


def test_a_key_is_required_if_one_is_set(warehouse_url, models):
    with serving(warehouse_url, models, key=SecretStr("säcret")) as client:
        assert client.get("/titles/count").status_code == 401
        assert client.get("/titles/count", headers={"X-API-Key": "wrong"}).status_code == 401
        right = {"X-API-Key": "säcret".encode()}
        assert client.get("/titles/count", headers=right).status_code == 200
        assert client.get("/health").status_code == client.get("/ready").status_code == 200
    assert "säcret" not in repr(ApiSettings(key="säcret"))


def test_a_client_above_the_rate_is_rejected(warehouse_url, models):
    with serving(warehouse_url, models, rate=180) as client:
        replies = [client.get("/health") for _ in range(8)]
    codes = [reply.status_code for reply in replies]
    assert codes[:3] == [200] * 3
    # On a busy machine a further request may be allowed after a third of a second.
    assert codes[3:].count(429) > 2
    rejected = replies[3 + codes[3:].index(429)]
    assert int(rejected.headers["retry-after"]) >= 1


def test_only_pages_of_named_sites_may_send_requests(warehouse_url, models):
    origin = {"Origin": "https://shop.example"}
    with serving(warehouse_url, models) as client:
        assert "access-control-allow-origin" not in client.get("/health", headers=origin).headers
    with serving(warehouse_url, models, origins=("https://shop.example",)) as client:
        allowed = client.get("/health", headers=origin).headers
        assert allowed["access-control-allow-origin"] == "https://shop.example"
        other = client.get("/health", headers={"Origin": "https://evil.example"}).headers
        assert "access-control-allow-origin" not in other


def test_a_page_of_a_named_site_may_use_every_route(warehouse_url, models):
    preflight = {"Access-Control-Request-Headers": "content-type,x-api-key"}
    with serving(warehouse_url, models, origins=("https://shop.example",), key="k") as client:
        paths = client.app.openapi()["paths"]
        routes = [(path, method.upper()) for path in paths for method in paths[path]]
        assert ("/sentiment", "POST") in routes
        for path, method in routes:
            headers = preflight | {"Access-Control-Request-Method": method}
            named = client.options(path, headers=headers | {"Origin": "https://shop.example"})
            assert named.status_code == 200, (path, method, named.text)
            assert named.headers["access-control-allow-origin"] == "https://shop.example"
            assert method in named.headers["access-control-allow-methods"]
            other = client.options(path, headers=headers | {"Origin": "https://evil.example"})
            assert other.status_code == 400
            assert "access-control-allow-origin" not in other.headers
        response = client.post(
            "/sentiment",
            json={"text": "good"},
            headers={"Origin": "https://shop.example", "X-API-Key": "k"},
        )
    assert response.headers["access-control-allow-origin"] == "https://shop.example"
    assert response.status_code == 200


def test_a_slow_query_ends_with_504(warehouse_url, models, monkeypatch):
    released = []

    def slow(warehouse, *_):
        deadline = time.monotonic() + 5
        while not released and time.monotonic() < deadline:
            pass
        return pa.table({"titles": [0]})

    query = Query(("gold/titles",), slow)
    monkeypatch.setattr(endpoints, "_count", module.CachedQuery(query, endpoints._count.contents))
    with serving(warehouse_url, models, seconds=0.2) as client:
        reply = client.get("/titles/count")
        released.append(True)
    assert (reply.status_code, "no response within" in reply.text) == (504, True)


def test_an_error_is_not_shown_to_the_client(warehouse_url, models, monkeypatch):
    def broken(warehouse, *_):
        raise RuntimeError("/secret/path")

    query = Query(("gold/titles",), broken)
    monkeypatch.setattr(endpoints, "_count", module.CachedQuery(query, endpoints._count.contents))
    with serving(warehouse_url, models) as client:
        reply = client.get("/titles/count")
    assert (reply.status_code, reply.json()) == (
        500,
        {"detail": "the service failed; its log has the reason"},
    )


def test_a_cold_start_names_the_missing_data(tmp_path):
    with serving_persons(f"duckdb:///{tmp_path}/none.duckdb", tmp_path / "models") as client:
        assert client.get("/health").json() == {"status": "ok"}
        content = get(client, "/ready", 503)
        assert not content["ready"]
        assert content["missing"] == ["warehouse", "sentiment", "title_ratings"]
        assert (
            "gold/titles is not in the warehouse yet" in get(client, "/titles/count", 503)["detail"]
        )
        reply = client.post("/sentiment", json={"text": "fine"})
        assert (reply.status_code, "there is no sentiment model; " in reply.text) == (503, True)
        detail = get(client, "/titles/predict", 503, user="u1", title="ns3")["detail"]
        assert detail == no_model("title_ratings")


def test_an_unreadable_warehouse_is_503_without_its_path(tmp_path):
    (tmp_path / "bad.duckdb").write_bytes(b"no database" * 1000)
    with serving(f"duckdb:///{tmp_path}/bad.duckdb", tmp_path / "models") as client:
        reply = client.get("/titles/count")
    assert reply.status_code == 503
    assert str(tmp_path) not in reply.text


def test_an_unreadable_model_is_missing_and_named_in_the_log(
    warehouse_url, tmp_path, empty_store, caplog
):
    empty_store(tmp_path)
    (tmp_path / "other.model").write_bytes(b"of another program")
    for name in ("sentiment", "title_ratings"):
        ModelStore(tmp_path).publish(name, tmp_path / "other.model", Record(), make_current=True)
    with serving_persons(warehouse_url, tmp_path) as client:
        assert get(client, "/ready")["missing"] == ["sentiment", "title_ratings"]
        for reply in (
            client.post("/sentiment", json={"text": "fine"}),
            client.get("/titles/predict", params={"user": "u1", "title": "ns3"}),
        ):
            assert (reply.status_code, "cannot be read" in reply.text) == (503, True)
            assert str(tmp_path) not in reply.text
    assert "other.model: not a sentiment model" in caplog.text


def test_version_and_metrics_name_tables_models_and_routes(api):
    content = get(api, "/version")
    assert content["tables"]["gold/titles"] == 0
    assert content["models"] == {"sentiment": 1, "title_ratings": 1}
    get(api, "/titles/none", 404)
    text = api.get("/metrics").text
    assert 'api_requests_total{method="GET",route="/titles/{id}",status="404"}' in text
    assert "none" not in {line.split('route="')[1].split('"')[0] for line in text.splitlines()
                          if 'route="/titles' in line}  # fmt: skip


def test_newly_loaded_tables_are_read_without_a_failed_request(tmp_path, models, monkeypatch):
    monkeypatch.setattr(module, "VERSIONS_SECONDS", 0.0)
    tables = synthetic_titles.tables()
    url = synthetic.write_warehouse(tmp_path, tables)
    with serving(url, models) as client:
        assert get(client, "/titles/count", type="all") == {
            "count": 60,
            "versions": {"gold/titles": 0},
        }
        for version in range(1, 4):
            fewer = {"gold/titles": tables["gold/titles"].slice(0, 60 - version)}
            synthetic.write_warehouse(tmp_path, fewer)
            content = get(client, "/titles/count", type="all")
            assert content == {"count": 60 - version, "versions": {"gold/titles": version}}


def test_the_openapi_schema_names_every_endpoint(api):
    paths = json.loads(api.get("/openapi.json").text)["paths"]

    assert {"/titles/{id}", "/get_actor", "/products/{asin}", "/sentiment"} < set(paths)
    assert api.get("/docs").status_code == 200


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"AMAZON_REVIEWS_API_RATE": "0"}, "AMAZON_REVIEWS_API_RATE"),
        ({"AMAZON_REVIEWS_API_ORIGINS": "*"}, "AMAZON_REVIEWS_API_ORIGINS"),
        ({"AMAZON_REVIEWS_API_BODY_BYTES": "much"}, "AMAZON_REVIEWS_API_BODY_BYTES"),
    ],
)
def test_a_wrong_setting_is_named(environ, named):
    with pytest.raises(SettingsError, match=named):
        load_api(environ)


def test_settings_are_read_from_the_environment():
    content = load_api(
        {
            "AMAZON_REVIEWS_API_KEY": "k",
            "AMAZON_REVIEWS_API_ORIGINS": "https://a.example, https://b.example",
            "AMAZON_REVIEWS_API_SECONDS": "3",
        }
    )
    assert (content.key.get_secret_value(), content.origins, content.seconds) == (
        "k",
        ("https://a.example", "https://b.example"),
        3,
    )
