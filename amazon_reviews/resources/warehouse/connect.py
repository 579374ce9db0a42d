"""The warehouse that the settings name."""

from pathlib import Path

from amazon_reviews.config import WAREHOUSE, WAREHOUSE_FORMS, BigQueryAddress, load
from amazon_reviews.errors import SettingsError
from amazon_reviews.memory import warehouse_memory
from amazon_reviews.resources.warehouse.base import Warehouse

_DUCKDB_MB = 512


def file_of(url: str) -> Path | None:
    """Return the DuckDB file of a warehouse, None if it is another kind of warehouse."""
    scheme, _, path = url.partition("://")
    return Path(path.removeprefix("/")).resolve() if scheme == "duckdb" else None


def open_warehouse(url: str) -> Warehouse:
    """Return the warehouse at `url`; nothing is created before the first load.

    Raises:
        SettingsError: the URL has no known form.
    """
    # An implementation is imported here because its client is large.
    scheme, _, path = url.partition("://")
    if path.startswith("/") and len(path) > 1 and (file := file_of(url)):
        from amazon_reviews.resources.warehouse.duckdb.warehouse import DuckDBWarehouse

        megabytes = warehouse_memory(_DUCKDB_MB * 10**6) // 10**6
        return DuckDBWarehouse(file, memory_limit=f"{megabytes}MB")
    if scheme == "bigquery":
        from amazon_reviews.resources.warehouse.bigquery.warehouse import BigQueryWarehouse

        return BigQueryWarehouse(BigQueryAddress.of(url), (load().bigquery_max_mb or 0) * 10**6)
    raise SettingsError(
        WAREHOUSE, f"has no known form (it begins with {scheme[:20]!r}); use {WAREHOUSE_FORMS}"
    )
