"""The warehouse: the published tables, for people and apps."""

import re
from collections.abc import Iterator
from typing import Any

import dagster as dg

from amazon_reviews.defs.assets.metadata import megabytes, rounded
from amazon_reviews.defs.assets.spec import OWNERS, asset_tags, column_schema, lineage_metadata
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.base import Load, TableVersion, Warehouse
from amazon_reviews.schemas import PUBLISHED, TABLES, Table
from amazon_reviews.schemas.built import WHOLE


def _spec(table: Table, kind: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["warehouse", table.name],
        deps=[table.path],
        group_name="warehouse",
        kinds={kind},
        owners=OWNERS,
        code_version="1",
        description=f"{table.grain} {table.key} as it is in the lakehouse, for people and apps.",
        metadata={
            "dagster/column_schema": column_schema(table.published_columns),
            **lineage_metadata(_lineage(table)),
        },
        tags=asset_tags("warehouse", table.domain, table.pii),
        skippable=True,
    )


def _lineage(table: Table) -> dict[str, tuple[tuple[str, str], ...]]:
    names = table.merged_by or table.names
    words = {column.name: re.findall(r"\w+", sql) for column, sql in table.merged}
    merged = {name: tuple(set(words[name]) & set(table.names)) for name in words}
    columns = {name: (name,) for name in names} | merged
    return {name: tuple((table.key, c) for c in sorted(of)) for name, of in columns.items()}


def warehouse_assets(url: str) -> dg.AssetsDefinition:
    """Return the tables of the warehouse at `url`, whose scheme names its kind."""
    kind = url.partition("://")[0]

    @dg.multi_asset(
        specs=[_spec(table, kind) for table in PUBLISHED],
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
        selected = [
            table
            for table in PUBLISHED
            if dg.AssetKey(["warehouse", table.name]) in context.selected_asset_keys
            and lakehouse.exists(table.key)
        ]
        for load in warehouse.load([_version(lakehouse, table) for table in selected]):
            key = ["warehouse", TABLES[load.name].name]
            yield dg.MaterializeResult(asset_key=key, metadata=_metadata(load))

    return warehouse_tables


def _version(lakehouse: Lakehouse, table: Table) -> TableVersion:
    # Read before the Delta version: what is written in between counts as newer.
    content = lakehouse.versions(table.key).get(WHOLE, 0)
    return TableVersion(
        name=table.key,
        uri=lakehouse.uri(table.key),
        version=lakehouse.delta(table.key).version(),
        content=content,
        description=table.grain,
        columns={
            column.name: column.description for column in (*table.columns, *table.published_columns)
        },
        sort_by=table.sort_by,
        cluster_by=table.cluster_by,
        partition_day=table.partition_day,
        flat_view=table.flat_view,
        merged_by=table.merged_by,
        merged={column.name: (column.type, sql) for column, sql in table.merged},
        storage_options=lakehouse.storage_options or {},
    )


def _metadata(load: Load) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": load.rows,
        "delta_version": load.version,
        "read_mb": megabytes(load.bytes),
        "seconds": rounded(load.seconds),
        "already_there": load.skipped,
    }
    if load.stored_bytes is not None:
        metadata["size_mb"] = megabytes(load.stored_bytes)
    if load.url is not None:
        metadata["console"] = dg.MetadataValue.url(load.url)
    return metadata
