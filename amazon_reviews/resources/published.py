"""Warehouse and model store as Dagster resources."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.resources.warehouse import Warehouse, open_warehouse


class WarehouseResource(dg.ConfigurableResource[Any]):
    """Opens the warehouse that the settings name."""

    url: str = Field(description="duckdb:///path or bigquery://project/dataset")

    def open(self) -> Warehouse:
        """The warehouse; nothing is created before the first load."""
        return open_warehouse(self.url)


class ModelStoreResource(dg.ConfigurableResource[Any]):
    """Opens the model store that the settings name."""

    folder: str = Field(description="folder of the local store, or of what is downloaded")
    uri: str = Field(default="", description="MLflow's tracking URI; empty for the local store")

    def open(self) -> ModelStore:
        """The store; nothing is created before the first model."""
        return ModelStore(Path(self.folder), self.uri or None)
