"""Projects of which parts are missing, empty or rejected: all that can be made is made."""

import itertools
import json
from functools import partial, reduce
from operator import xor

import pytest
import streamlit as st
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from amazon_reviews import config
from amazon_reviews.assets import warehouse as warehouse_assets
from amazon_reviews.event_hub_server import EventHubServer
from amazon_reviews.models.minimums import no_model
from amazon_reviews.pipeline.accounting import all_accounts
from amazon_reviews.resources.lakehouse import row_count
from amazon_reviews.resources.warehouse import open_warehouse
from amazon_reviews.schemas import MART_TABLES
from amazon_reviews.serving.api.service import service
from amazon_reviews.serving.api.settings import ApiSettings
from amazon_reviews.serving.app.parts import guarded
from amazon_reviews.serving.app.views import (
    brands,
    categories,
    customers,
    overview,
    quality,
    ratings,
    recommendations,
    sentiment,
    titles,
)
from amazon_reviews.serving.report.contents import REVIEWS_REPORT
from amazon_reviews.serving.report.titles import TITLES_REPORT
from amazon_reviews_tests.dagster.project import Project, environment
from amazon_reviews_tests.helpers import event, product, review, rows, upload, upload_bytes

DATASETS = ("reviews", "products", "titles", "title_ratings", "stream")
STATES = ("absent", "some", "rejected", "empty")
FILES = {
    "reviews": ("amazon_reviews/partition_1", "a.json.gz"),
    "products": ("amazon_metadata/partition_1", "a.json.gz"),
    "titles": ("titles", "netflix_titles.csv"),
    "title_ratings": ("title_ratings", "1.csv"),
}
PARTITIONS = dict.fromkeys(("reviews", "products"), "partition_1") | {
    "titles": "netflix",
    "title_ratings": "1",
}
REVIEWED = [
    review(reviewerID=f"A{user}", asin=f"B{asin}", reviewText=f"Text {user} {asin}.")
    for user, asin in itertools.product(range(4), range(3))
    if user != asin
]
EVENTS = [event(reviewerID=f"S{n}", asin="B0", reviewText=f"Event {n}.") for n in range(3)]
TITLES = "show_id,type,title,release_year,duration,cast\n"
RATINGS = "userId,rating,timestamp,movieId\n"
CONTENT = {
    ("reviews", "some"): "".join(f"{json.dumps(record)}\n" for record in REVIEWED),
    ("reviews", "rejected"): '{"reviewerID": "A1"}\nnot json\n',
    ("reviews", "empty"): "\n \n",
    ("products", "some"): f"{json.dumps(product(asin='B0'))}\n{json.dumps(product(asin='B9'))}\n",
    ("products", "rejected"): "{'asin': 'B1'}\n{'asin': 'B2'}\n",
    ("products", "empty"): "",
    ("titles", "some"): f"{TITLES}s1,Movie,One,2019,90 min,Ann\ns2,TV Show,Two,2020,1 Season,\n",
    ("titles", "rejected"): f"{TITLES},Movie,One,2019,90 min,Ann\n,Movie,Two,2019,80 min,\n",
    ("titles", "empty"): TITLES,
    ("title_ratings", "some"): f"{RATINGS}1,5.0,1425941529,ns1\n2,4.0,1425941530,ns1\n",
    ("title_ratings", "rejected"): f"{RATINGS}1,9.0,1425941529,ns1\n2,-1,1425941530,ns1\n",
    ("title_ratings", "empty"): RATINGS,
}
SENT = {"some": EVENTS, "rejected": [b"not json", b"{}"], "empty": []}
PUBLISHED = {table.key for table in warehouse_assets._LOADED}
PAGES = (
    brands,
    categories,
    customers,
    overview,
    quality,
    ratings,
    recommendations,
    sentiment,
    titles,
)


