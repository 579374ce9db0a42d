"""Fixtures shared by all tests."""

import pytest
from dagster._core.storage.defs_state import base as defs_state
from pyspark.sql import SparkSession

from amazon_reviews.resources.engine import start_session
from amazon_reviews.resources.lakehouse import Lakehouse
from amazon_reviews.resources.landing import LandingZone

ENGINE_MEMORY = 1 << 30


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Dagster may go on naming an instance that was collected, and then loads no definitions."""
    defs_state._current_storage.set(None)


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    """A session on the embedded engine, one for each worker."""
    return start_session("sail", ENGINE_MEMORY)


@pytest.fixture
def landing(tmp_path) -> LandingZone:
    """An empty landing zone."""
    (tmp_path / "landing").mkdir()
    return LandingZone(location=str(tmp_path / "landing"))


@pytest.fixture
def lakehouse(tmp_path) -> Lakehouse:
    """A lakehouse without tables."""
    return Lakehouse(location=str(tmp_path / "lakehouse"))
