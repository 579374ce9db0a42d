"""Types and values of BigQuery's REST interface, Parquet and DuckDB."""

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from amazon_reviews_tests.bigquery_emulator.errors import invalid

LONG_NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_DUCKDB = {
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "NUMERIC": "DECIMAL(38, 9)",
    "BIGNUMERIC": "DECIMAL(38, 18)",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def normal(field: dict[str, Any]) -> dict[str, Any]:
    """Return a column of a schema as the service returns it."""
    kind = LONG_NAMES.get(field["type"].upper(), field["type"].upper())
    if kind != "RECORD" and kind not in _DUCKDB:
        raise invalid(f"Invalid value for type: {kind} is not a valid value")
    column = {name: value for name, value in field.items() if value is not None}
    column |= {"type": kind, "mode": field.get("mode", "NULLABLE")}
    if kind == "RECORD":
        column["fields"] = [normal(part) for part in field["fields"]]
    return column


def duckdb_type(field: dict[str, Any]) -> str:
    """Return the type of a column in DuckDB."""
    if field["type"] == "RECORD":
        parts = ", ".join(f'"{part["name"]}" {duckdb_type(part)}' for part in field["fields"])
        kind = f"STRUCT({parts})"
    else:
        kind = _DUCKDB[field["type"]]
    return f"{kind}[]" if field["mode"] == "REPEATED" else kind


def field_of(name: str, kind: pa.DataType, *, lists: bool = True) -> dict[str, Any]:
    """Return a column of a Parquet file or of a result as a column of BigQuery.

    Without `lists`, arrays become records with the nested field of Parquet's list type.
    """
    if pa.types.is_list(kind):
        element = field_of(name, kind.value_type, lists=lists)
        if not lists:
            inner: dict[str, Any] = {"name": "list", "type": "RECORD", "mode": "REPEATED"}
            inner["fields"] = [element | {"name": kind.value_field.name}]
            return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": [inner]}
        return element | {"mode": "REPEATED"}
    if pa.types.is_struct(kind):
        parts = [field_of(part.name, part.type, lists=lists) for part in kind]
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": parts}
    return {"name": name, "type": _scalar(name, kind), "mode": "NULLABLE"}


def _scalar(name: str, kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return "NUMERIC" if kind.scale <= 9 else "BIGNUMERIC"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    for has_type, bigquery_type in (
        (pa.types.is_boolean, "BOOLEAN"),
        (pa.types.is_integer, "INTEGER"),
        (pa.types.is_floating, "FLOAT"),
        (pa.types.is_date, "DATE"),
        (pa.types.is_string, "STRING"),
        (pa.types.is_null, "STRING"),
        (pa.types.is_binary, "BYTES"),
    ):
        if has_type(kind):
            return bigquery_type
    raise invalid(f"Unsupported type {kind} of column {name}")


def encode(value: Any, field: dict[str, Any]) -> Any:
    """Return a value as in the rows of the interface."""
    if field["mode"] == "REPEATED":
        element = field | {"mode": "NULLABLE"}
        return [{"v": encode(item, element)} for item in value or []]
    if value is None:
        return None
    if field["type"] == "RECORD":
        return {"f": [{"v": encode(value[part["name"]], part)} for part in field["fields"]]}
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if field["type"] == "TIMESTAMP":
        return str((value - _EPOCH) // timedelta(microseconds=1))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def parameter_value(parameter: dict[str, Any]) -> Any:
    """Return the value of a query parameter."""
    kind, value = parameter["parameterType"], parameter["parameterValue"]
    if kind["type"] == "ARRAY":
        element = kind["arrayType"]
        return [
            parameter_value({"parameterType": element, "parameterValue": item})
            for item in value.get("arrayValues", [])
        ]
    text = value.get("value")
    if text is None:
        return None
    readers: dict[str, Callable[[str], Any]] = {
        "INTEGER": int,
        "FLOAT": float,
        "NUMERIC": Decimal,
        "BOOLEAN": lambda boolean: boolean == "true",
        "DATE": date.fromisoformat,
        "DATETIME": datetime.fromisoformat,
        "TIMESTAMP": datetime.fromisoformat,
        "BYTES": base64.b64decode,
    }
    return readers.get(LONG_NAMES.get(kind["type"], kind["type"]), str)(text)
