"""An old table, as an earlier release leaves it behind in lakehouse and warehouse."""

import pyarrow as pa
from deltalake import write_deltalake

from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.base import TableVersion, Warehouse

OLD, NEW = "gold/pipeline_books", "gold/pipeline_reconciliation"


def write_old_table(lakehouse: Lakehouse, warehouse: Warehouse) -> None:
    """Write a table under its old key, and load it into the warehouse."""
    write_deltalake(lakehouse.uri(OLD), pa.table({"lines": [1]}))
    warehouse.load([TableVersion(OLD, lakehouse.uri(OLD), 0)])