def combinations(free):
    """States of the five datasets so that each choice of states of any `free` of them occurs once.

    An orthogonal array: its columns are linear forms over the field of four elements, of which
    any `free` are independent.
    """
    forms = {
        2: ((1, 0), (0, 1), (1, 1), (1, 2), (1, 3)),
        3: ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, 2, 3)),
    }
    for point in itertools.product(range(4), repeat=free):
        yield tuple(STATES[reduce(xor, map(multiplied, form, point))] for form in forms[free])


def multiplied(a, b):
    """The product in the field of four elements, in which 1, 2 and 3 are powers of 2."""
    return a and b and (1, 2, 3)[(a + b - 2) % 3]


def named(states):
    return "-".join(f"{state}_{dataset}" for dataset, state in zip(DATASETS, states, strict=True))


def test_the_combinations_hold_every_choice_of_states():
    for free in (2, 3):
        rows = list(combinations(free))
        for columns in itertools.combinations(range(len(DATASETS)), free):
            chosen = {tuple(row[column] for column in columns) for row in rows}
            assert len(chosen) == len(rows) == 4**free


@pytest.fixture(scope="module")
def server():
    with EventHubServer({"reviews": 1}) as server:
        yield server


@pytest.fixture
def project_of(tmp_path, spark, server, empty_store, monkeypatch):
    """Makes a project with these states of its datasets."""

    def make(states):
        there = dict(zip(DATASETS, states, strict=True))
        settings = {}
        if there["stream"] != "absent":
            server.recreate("reviews")
            settings[config.EVENT_HUB] = server.connection_string("reviews")
            if bodies := SENT[there["stream"]]:
                server.append("reviews", "0", *bodies)
        empty_store(tmp_path / "models")
        for name, value in (environment(tmp_path) | settings).items():
            monkeypatch.setenv(name, value)
        project = Project(tmp_path, **settings)
        for dataset, state in there.items():
            if (dataset, state) in CONTENT:
                folder, file = FILES[dataset]
                content = CONTENT[dataset, state].encode()
                upload_bytes(project.landing, *folder.partition("/")[::2], content, file)
        return project

    return make


