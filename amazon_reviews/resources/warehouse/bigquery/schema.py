"""BigQuery's types and layout for a Delta table: columns, rows in Parquet, query parameters."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from google.cloud.bigquery import (
    ArrayQueryParameter,
    ScalarQueryParameter,
    SchemaField,
    TimePartitioning,
    TimePartitioningType,
)

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
# Digits of a NUMERIC before and after the decimal point.
_NUMERIC = (29, 9)
_SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
# A bool is an int and a datetime a date: the narrower type comes first.
_PARAMETER_TYPES = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (Decimal, "NUMERIC"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
    (bytes, "BYTES"),
)


def fields(schema: pa.Schema, table: TableVersion) -> list[SchemaField]:
    """Return the columns in BigQuery; arrays are repeated, maps repeated records of key and value.

    Raises:
        WarehouseError: a column's type has no counterpart in BigQuery.
    """
    try:
        resources = [_resource(field.name, field.type) for field in schema]
    except TypeError as error:
        raise WarehouseError(f"{table.name} cannot be loaded: {error}") from error
    return [
        SchemaField.from_api_repr(resource | {"description": table.columns.get(resource["name"])})
        for resource in resources
    ]


def partitioning(table: TableVersion, fields: Sequence[SchemaField]) -> TimePartitioning | None:
    """Return a partitioning by the year of `partition_day`, None if the table lacks the column.

    Any part of a load may hold reviews of all days. BigQuery lets a job modify 4,000 partitions,
    and a table 30,000 a day: with twenty-odd years that is a thousand jobs, with months a hundred,
    with days five.
    """
    if table.partition_day not in {field.name for field in fields}:
        return None
    return TimePartitioning(TimePartitioningType.YEAR, field=table.partition_day)


def clustering(table: TableVersion, fields: Sequence[SchemaField]) -> list[str] | None:
    """Return those columns to cluster by that the table has, None without any."""
    names = {field.name for field in fields}
    columns = table.cluster_by or ((table.sort_by,) if table.sort_by else ())
    return [column for column in columns if column in names] or None


def write_parquet(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    """Write rows of the Delta table as BigQuery loads them, a batch at a time.

    Arrays lose null elements, which BigQuery's arrays cannot hold.
    """
    target = pa.schema([(field.name, _loaded_type(field.type)) for field in schema])
    with pq.ParquetWriter(path, target, compression="zstd") as writer:
        for batch in batches:
            columns = [_loaded(batch.column(field.name), field.type) for field in target]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=target))


def sql_type(field: SchemaField) -> str:
    """Return a column's type in GoogleSQL."""
    name = str(_SQL_NAMES.get(field.field_type, field.field_type))
    if name in ("RECORD", "STRUCT"):
        name = f"STRUCT<{', '.join(f'{part.name} {sql_type(part)}' for part in field.fields)}>"
    elif field.precision is not None:
        name = f"{name}({field.precision}, {field.scale or 0})"
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name


def positional(values: Sequence[Any]) -> list[ScalarQueryParameter | ArrayQueryParameter]:
    """Return the values for the ``?`` placeholders of a query, in their order."""
    return [
        ArrayQueryParameter(None, _parameter_type(value[0] if value else ""), list(value))
        if isinstance(value, list | tuple)
        else ScalarQueryParameter(None, _parameter_type(value), value)
        for value in values
    ]


def _parameter_type(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo is None:
        return "DATETIME"
    return next((name for type_, name in _PARAMETER_TYPES if isinstance(value, type_)), "STRING")


def _resource(name: str, type_: pa.DataType) -> dict[str, Any]:
    """Return a column in the form of BigQuery's REST API."""
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
    for matches, bigquery_type in _SCALARS:
        if matches(type_):
            return {"name": name, "type": bigquery_type}
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
    valid = values.is_valid()
    parents = pc.list_parent_indices(lists).filter(valid).to_numpy()
    ends = np.cumsum(np.bincount(parents, minlength=len(lists)))
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    return pa.ListArray.from_arrays(offsets, values.filter(valid), type=lists.type)
