"""The warehouse as a Dagster resource."""

from typing import Any

import dagster as dg
from pydantic import Field

from amazon_reviews.resources.warehouse import Warehouse, open_warehouse


class WarehouseResource(dg.ConfigurableResource[Any]):
    """Opens the warehouse that the settings name."""

    url: str = Field(description="duckdb:///path or bigquery://project/dataset")

    def open(self) -> Warehouse:
        """The warehouse; nothing is created before the first load."""
        return open_warehouse(self.url)
