"""Questions to the warehouse: SQL that DuckDB and BigQuery both read, and bounded answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, Generic, ParamSpec

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse

MOST_ROWS = 50_000

P = ParamSpec("P")


@dataclass(frozen=True)
class Question(Generic[P]):
    """A question, with the warehouse tables that its answer depends on."""

    tables: tuple[str, ...]
    answer: Callable[Concatenate[Warehouse, P], pa.Table]

    @property
    def name(self) -> str:
        """Where the question is written, unique among all."""
        return f"{self.answer.__module__}.{self.answer.__qualname__}"

    def __call__(self, warehouse: Warehouse, *args: P.args, **kwargs: P.kwargs) -> pa.Table:
        """The answer. Raises WarehouseError."""
        return self.answer(warehouse, *args, **kwargs)


def reads(
    *tables: str,
) -> Callable[[Callable[Concatenate[Warehouse, P], pa.Table]], Question[P]]:
    """Make a function a question that reads these warehouse tables."""

    def question(answer: Callable[Concatenate[Warehouse, P], pa.Table]) -> Question[P]:
        return Question(tables, answer)

    return question


def rows(
    warehouse: Warehouse,
    sql: str,
    parameters: Sequence[object] = (),
    limit: int = MOST_ROWS,
    offset: int = 0,
) -> pa.Table:
    """At most `limit` rows of a query, decimals as floats and whole ones as integers.

    Raises WarehouseError.
    """
    bounded = f"{sql}\nLIMIT {min(limit, MOST_ROWS)} OFFSET {offset}"
    return _plain(warehouse.query(bounded, parameters))


def mart(
    warehouse: Warehouse,
    name: str,
    order: str,
    where: tuple[str, Sequence[object]] = ("TRUE", ()),
    limit: int = MOST_ROWS,
    offset: int = 0,
) -> pa.Table:
    """The rows of a mart, as alias `m`, in an order and under a condition with its parameters."""
    condition, parameters = where
    return rows(
        warehouse,
        f"SELECT m.* FROM {warehouse.relation(name)} AS m WHERE {condition} ORDER BY {order}",
        parameters,
        limit,
        offset,
    )


def keys_from(column: str, first: str, before: str | None) -> tuple[str, tuple[str, ...]]:
    """The condition that a column is `first` or after it, and before the other; its parameters."""
    if before is None:
        return f"{column} >= ?", (first,)
    return f"{column} >= ? AND {column} < ?", (first, before)


def _plain(table: pa.Table) -> pa.Table:
    return table.cast(pa.schema([field.with_type(_plain_type(field)) for field in table.schema]))


def _plain_type(field: pa.Field) -> pa.DataType:
    if not pa.types.is_decimal(field.type):
        return field.type
    return pa.float64() if field.type.scale else pa.int64()
