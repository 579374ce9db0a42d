"""Types and values between BigQuery's interface, Parquet and DuckDB."""

import base64
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from amazon_reviews_tests.bigquery_emulator.refusal import invalid

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


def normal(field):
    """A column of a schema as the service gives it back."""
    kind = LONG_NAMES.get(field["type"].upper(), field["type"].upper())
    if kind != "RECORD" and kind not in _DUCKDB:
        raise invalid(f"Invalid value for type: {kind} is not a valid value")
    found = {name: value for name, value in field.items() if value is not None}
    found |= {"type": kind, "mode": field.get("mode", "NULLABLE")}
    if kind == "RECORD":
        found["fields"] = [normal(part) for part in field["fields"]]
    return found


def duckdb_type(field):
    if field["type"] == "RECORD":
        parts = ", ".join(f'"{part["name"]}" {duckdb_type(part)}' for part in field["fields"])
        kind = f"STRUCT({parts})"
    else:
        kind = _DUCKDB[field["type"]]
    return f"{kind}[]" if field["mode"] == "REPEATED" else kind


def field_of(name, kind, *, lists=True):
    """How a column of a Parquet file or of a result looks to BigQuery."""
    if pa.types.is_list(kind):
        element = field_of(name, kind.value_type, lists=lists)
        if not lists:
            inner = {"name": "list", "type": "RECORD", "mode": "REPEATED"}
            inner["fields"] = [element | {"name": kind.value_field.name}]
            return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": [inner]}
        return element | {"mode": "REPEATED"}
    if pa.types.is_struct(kind):
        parts = [field_of(part.name, part.type, lists=lists) for part in kind]
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": parts}
    return {"name": name, "type": _scalar(name, kind), "mode": "NULLABLE"}


def _scalar(name, kind):
    if pa.types.is_decimal(kind):
        return "NUMERIC" if kind.scale <= 9 else "BIGNUMERIC"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    for is_this, found in (
        (pa.types.is_boolean, "BOOLEAN"),
        (pa.types.is_integer, "INTEGER"),
        (pa.types.is_floating, "FLOAT"),
        (pa.types.is_date, "DATE"),
        (pa.types.is_string, "STRING"),
        (pa.types.is_null, "STRING"),
        (pa.types.is_binary, "BYTES"),
    ):
        if is_this(kind):
            return found
    raise invalid(f"Unsupported type {kind} of column {name}")


def encoded(value, field):
    """A value as a row of the interface holds it."""
    if field["mode"] == "REPEATED":
        return [{"v": encoded(one, field | {"mode": "NULLABLE"})} for one in value or []]
    if value is None:
        return None
    if field["type"] == "RECORD":
        return {"f": [{"v": encoded(value[part["name"]], part)} for part in field["fields"]]}
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


def parameter(given):
    """The value of a query parameter."""
    kind, value = given["parameterType"], given["parameterValue"]
    if kind["type"] == "ARRAY":
        element = kind["arrayType"]
        return [
            parameter({"parameterType": element, "parameterValue": one})
            for one in value.get("arrayValues", [])
        ]
    text = value.get("value")
    if text is None:
        return None
    readers = {
        "INTEGER": int,
        "FLOAT": float,
        "NUMERIC": Decimal,
        "BOOLEAN": lambda said: said == "true",
        "DATE": date.fromisoformat,
        "DATETIME": datetime.fromisoformat,
        "TIMESTAMP": datetime.fromisoformat,
        "BYTES": base64.b64decode,
    }
    return readers.get(LONG_NAMES.get(kind["type"], kind["type"]), str)(text)
