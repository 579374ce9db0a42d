"""Helpers of the tests of the BigQuery warehouse."""

from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from amazon_reviews.resources.warehouse.base import TableVersion, Warehouse
from amazon_reviews_tests.bigquery_emulator import BigQueryEmulator

URL = "bigquery://test-project/reviews"
DATASET = {"datasetReference": {"projectId": "test-project", "datasetId": "reviews"}}
UPLOAD = r"PUT .*/upload/"
SWAP = r"CREATE OR REPLACE TABLE"


def newest(lake: Path, name: str = "gold/t", **options: Any) -> TableVersion:
    """Return the newest version of a Delta table."""
    return TableVersion(name, str(lake), DeltaTable(str(lake)).version(), **options)


def numbers_of(warehouse: Warehouse, table: str = "t") -> list[int]:
    """Return the sorted numbers of a table in the warehouse."""
    return warehouse.query(f"SELECT number FROM {table} ORDER BY number")["number"].to_pylist()


def job_steps(emulator: BigQueryEmulator, kind: str) -> list[str]:
    """Return the steps of the completed jobs in their order, e.g. part0, delete, over."""
    names = (
        name.rsplit("_", 2 if "_over_" not in name else 3)
        for name, job in emulator.jobs.done.items()
        if "__staging_" in name and job["configuration"]["jobType"] == kind.upper()
    )
    return [name[1] for name in names]


def count_requests(emulator: BigQueryEmulator, text: str) -> int:
    """Return the number of requests that contain a text."""
    return sum(text in request for request in emulator.requests)


def staging_tables(emulator: BigQueryEmulator) -> list[str]:
    """Return the names of the staging tables."""
    return [name for _, name in emulator.catalogue.tables if "__staging_" in name]
