"""The warehouse: Delta tables at a fixed version, readable with SQL.

A table named ``layer/name`` is loaded from a version of its Delta table, completely or not.
Readers never wait for a load and never see half of one. A URL chooses the implementation of the
`Warehouse` protocol.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

BY_PARTITION = "__by_partition"
"""The end of the name of a stored table whose rows a view merges."""

_NAME = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class TableVersion:
    """One version of a Delta table for the warehouse to load.

    Attributes:
        name: ``layer/name``.
        uri: address of the Delta table.
        version: its version.
        description: description of the table.
        columns: column names with their descriptions.
        sort_by: the column by which apps look up rows; rows are stored in its order.
        cluster_by: columns to cluster by in BigQuery, broad ones first; by default `sort_by`.
        partition_day: the date column to partition by in BigQuery.
        flat_view: name of a view in BigQuery without arrays and maps.
        merged_by: key of the rows that people read, if those of the table are parts of them.
        merged: type of each other column of these rows, and the aggregate that computes it.
        content: content version of the table, 0 if it has none.
        storage_options: options of the lakehouse's object store; not in a representation.
    """

    name: str
    uri: str
    version: int
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    sort_by: str | None = None
    cluster_by: tuple[str, ...] = ()
    partition_day: str | None = None
    flat_view: str | None = None
    merged_by: tuple[str, ...] = ()
    merged: Mapping[str, tuple[pa.DataType, str]] = field(default_factory=dict)
    content: int = 0
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a warehouse table is named layer/name, not {self.name!r}")

    @property
    def stored_name(self) -> str:
        """The name of the table that holds the rows; `name` is a view of it if it is merged."""
        return f"{self.name}{BY_PARTITION}" if self.merged_by else self.name


@dataclass(frozen=True)
class Load:
    """The result of loading one table.

    Attributes:
        name: ``layer/name``.
        version: the Delta version that the warehouse holds.
        rows: rows of the table in the warehouse.
        bytes: size of the Delta files that were read, 0 if the load was skipped.
        skipped: True if the warehouse held the version, or its content, already.
        seconds: wall-clock time spent on this table.
        stored_bytes: size of the table in the warehouse, None if unknown.
        url: a page that shows the table, None without one.
    """

    name: str
    version: int
    rows: int
    bytes: int
    skipped: bool
    seconds: float
    stored_bytes: int | None = None
    url: str | None = None


@dataclass(frozen=True)
class ColumnDescription:
    """A column in the warehouse; `type` is in the SQL of the warehouse."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class TableDescription:
    """A table in the warehouse, with the Delta version it was loaded from."""

    name: str
    version: int
    rows: int
    description: str
    columns: tuple[ColumnDescription, ...]


class Warehouse(Protocol):
    """A store of tables for people and apps to read with SQL."""

    def load(self, tables: Sequence[TableVersion]) -> list[Load]:
        """Load the tables at the given versions, all or none; return one result per table.

        A table is skipped if the warehouse holds its content: the content version, or the Delta
        version if the content has none. Tables not named stay as they are.

        Raises:
            WarehouseError: a table cannot be read, its row count differs from that of the Delta
                version, or the warehouse cannot be written. Nothing has changed then.
        """
        ...

    def versions(self) -> dict[str, int]:
        """Return the loaded tables by name, with their Delta versions."""
        ...

    def contents(self) -> dict[str, int]:
        """Return the loaded tables by name, with their content versions, 0 if not recorded."""
        ...

    def stored_rows(self) -> dict[str, int]:
        """Return the loaded tables by name, with their stored rows, of which none is read.

        The rows of a merged table count before they are added up.
        """
        ...

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Return the rows of a query; `parameters` fill its ``?`` placeholders.

        Raises:
            WarehouseError: the query fails.
        """
        ...

    def damaged(self, watch: Callable[[int, int], None]) -> Iterator[tuple[str, str, str]]:
        """Read everything that is stored, and yield what is damaged.

        Yields the name of a table, "" for the whole, the place of the damage, and what is wrong. A
        service that keeps checksums itself yields nothing. `watch` is called with the number of
        tables that are done, and of all.

        Raises:
            WarehouseError: the warehouse cannot be read.
        """
        ...

    def describe(self, name: str) -> TableDescription:
        """Return rows, columns and descriptions of a table.

        Raises:
            WarehouseError: the warehouse does not hold the table.
        """
        ...

    def outdate(self, name: str) -> None:
        """Forget the content version of a loaded table, so that it is loaded again.

        Raises WarehouseError if the warehouse cannot be changed.
        """
        ...

    def drop(self, name: str) -> None:
        """Remove a table, if it is there. Raises WarehouseError if it cannot be removed."""
        ...

    def relation(self, name: str) -> str:
        """Return the name of the table ``layer/name`` in this warehouse's SQL."""
        ...


def quote(identifier: str) -> str:
    """Return an identifier in standard SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a string literal in standard SQL."""
    return "'" + text.replace("'", "''") + "'"
