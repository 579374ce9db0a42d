"""Fixtures: a synthetic warehouse, the dashboard on it, and a browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from amazon_reviews import config
from amazon_reviews.models.recommender.storage import save as save_recommender
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.storage import save
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.serving.api.app import service
from amazon_reviews.serving.api.settings import ApiSettings
from amazon_reviews_tests.models.reviews import synthetic_reviews
from amazon_reviews_tests.serving import synthetic, synthetic_titles
from amazon_reviews_tests.serving.served import open_tab, served_dashboard

if TYPE_CHECKING:
    from fastapi import FastAPI
    from playwright.sync_api import Browser, Page

PSEUDONYM_KEY = "secret of the tests"
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def reviews() -> list[dict[str, Any]]:
    """The reviews that the synthetic warehouse is made of."""
    return synthetic.reviews()


@pytest.fixture(scope="session")
def warehouse_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return synthetic.write_warehouse(tmp_path_factory.mktemp("serving"), synthetic.tables())


@pytest.fixture(scope="session")
def warehouse(warehouse_url: str) -> Warehouse:
    return open_warehouse(warehouse_url)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, empty_store: Callable[[Path], None]) -> Path:
    """A model store with a small model of each kind."""
    folder = tmp_path_factory.mktemp("models")
    empty_store(folder)
    path = folder / "sentiment.model"
    save(SentimentClassifier(bits=14).fit(synthetic_reviews(1_000)), path)
    ModelStore(folder).publish("sentiment", path, Record(), make_current=True)
    path = folder / "hybrid.npz"
    save_recommender(synthetic.recommender(), path)
    ModelStore(folder).publish("recommender_hybrid", path, Record(), make_current=True)
    path = folder / "title_ratings.npz"
    save_recommender(synthetic_titles.predictor(), path)
    ModelStore(folder).publish("title_ratings", path, Record(), make_current=True)
    return folder


@pytest.fixture(scope="session")
def make_service(warehouse_url: str, models: Path) -> Callable[..., "FastAPI"]:
    """A function that returns the API service with these limits."""

    def make(**limits: Any) -> "FastAPI":
        variables = {
            "AMAZON_REVIEWS_WAREHOUSE": warehouse_url,
            "AMAZON_REVIEWS_MODELS": str(models),
        }
        return service(config.load(variables), ApiSettings(**limits))

    return make


@pytest.fixture(scope="session")
def address(warehouse_url: str, models: Path) -> Iterator[str]:
    """The dashboard as the console script serves it."""
    environment = {
        "AMAZON_REVIEWS_WAREHOUSE": warehouse_url,
        "AMAZON_REVIEWS_MODELS": str(models),
        "AMAZON_REVIEWS_PSEUDONYM_KEY": PSEUDONYM_KEY,
    }
    with served_dashboard(environment) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A browser; while it is open, nothing else in this process can run an event loop."""
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: "Browser", address: str) -> Iterator["Page"]:
    """A fresh tab of 1,280 × 900 pixels without failures or requests to other hosts."""
    with open_tab(browser, address) as page:
        yield page


@pytest.fixture
def phone(browser: "Browser", address: str) -> Iterator["Page"]:
    """A tab of a phone's width that prefers dark pages."""
    options: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
    with open_tab(browser, address, **options) as page:
        yield page
