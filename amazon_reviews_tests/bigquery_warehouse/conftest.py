"""A BigQuery emulator, a warehouse on it, and a table to load."""

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from amazon_reviews.resources.warehouse.base import TableVersion, Warehouse
from amazon_reviews.resources.warehouse.bigquery import jobs
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.bigquery_emulator import BigQueryEmulator
from amazon_reviews_tests.bigquery_warehouse.common import URL
from amazon_reviews_tests.resources.deltas import delta, numbers


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[BigQueryEmulator]:
    """An emulator without datasets that the client uses; its retries do not wait."""
    with BigQueryEmulator() as emulator:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", emulator.url)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        yield emulator


@pytest.fixture
def warehouse(emulator: BigQueryEmulator) -> Warehouse:
    return open_warehouse(URL)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def file_by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Delta file is a separate upload."""
    monkeypatch.setattr(jobs, "_PART_BYTES", 1)


@pytest.fixture
def three_files(lake: Path, file_by_file: None) -> TableVersion:
    """gold/t at version 0: the numbers 1 to 4 in three partitions."""
    table = [numbers(1, 2, partition="a"), numbers(3, partition="b"), numbers(4, partition="c")]
    delta(lake, pa.concat_tables(table))
    return TableVersion("gold/t", str(lake), 0, "The numbers.")
