"""The warehouse: the gold tables where people and apps read them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from amazon_reviews.defs.assets.common import OWNERS
from amazon_reviews.defs.assets.metadata import column_schema
from amazon_reviews.defs.automation_conditions import FOLLOW_TABLES
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.base import Load, TableVersion, Warehouse
from amazon_reviews.schemas import MART_TABLES, SENTIMENT_TABLES, Table
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS
from amazon_reviews.schemas.recommender import (
    RECOMMENDER_EVALUATION,
    RECOMMENDER_SIMILAR,
    RECOMMENDER_TOP,
)
from amazon_reviews.schemas.sentiment import SENTIMENT_EXAMPLES
from amazon_reviews.schemas.titles import GOLD_TITLE_ACTORS, GOLD_TITLE_RATINGS_MODEL, GOLD_TITLES

_LOADED = (
    GOLD_PRODUCTS,
    GOLD_REVIEWS,
    GOLD_TITLES,
    GOLD_TITLE_ACTORS,
    GOLD_TITLE_RATINGS_MODEL,
    *MART_TABLES,
    *(table for table in SENTIMENT_TABLES if table is not SENTIMENT_EXAMPLES),
    RECOMMENDER_EVALUATION,
    RECOMMENDER_SIMILAR,
    RECOMMENDER_TOP,
)


def _spec(table: Table, kind: str) -> dg.AssetSpec:
    noun = table.key.split("/")[1]
    return dg.AssetSpec(
        ["warehouse", noun],
        deps=[["gold", noun]],
        group_name="warehouse",
        kinds={kind},
        owners=OWNERS,
        code_version="1",
        description=f"{table.grain} {table.key} as it is in the lakehouse, for people and apps.",
        metadata={"dagster/column_schema": column_schema(table.key)},
        automation_condition=FOLLOW_TABLES,
        skippable=True,
    )


def warehouse_assets(url: str) -> dg.AssetsDefinition:
    """The tables of the warehouse at `url`, which begins with the kind of what keeps them."""
    kind = url.partition("://")[0]

    @dg.multi_asset(
        specs=[_spec(table, kind) for table in _LOADED],
        can_subset=True,
        name="warehouse",
        pool="warehouse",
    )
    def warehouse_tables(
        context: dg.AssetExecutionContext,
        lakehouse: dg.ResourceParam[Lakehouse],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[dg.MaterializeResult]:
        """Bring the selected tables to their newest Delta version, all of them at once or none."""
        selected = [table for table in _LOADED if _key(table) in context.selected_asset_keys]
        there = [table for table in selected if lakehouse.exists(table.key)]
        for load in warehouse.load([_version(lakehouse, table) for table in there]):
            yield dg.MaterializeResult(asset_key=_loaded_key(load), metadata=_metadata(load))

    return warehouse_tables


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
        looked_up_by=table.looked_up_by,
        storage_options=lakehouse.storage_options or {},
    )


def _metadata(load: Load) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": load.rows,
        "delta_version": load.version,
        "bytes_read": load.bytes,
        "seconds": round(load.seconds, 3),
        "already_there": load.skipped,
    }
    if load.stored_bytes is not None:
        metadata["bytes"] = load.stored_bytes
    if load.url is not None:
        metadata["console"] = dg.MetadataValue.url(load.url)
    return metadata
