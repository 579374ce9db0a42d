"""What a table is made of: columns with Arrow types, grain and partition columns."""

from dataclasses import dataclass

import pyarrow as pa

STRINGS = pa.list_(pa.string())
TEXT_MAP = pa.map_(pa.string(), pa.string())
MONEY = pa.decimal128(12, 2)
STARS = pa.decimal128(2, 1)


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: pa.DataType
    description: str


@dataclass(frozen=True)
class Table:
    """A table: its key `layer/noun`, grain, columns and the columns it is partitioned by.

    In the warehouse its rows lie in the order of `looked_up_by`, the column by which a few of them
    are asked for.
    """

    key: str
    grain: str
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()
    looked_up_by: str | None = None

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [column.name for column in self.columns]

    @property
    def arrow_schema(self) -> pa.Schema:
        """The table's schema in Arrow's types."""
        return pa.schema([(column.name, column.type) for column in self.columns])
