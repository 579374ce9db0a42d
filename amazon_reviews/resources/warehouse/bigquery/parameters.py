"""Values of Python as parameters of a query."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

# A bool is an int and a datetime a date: the narrower type comes first.
_TYPES = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (Decimal, "NUMERIC"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
    (bytes, "BYTES"),
)


def positional(values: Sequence[Any]) -> list[ScalarQueryParameter | ArrayQueryParameter]:
    """The values for the ``?`` marks of a query, in their order."""
    return [_parameter(value) for value in values]


def _parameter(value: Any) -> ScalarQueryParameter | ArrayQueryParameter:
    if isinstance(value, list | tuple):
        return ArrayQueryParameter(None, _type(value[0] if value else ""), list(value))
    return ScalarQueryParameter(None, _type(value), value)


def _type(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo is None:
        return "DATETIME"
    return next((name for type_, name in _TYPES if isinstance(value, type_)), "STRING")
