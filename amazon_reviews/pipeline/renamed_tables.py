"""Old tables that a rename left behind in the lakehouse and the warehouse."""

from amazon_reviews.resources.lakehouse.maintenance import drop_table
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.renamed import RENAMED_TABLES


def old_tables(lakehouse: Lakehouse, warehouse: Warehouse) -> list[str]:
    """Return the old keys that still have a table in the lakehouse or the warehouse.

    Raises:
        LakehouseError: the lakehouse cannot be reached.
        WarehouseError: the warehouse cannot be read.
    """
    loaded = warehouse.versions()
    return [key for key in RENAMED_TABLES if key in loaded or lakehouse.exists(key)]


def remove_old_tables(lakehouse: Lakehouse, warehouse: Warehouse) -> list[str]:
    """Remove the old tables, and return their keys.

    Raises:
        LakehouseError: the lakehouse cannot be reached.
        WarehouseError: the warehouse cannot be changed.
    """
    keys = old_tables(lakehouse, warehouse)
    for key in keys:
        warehouse.drop(key)
        if lakehouse.exists(key):
            drop_table(lakehouse, key)
    return keys
