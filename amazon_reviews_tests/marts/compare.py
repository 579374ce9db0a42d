"""Comparison of the rows of a mart: equal, floats up to rounding."""

import math
from typing import Any

import pyarrow as pa

RELATIVE = 1e-9
ABSOLUTE = 1e-12
# The engine has no error function, so the mart computes it to about seven digits.
ABSOLUTE_OF = {"p_value": 1e-6, "q_value": 1e-4}


def assert_same_rows(actual: pa.Table, expected: pa.Table) -> None:
    """Assert that two tables have the same set of rows; name the first that differ."""
    assert actual.schema.names == expected.schema.names
    assert actual.schema.types == expected.schema.types
    actual_rows, expected_rows = _ordered(actual), _ordered(expected)
    pairs = zip(actual_rows, expected_rows, strict=False)
    differing = [pair for pair in pairs if not _same(*pair)]
    assert not differing, "\n".join(f"{pair}" for pair in differing[:3])
    assert len(actual_rows) == len(expected_rows)


def _ordered(table: pa.Table) -> list[dict[str, Any]]:
    exact = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    rows = table.to_pylist()
    return sorted(rows, key=lambda row: [(row[n] is not None, str(row[n])) for n in exact])


def _same(actual: dict[str, Any], expected: dict[str, Any]) -> bool:
    return all(_close(name, actual[name], expected[name]) for name in expected)


def _close(name: str, actual: object, expected: object) -> bool:
    if isinstance(actual, float) and isinstance(expected, float):
        absolute = ABSOLUTE_OF.get(name, ABSOLUTE)
        return math.isclose(actual, expected, rel_tol=RELATIVE, abs_tol=absolute)
    return actual == expected
