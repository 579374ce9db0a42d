"""A BigQuery service on loopback, a warehouse on it, and a table to load."""

import time

import pyarrow as pa
import pytest

from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.bigquery import jobs
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.bigquery_emulator import BigQueryServer
from amazon_reviews_tests.bigquery_warehouse.common import URL
from amazon_reviews_tests.resources.deltas import delta, numbers


@pytest.fixture
def server(monkeypatch):
    """A service without datasets, to which the client goes, and which never lets it wait."""
    with BigQueryServer() as server:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server.url)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        yield server


@pytest.fixture
def warehouse(server):
    return open_warehouse(URL)


@pytest.fixture
def lake(tmp_path):
    return tmp_path / "lake"


@pytest.fixture
def file_by_file(monkeypatch):
    """Every Delta file is an upload of its own."""
    monkeypatch.setattr(jobs, "_PART_BYTES", 1)


@pytest.fixture
def three_files(lake, file_by_file):
    """gold/t at version 0: the numbers 1 to 4 in three partitions."""
    table = [numbers(1, 2, partition="a"), numbers(3, partition="b"), numbers(4, partition="c")]
    delta(lake, pa.concat_tables(table))
    return TableVersion("gold/t", str(lake), 0, "The numbers.")
