"""The datasets of partial projects, and checks of their reports, API and pages."""

import itertools
import json
from collections.abc import Collection, Mapping
from functools import partial

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from amazon_reviews.models.loading import no_model
from amazon_reviews.schemas import MART_TABLES, PUBLISHED
from amazon_reviews.serving.api.app import service
from amazon_reviews.serving.api.settings import ApiSettings
from amazon_reviews.serving.dashboard.components import Content, guarded
from amazon_reviews.serving.dashboard.pages import PAGES
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.report.contents import REVIEWS_REPORT
from amazon_reviews.serving.report.titles import TITLES_REPORT
from amazon_reviews_tests.dagster.project import Project
from amazon_reviews_tests.helpers import event, product, review
from amazon_reviews_tests.serving.scripts import page, prepare_scripts

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
    ("products", "rejected"): '{"asin": "B1"\n{"asin": ""}\n',
    ("products", "empty"): "",
    ("titles", "some"): f"{TITLES}s1,Movie,One,2019,90 min,Ann\ns2,TV Show,Two,2020,1 Season,\n",
    ("titles", "rejected"): f"{TITLES},Movie,One,2019,90 min,Ann\n,Movie,Two,2019,80 min,\n",
    ("titles", "empty"): TITLES,
    ("title_ratings", "some"): f"{RATINGS}1,5.0,1425941529,ns1\n2,4.0,1425941530,ns1\n",
    ("title_ratings", "rejected"): f"{RATINGS}1,9.0,1425941529,ns1\n2,-1,1425941530,ns1\n",
    ("title_ratings", "empty"): RATINGS,
}
SENT = {"some": EVENTS, "rejected": [b"not json", b"{}"], "empty": []}
PUBLISHED_KEYS = {table.key for table in PUBLISHED}


def check_reports(project: Project) -> None:
    """Check that both reports have all figures, and that their files exist."""
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


def check_api(project: Project) -> None:
    """Check that no endpoint fails, except for models that are missing."""
    key = "key of the tests"
    app = service(project.settings, ApiSettings(key=SecretStr(key)))
    known: dict[str, str | int] = {
        "id": "A1",
        "asin": "B0",
        "scored": 3,
        "search": "o",
        "user": "1",
        "title": "ns1",
    }
    missing = {no_model("sentiment"), no_model("title_ratings")}
    with TestClient(app, raise_server_exceptions=False, headers={"X-API-Key": key}) as client:
        responses = [client.post("/sentiment", json={"text": "It works well."})]
        for path, operations in app.openapi()["paths"].items():
            if "get" not in operations:
                continue
            kinds = {p["name"]: p["in"] for p in operations["get"].get("parameters", ())}
            query = {name: known[name] for name in kinds.keys() & known if kinds[name] == "query"}
            names = [table.key.split("/")[1] for table in MART_TABLES] if "name" in kinds else [""]
            for name in names:
                address = path.format(**known, name=name)
                responses.append(client.get(address, params=query))
    for response in responses:
        expected = response.status_code in (200, 404) or response.json()["detail"] in missing
        assert expected, response.text


def check_pages(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that every tab of every page is shown without an error, with the default filters."""
    prepare_scripts()
    for name, (module, *_) in PAGES.items():
        # By default only the open tab is built.
        monkeypatch.setattr(module, "sections", every_section, raising=False)
        app = AppTest.from_function(page, kwargs={"name": name}, default_timeout=60)
        app.run()
        assert not app.exception, (name, app.exception)
        messages = [message.value for message in app.info]
        assert not [text for text in messages if "is not in the warehouse" in text]
        assert not [text for text in messages if "cannot be read" in text]


def every_section(page: str, tabs: Mapping[str, tuple[Content, Collection[str]]]) -> None:
    """Show all sections of a page, as if every tab were open."""
    for content, _ in tabs.values():
        guarded(partial(content, Filters()))
