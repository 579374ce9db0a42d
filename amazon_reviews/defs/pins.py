"""Pins of tables as events of their assets, which people read in the Dagster UI."""

import dagster as dg

from amazon_reviews.defs.assets.metadata import table_metadata
from amazon_reviews.defs.requests import asset_key
from amazon_reviews.resources.lakehouse.tables import Lakehouse


def report_pin(instance: dg.DagsterInstance, lakehouse: Lakehouse, key: str) -> None:
    """Report an observation of a table that was pinned or unpinned, with its rows as they are."""
    metadata = table_metadata(lakehouse, key)
    event = dg.AssetObservation(asset_key(key), metadata={"pinned": "no", **metadata})
    instance.report_runless_asset_event(event)
