"""Column lineage: the columns of the inputs that each column of a table is computed from.

It is declared in column_lineage.json, which a test compares with the plans of the transforms. A
column that only counts rows has no lineage.
"""

import json
from functools import cache
from pathlib import Path

from amazon_reviews.schemas.table import Table

FILE = Path(__file__).with_name("column_lineage.json")

ColumnLineage = dict[str, tuple[tuple[str, str], ...]]
"""By column, the columns that it is computed from: pairs of the key of an input and a name."""


def column_lineage(table: Table) -> ColumnLineage:
    """Return the lineage of a table's columns; empty for tables that no transform builds."""
    return {
        name: tuple(tuple(source.rsplit(".", 1)) for source in sources.split())  # type: ignore[misc]
        for name, sources in _declared().get(table.key, {}).items()
    }


@cache
def _declared() -> dict[str, dict[str, str]]:
    declared: dict[str, dict[str, str]] = json.loads(FILE.read_text("utf-8"))
    return declared