@pytest.mark.parametrize("states", [*combinations(2)], ids=named)
def test_a_partial_project_is_made_as_far_as_it_can_be(project_of, states, monkeypatch):
    check_project(project_of(states), states, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize(
    "states",
    sorted({*combinations(3), *itertools.product(("absent", "some"), repeat=5)}),
    ids=named,
)
def test_every_subset_and_every_three_states_are_made_as_far_as_they_can_be(
    project_of, states, monkeypatch
):
    check_project(project_of(states), states, monkeypatch)


def many(number, **fields):
    """Reviews that differ by user and product, every fourth of one star if no stars are given."""
    for n in range(number):
        own = {name: value(n) if callable(value) else value for name, value in fields.items()}
        usual = {"reviewerID": f"A{n % 40}", "asin": f"B{n // 40}", "overall": 1 + 4 * (n % 4 > 0)}
        yield review(**(usual | own))


DEGENERATE = {
    "one line without a date and without a text": [
        review(unixReviewTime=..., reviewText="", summary="")
    ],
    "one product": [review(reviewerID=f"A{n}", overall=1 + 2 * n) for n in range(3)],
    "one user who reviewed all": [review(asin=f"B{n}") for n in range(30)],
    "one day and the same stars": list(many(250, overall=4)),
    "texts that are empty, and no dates": list(
        many(250, reviewText="", summary="", unixReviewTime=...)
    ),
    "one text": list(many(250, reviewText="The same.", summary=...)),
    "unrated": list(many(5, overall=0)),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_reviews_are_made_and_shown(project_of, name, monkeypatch):
    project = project_of(["absent"] * len(DATASETS))
    upload(project.landing, "amazon_reviews", "partition_1", *DEGENERATE[name])
    upload(project.landing, "amazon_metadata", "partition_1", product(asin="B0"))

    first = project.run("*")

    assert first.failures == []
    assert project.run("*").nothing_new
    assert row_count(project.lakehouse.delta("gold/reviews")) == len(DEGENERATE[name])
    check_reports(project)
    check_api(project)
    check_pages(project, monkeypatch)


def check_project(project, states, monkeypatch):
    there = dict(zip(DATASETS, states, strict=True))
    first = project.run("*")
    again = project.run("*")

    assert again.stages == []
    assert first.failures == again.failures
    # Only what a landing partition lost as a whole is a failure.
    assert [failure.partition(":")[0] for failure in first.failures] == [
        f"silver/{dataset} {PARTITIONS[dataset]}"
        for dataset in FILES
        if there[dataset] == "rejected"
    ]
    assert all(" 0 of 2 lines could be used " in failure for failure in first.failures)
    assert all(account.balanced for account in all_accounts(project.lakehouse))
    check_tables(project, there)
    check_reports(project)
    check_api(project)
    check_pages(project, monkeypatch)


def check_tables(project, there):
    warehouse = open_warehouse(project.settings.warehouse)
    assert set(warehouse.versions()) == PUBLISHED
    some = {dataset for dataset, state in there.items() if state == "some"}
    expected = {
        "gold/reviews": len(REVIEWED) * ("reviews" in some) + len(EVENTS) * ("stream" in some),
        "gold/products": 2 * ("products" in some),
        "gold/titles": 2 * ("titles" in some),
    }
    for key, count in expected.items():
        assert warehouse.describe(key).rows == count
        assert row_count(project.lakehouse.delta(key)) == count
    rated = sum(count for (count,) in rows(project.lakehouse, "gold/titles", "ratings"))
    assert rated == 2 * ({"titles", "title_ratings"} <= some)


def check_reports(project):
    folder = project.settings.report.parent
    for path, report in (
        (project.settings.report, REVIEWS_REPORT),
        (folder / "titles" / "report.html", TITLES_REPORT),
    ):
        page = path.read_text()
        panels = sum(len(section.panels) for section in report.sections)
        assert page.count("<figure") == panels
        assert "is not in the warehouse" not in page
    assert (folder / "recommender.md").is_file()
    assert (folder / "titles" / "titles.parquet").is_file()


def check_api(project):
    app = service(project.settings, ApiSettings())
    known = {"id": "A1", "asin": "B0", "scored": 3, "search": "o", "user": "1", "title": "ns1"}
    missing = {no_model("sentiment"), no_model("title_ratings")}
    with TestClient(app, raise_server_exceptions=False) as client:
        replies = [client.post("/sentiment", json={"text": "It works well."})]
        for path, operations in app.openapi()["paths"].items():
            if "get" not in operations:
                continue
            given = {p["name"]: p["in"] for p in operations["get"].get("parameters", ())}
            query = {name: known[name] for name in given.keys() & known if given[name] == "query"}
            names = [table.key.split("/")[1] for table in MART_TABLES] if "name" in given else [""]
            for name in names:
                address = path.format(**known, name=name)
                replies.append(client.get(address, params=query))
    for reply in replies:
        assert reply.status_code in (200, 404) or reply.json()["detail"] in missing, reply.text


def check_pages(project, monkeypatch):
    """Every tab of every page, on the filters that come first."""
    st.cache_resource.clear()
    st.cache_data.clear()
    for module in PAGES:
        # Else only the open tab is made.
        monkeypatch.setattr(module, "sections", every_section, raising=False)
        app = AppTest.from_function(page, kwargs={"name": module.__name__}, default_timeout=60)
        app.run()
        assert not app.exception, (module.__name__, app.exception)
        told = [message.value for message in app.info]
        assert not [text for text in told if "is not in the warehouse" in text]
        assert not [text for text in told if "cannot be read" in text]


def every_section(page, contents, filters):
    for content in contents.values():
        guarded(partial(content, filters))


def page(name):
    import importlib

    from amazon_reviews.serving.app.asking import look_at_tables
    from amazon_reviews.serving.app.filtering import chosen_filters

    look_at_tables()
    importlib.import_module(name).show(chosen_filters())
