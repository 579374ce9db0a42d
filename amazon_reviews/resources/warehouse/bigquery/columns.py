"""Columns of a Delta table as BigQuery has them, and rows in the Parquet that it loads."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from google.cloud.bigquery import SchemaField

from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import TableVersion

_SCALARS = (
    (pa.types.is_boolean, "BOOL"),
    (pa.types.is_integer, "INT64"),
    (pa.types.is_floating, "FLOAT64"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_string, "STRING"),
    (pa.types.is_large_string, "STRING"),
    (pa.types.is_string_view, "STRING"),
    (pa.types.is_binary, "BYTES"),
    (pa.types.is_large_binary, "BYTES"),
    (pa.types.is_binary_view, "BYTES"),
)
_NUMERIC = (29, 9)  # digits before and after the point
_SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


def fields(schema: pa.Schema, table: TableVersion) -> list[SchemaField]:
    """The schema of the BigQuery table: arrays are repeated, maps repeated records key, value.

    Raises WarehouseError where a column's type has no like in BigQuery.
    """
    try:
        resources = [_resource(field.name, field.type) for field in schema]
    except TypeError as error:
        raise WarehouseError(f"{table.name} cannot be loaded: {error}") from error
    return [
        SchemaField.from_api_repr(resource | {"description": table.columns.get(resource["name"])})
        for resource in resources
    ]


def write_parquet(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    """Write rows of the Delta table as BigQuery loads them, a batch at a time.

    An array keeps its elements but for nulls, which BigQuery's arrays cannot hold.
    """
    target = pa.schema([(field.name, _loaded_type(field.type)) for field in schema])
    with pq.ParquetWriter(path, target, compression="zstd") as writer:
        for batch in batches:
            columns = [_loaded(batch.column(field.name), field.type) for field in target]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=target))


def sql_type(field: SchemaField) -> str:
    """A column's type in GoogleSQL."""
    name = str(_SQL_NAMES.get(field.field_type, field.field_type))
    if name in ("RECORD", "STRUCT"):
        name = f"STRUCT<{', '.join(f'{part.name} {sql_type(part)}' for part in field.fields)}>"
    elif field.precision is not None:
        name = f"{name}({field.precision}, {field.scale or 0})"
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name


def _resource(name: str, type_: pa.DataType) -> dict[str, Any]:
    """A column as BigQuery's interface writes it."""
    if pa.types.is_map(type_):
        pair = pa.struct([("key", type_.key_type), ("value", type_.item_type)])
        return _flat(name, _resource(name, pair)) | {"mode": "REPEATED"}
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return _flat(name, _resource(name, type_.value_type)) | {"mode": "REPEATED"}
    if pa.types.is_struct(type_):
        parts = [_flat(name, _resource(part.name, part.type)) for part in type_]
        return {"name": name, "type": "RECORD", "fields": parts}
    if pa.types.is_decimal(type_):
        return {"name": name, "precision": type_.precision, "scale": type_.scale} | _numeric(type_)
    if pa.types.is_timestamp(type_):
        return {"name": name, "type": "TIMESTAMP" if type_.tz else "DATETIME"}
    for is_this, in_bigquery in _SCALARS:
        if is_this(type_):
            return {"name": name, "type": in_bigquery}
    raise TypeError(f"column {name}: BigQuery has no type like {type_}")


def _flat(name: str, part: dict[str, Any]) -> dict[str, Any]:
    if "mode" in part:
        raise TypeError(f"column {name} has an array or map within another type")
    return part


def _numeric(type_: pa.DataType) -> dict[str, Any]:
    whole, fraction = _NUMERIC
    narrow = type_.scale <= fraction and type_.precision - type_.scale <= whole
    return {"type": "NUMERIC" if narrow else "BIGNUMERIC"}


def _loaded_type(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_map(type_):
        return pa.list_(pa.struct([("key", type_.key_type), ("value", type_.item_type)]))
    if pa.types.is_large_list(type_):
        return pa.list_(type_.value_type)
    return type_


def _loaded(column: pa.Array, target: pa.DataType) -> pa.Array:
    column = column.cast(target)
    return _without_nulls(column) if pa.types.is_list(target) else column


def _without_nulls(lists: pa.Array) -> pa.Array:
    values = lists.flatten()
    if not values.null_count:
        return lists
    kept = values.is_valid()
    parents = pc.list_parent_indices(lists).filter(kept).to_numpy()
    ends = np.cumsum(np.bincount(parents, minlength=len(lists)))
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    return pa.ListArray.from_arrays(offsets, values.filter(kept), type=lists.type)
