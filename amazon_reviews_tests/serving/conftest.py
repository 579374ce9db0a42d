"""Fixtures: a synthetic warehouse, the dashboard on it, and a browser."""

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from amazon_reviews.models.recommender.storage import save as save_recommender
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.storage import save
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.models.reviews import synthetic_reviews
from amazon_reviews_tests.ports import free_port
from amazon_reviews_tests.serving import synthetic, synthetic_titles

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

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
def address(warehouse_url: str, models: Path) -> Iterator[str]:
    """The dashboard as the console script serves it."""
    port = free_port()
    command = [sys.executable, "-m", "amazon_reviews.cli", "app", "--port", str(port)]
    environment = os.environ | {
        "AMAZON_REVIEWS_WAREHOUSE": warehouse_url,
        "AMAZON_REVIEWS_MODELS": str(models),
    }
    with subprocess.Popen(command, env=environment) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=60):
                return
        except OSError:
            continue
    raise RuntimeError(f"the dashboard ended with exit code {server.returncode}")


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
    with _tab(browser, address) as page:
        yield page


@pytest.fixture
def phone(browser: "Browser", address: str) -> Iterator["Page"]:
    """A tab of a phone's width that prefers dark pages."""
    options: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
    with _tab(browser, address, **options) as page:
        yield page


@contextmanager
def _tab(browser: "Browser", address: str, **options: Any) -> Iterator["Page"]:
    options = {"viewport": {"width": 1280, "height": 900}} | options
    context = browser.new_context(base_url=address, **options)
    context.set_default_timeout(60_000)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("request", lambda request: failures.extend(_remote(request.url)))
    yield page
    context.close()
    assert failures == []


def _remote(url: str) -> list[str]:
    parts = urlsplit(url)
    is_local = parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"
    return [] if is_local else [url]
