"""Fixtures of the tests of outside systems."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from amazon_reviews_tests.azurite import PROGRAM, Azurite, running_azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """A running Azurite."""
    if not PROGRAM.is_file():
        pytest.skip("Azurite is not installed: make azurite")
    with running_azurite() as azurite:
        yield azurite


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """The folder of the Delta tables that a warehouse loads."""
    return tmp_path / "lake"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a warehouse."""
    return tmp_path / "data" / "warehouse.duckdb"
