"""The warehouse: the gold tables where people and apps read them."""

from collections.abc import Iterator

import dagster as dg

from amazon_reviews.assets.common import OWNERS
from amazon_reviews.assets.reporting import column_schema
from amazon_reviews.automation.conditions import FOLLOW_TABLES
from amazon_reviews.resources.lakehouse import Lakehouse
from amazon_reviews.resources.published import WarehouseResource
from amazon_reviews.resources.warehouse import Load, TableVersion
from amazon_reviews.schemas import GOLD_PRODUCTS, GOLD_REVIEWS, Table

_LOADED = (GOLD_PRODUCTS, GOLD_REVIEWS)


def _spec(table: Table) -> dg.AssetSpec:
    noun = table.key.split("/")[1]
    return dg.AssetSpec(
        ["warehouse", noun],
        deps=[["gold", noun]],
        group_name="warehouse",
        kinds={"duckdb"},
        owners=OWNERS,
        code_version="1",
        description=f"{table.grain} {table.key} as it is in the lakehouse, for people and apps.",
        metadata={"dagster/column_schema": column_schema(table.key)},
        automation_condition=FOLLOW_TABLES,
        skippable=True,
    )


@dg.multi_asset(
    specs=[_spec(table) for table in _LOADED], can_subset=True, name="warehouse", pool="warehouse"
)
def warehouse_tables(
    context: dg.AssetExecutionContext, lakehouse: Lakehouse, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """Bring the selected tables to their newest Delta version, all of them at once or none."""
    selected = [table for table in _LOADED if _key(table) in context.selected_asset_keys]
    there = [table for table in selected if lakehouse.exists(table.key)]
    for load in warehouse.open().load([_version(lakehouse, table) for table in there]):
        yield dg.MaterializeResult(asset_key=_loaded_key(load), metadata=_metadata(load))


def _key(table: Table) -> dg.AssetKey:
    return dg.AssetKey(["warehouse", table.key.split("/")[1]])


def _loaded_key(load: Load) -> dg.AssetKey:
    return dg.AssetKey(["warehouse", load.name.split("/")[1]])


def _version(lakehouse: Lakehouse, table: Table) -> TableVersion:
    return TableVersion(
        name=table.key,
        uri=lakehouse.uri(table.key),
        version=lakehouse.delta(table.key).version(),
        description=table.grain,
        columns={column.name: column.description for column in table.columns},
        storage_options=lakehouse.storage_options or {},
    )


def _metadata(load: Load) -> dict[str, int | float | bool]:
    return {
        "dagster/row_count": load.rows,
        "delta_version": load.version,
        "bytes_read": load.bytes,
        "seconds": round(load.seconds, 3),
        "already_there": load.skipped,
    }
