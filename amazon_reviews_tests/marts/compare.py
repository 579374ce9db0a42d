"""Whether a mart holds what it should: to the row, floats up to rounding."""

import math

import pyarrow as pa

RELATIVE = 1e-9
ABSOLUTE = 1e-12
# The engine has no error function, so the mart computes it to about seven digits.
ABSOLUTE_OF = {"p_value": 1e-6}


def assert_same_rows(found, expected):
    """Compare as sets of rows; the first that differ are named."""
    assert found.schema.names == expected.schema.names
    assert found.schema.types == expected.schema.types
    ours, theirs = _ordered(found), _ordered(expected)
    differing = [pair for pair in zip(ours, theirs, strict=False) if not _same(*pair)]
    assert not differing, "\n".join(f"{pair}" for pair in differing[:3])
    assert len(ours) == len(theirs)


def _ordered(table):
    exact = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    rows = table.to_pylist()
    return sorted(rows, key=lambda row: [(row[n] is not None, str(row[n])) for n in exact])


def _same(found, expected):
    return all(_close(name, found[name], expected[name]) for name in expected)


def _close(name, found, expected):
    if isinstance(found, float) and isinstance(expected, float):
        absolute = ABSOLUTE_OF.get(name, ABSOLUTE)
        return math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=absolute)
    return found == expected
