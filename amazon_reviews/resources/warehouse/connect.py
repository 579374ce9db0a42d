"""The warehouse that the settings name."""

from amazon_reviews.config import WAREHOUSE, WAREHOUSE_FORMS, BigQueryAddress
from amazon_reviews.errors import SettingsError
from amazon_reviews.memory import warehouse_memory
from amazon_reviews.resources.warehouse.base import Warehouse

_DUCKDB_MB = 512


def open_warehouse(url: str) -> Warehouse:
    """Return the warehouse at `url`; nothing is created before the first load.

    Raises:
        SettingsError: the URL has no known form.
    """
    # An implementation is imported here because its client is large.
    scheme, _, path = url.partition("://")
    if scheme == "duckdb" and path.startswith("/") and len(path) > 1:
        from amazon_reviews.resources.warehouse.duckdb.warehouse import DuckDBWarehouse

        megabytes = warehouse_memory(_DUCKDB_MB * 10**6) // 10**6
        return DuckDBWarehouse(path.removeprefix("/"), memory_limit=f"{megabytes}MB")
    if scheme == "bigquery":
        from amazon_reviews.resources.warehouse.bigquery.warehouse import BigQueryWarehouse

        return BigQueryWarehouse(BigQueryAddress.of(url))
    raise SettingsError(
        WAREHOUSE, f"has no known form (it begins with {scheme[:20]!r}); use {WAREHOUSE_FORMS}"
    )
