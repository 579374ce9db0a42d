"""Fixtures shared by all tests."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster._core.storage.defs_state import base as defs_state
from pyspark.sql import SparkSession

from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.spark.engine import start_session

pytest_plugins = ["amazon_reviews_tests.faults.plugin"]

ENGINE_MEMORY = 1 << 30
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Make Dagster forget a collected instance; otherwise it may load no definitions."""
    defs_state._current_storage.set(None)


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    """Return a session on the embedded engine, one for each worker."""
    return start_session("sail", ENGINE_MEMORY)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Return a function that makes an empty model store in a folder.

    It is a copy, because MLflow takes seconds to create one.
    """
    database = tmp_path_factory.mktemp("store") / "mlflow.db"

    def copy(folder: Path) -> None:
        if not database.is_file():
            from mlflow import MlflowClient

            # A store without contents is taken for half made, and made again.
            MlflowClient(f"sqlite:///{database}").create_experiment("of nobody")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(database, folder / database.name)

    return copy


@pytest.fixture
def landing(tmp_path: Path) -> LandingZone:
    """Return an empty landing zone."""
    (tmp_path / "landing").mkdir()
    return LandingZone(location=str(tmp_path / "landing"))


@pytest.fixture
def lakehouse(tmp_path: Path) -> Lakehouse:
    """Return a lakehouse without tables."""
    return Lakehouse(location=str(tmp_path / "lakehouse"))
