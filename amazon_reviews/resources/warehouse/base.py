"""The warehouse: Delta tables at a fixed version, made readable with SQL.

A table named ``layer/noun`` is loaded from a version of its Delta table, whole or not at all.
Readers never wait for a load and never see half of one. What holds the tables is chosen by a URL;
every implementation meets the `Warehouse` protocol.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

_NAME = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class TableVersion:
    """One version of a Delta table that the warehouse should hold.

    `name` is ``layer/noun``; `columns` maps column names to their descriptions; `looked_up_by` is
    the column by which a few rows are asked for, in whose order they are to lie;
    `storage_options` are those of the lake's object store and never appear in a representation.
    """

    name: str
    uri: str
    version: int
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    looked_up_by: str | None = None
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a warehouse table is named layer/noun, not {self.name!r}")


@dataclass(frozen=True)
class Load:
    """What one table's load did.

    `rows` are those of the table in the warehouse; `bytes` the size of the Delta files read for
    it (0 where skipped); `seconds` the wall-clock time spent on this table. `stored_bytes` is the
    size of the table in the warehouse and `url` a page that shows it, where there are such.
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
    """A column as the warehouse holds it; `type` is in the warehouse's own SQL."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class TableDescription:
    """A table as the warehouse holds it, with the Delta version it was loaded from."""

    name: str
    version: int
    rows: int
    description: str
    columns: tuple[ColumnDescription, ...]


class Warehouse(Protocol):
    """Where users read the gold tables."""

    def load(self, tables: Sequence[TableVersion]) -> list[Load]:
        """Bring the tables to the given versions, all of them or none; one result per table.

        A table that is there at that version already is skipped. Tables not named stay as they
        are. Raises WarehouseError, with nothing changed, when a table cannot be read, its row
        count differs from the Delta version's, or the warehouse cannot be written.
        """
        ...

    def versions(self) -> dict[str, int]:
        """The tables that are there, by name, with their Delta versions; empty before any load."""
        ...

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """The rows of a query; `parameters` fill its ``?`` marks. Raises WarehouseError."""
        ...

    def describe(self, name: str) -> TableDescription:
        """Rows, columns and descriptions of a table. Raises WarehouseError if it is not there."""
        ...

    def drop(self, name: str) -> None:
        """Remove a table, if it is there. Raises WarehouseError if it cannot be removed."""
        ...

    def relation(self, name: str) -> str:
        """How the table ``layer/noun`` is written in this warehouse's SQL."""
        ...


def quote(identifier: str) -> str:
    """An identifier in standard SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal in standard SQL."""
    return "'" + text.replace("'", "''") + "'"
