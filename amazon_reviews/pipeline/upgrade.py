"""Upgrade of a project that an earlier version made: the columns that its tables lack."""

from amazon_reviews.errors import DamagedTableError, DamagedWarehouseError, WarehouseError
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas import PUBLISHED, TABLES


def add_missing_columns(lakehouse: Lakehouse, warehouse: Warehouse) -> list[str]:
    """Add the columns that tables lack, null in the rows that they have; return their keys.

    The warehouse loads these tables again. That is noted before the columns are added, so a
    process that dies in between leaves the table for the next one. So does a warehouse that cannot
    be changed now.
    """
    published = {table.key for table in PUBLISHED}
    upgraded = []
    for key, table in TABLES.items():
        try:
            log = lakehouse.log(key)
        except DamagedTableError:
            continue
        if log is None or {*table.names} <= log.columns:
            continue
        if key in published:
            try:
                warehouse.outdate(key)
            except DamagedWarehouseError:
                # It is made again from the tables in any case.
                pass
            except WarehouseError:
                continue
        lakehouse.add_columns(key)
        upgraded.append(key)
    return upgraded
