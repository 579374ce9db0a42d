"""Queries of the warehouse: SQL that DuckDB and BigQuery both read, with a bound on the rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, Generic, ParamSpec

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse

MOST_ROWS = 50_000

P = ParamSpec("P")


@dataclass(frozen=True)
class Query(Generic[P]):
    """A query, with the warehouse tables that it reads."""

    tables: tuple[str, ...]
    run: Callable[Concatenate[Warehouse, P], pa.Table]

    @property
    def name(self) -> str:
        """Module and name of the query's function: no two queries have the same."""
        return f"{self.run.__module__}.{self.run.__qualname__}"

    def __call__(self, warehouse: Warehouse, *args: P.args, **kwargs: P.kwargs) -> pa.Table:
        """Return the rows. Raises WarehouseError."""
        return self.run(warehouse, *args, **kwargs)


def query(
    *tables: str,
) -> Callable[[Callable[Concatenate[Warehouse, P], pa.Table]], Query[P]]:
    """Declare the warehouse tables that a query function reads.

    Everything that depends on them follows from this: a missing table is named to the user, and
    cached rows and responses are replaced when one of the tables is loaded again.
    """

    def declare(run: Callable[Concatenate[Warehouse, P], pa.Table]) -> Query[P]:
        return Query(tables, run)

    return declare


def rows(
    warehouse: Warehouse,
    sql: str,
    parameters: Sequence[object] = (),
    limit: int = MOST_ROWS,
    offset: int = 0,
) -> pa.Table:
    """Return at most `limit` rows of a query, decimals as floats or, without a scale, as integers.

    Raises WarehouseError.
    """
    bounded = f"{sql}\nLIMIT {min(limit, MOST_ROWS)} OFFSET {offset}"
    table = warehouse.query(bounded, parameters)
    return table.cast(pa.schema([field.with_type(_plain_type(field)) for field in table.schema]))


def mart(
    warehouse: Warehouse,
    name: str,
    order: str,
    where: tuple[str, Sequence[object]] = ("TRUE", ()),
    limit: int = MOST_ROWS,
    offset: int = 0,
    columns: str = "m.*",
) -> pa.Table:
    """Return rows of a mart, as alias `m`, in an order and under a condition with parameters."""
    condition, parameters = where
    return rows(
        warehouse,
        f"SELECT {columns} FROM {warehouse.relation(name)} AS m WHERE {condition} ORDER BY {order}",
        parameters,
        limit,
        offset,
    )


def range_starts(warehouse: Warehouse, name: str, key: str, range_rows: int) -> pa.Table:
    """Return keys that divide a table into ranges of about `range_rows` rows, in their order.

    A range may be larger or smaller if the table is not stored in the order of the key.
    """
    # Every n-th row as stored, because numbering the rows by key would sort millions of keys after
    # every load. A prime n does not coincide with a period in the stored order, such as titles
    # of four platforms in turn. A very large table gets a larger n, so that the bound on the rows
    # of a query does not cut off the last ranges.
    table = warehouse.relation(name)
    return rows(
        warehouse,
        f"SELECT DISTINCT n.{key} AS start FROM "
        f"(SELECT m.{key}, ROW_NUMBER() OVER () AS place FROM {table} AS m) AS n "
        f"WHERE MOD(n.place, (SELECT GREATEST({range_rows}, CAST(CEIL(COUNT(*) / {MOST_ROWS}) "
        f"AS INT64)) FROM {table} AS t)) = 0 ORDER BY 1",
    )


def in_range(column: str, start: str, end: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the condition `start` <= column < `end`, and its parameters; None has no end."""
    if end is None:
        return f"{column} >= ?", (start,)
    return f"{column} >= ? AND {column} < ?", (start, end)


def _plain_type(field: pa.Field) -> pa.DataType:
    if not pa.types.is_decimal(field.type):
        return field.type
    return pa.float64() if field.type.scale else pa.int64()
