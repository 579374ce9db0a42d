"""The declaration of a table: everything that the rest of the project derives from it."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

STRINGS = pa.list_(pa.string())
TEXT_MAP = pa.map_(pa.string(), pa.string())
MONEY = pa.decimal128(12, 2)
STARS = pa.decimal128(2, 1)

Pace = Literal["at once", "quarter-hourly", "daily"]
"""The pace at which sensors let an output follow its inputs; a run by hand takes everything."""

Domain = Literal["reviews", "products", "titles", "sentiment", "recommender", "pipeline"]
"""The subjects of tables; `pipeline` is the work on the others."""

Pii = Literal["id", "name", "text"]
"""The kinds of personal data: an id of a person, a name, or a text that may be about a person."""


@dataclass(frozen=True)
class Column:
    """One column of a table; `pii` is the kind of personal data in it, None without any."""

    name: str
    type: pa.DataType
    description: str
    pii: Pii | None = None


@dataclass(frozen=True)
class Rule:
    """A condition in Spark SQL that the rows of a table meet, as the asset check `name`.

    A row for which it is null breaks it. With a `tolerance`, the share of rows that may break it,
    the check warns; without one it blocks what is built from the table.
    """

    name: str
    description: str
    condition: str
    tolerance: float = 0.0


@dataclass(frozen=True)
class Table:
    """A table; asset, checks, warehouse table and documentation follow from it.

    `key` is `layer/name`, `grain` one sentence, `details` more sentences. `inputs` are the keys
    of the assets it is built from. `group` is its group in the Dagster UI, its layer if empty.
    `domain` is its subject.
    `code_version` changes when the same input gives other rows than before.

    `partitions` names the set of partitions that a run builds it by (`defs/partitions.py`), None
    for a table that is built as a whole; `partition_by` are the columns that partition its files.
    `partition_inputs` are pairs of a partition and an input that only this partition is built from.

    `partials` are the keys of the partial aggregates of its first input that its transform takes in
    the place of that input's rows.

    `checks` are the blocking checks that the build itself evaluates, besides `adds_up`. `pace` says
    how soon sensors let the table follow its inputs. What is built from an `optional` table goes on
    without the partitions of it that could not be built.

    `unique_key` and `rules` are checked after each build. `published` tables are loaded into the
    warehouse. There, rows are stored in the order of `sort_by`, the column by which apps look a
    few of them up. BigQuery partitions them by the year of `partition_day` and clusters them by
    `cluster_by`, broad columns first, or by `sort_by`; `flat_view` names a view of it without
    arrays and maps. `merged_by` is the key of the rows that people read, if the rows of the
    partitions are only parts of them, and `merged` are their other columns: each with the aggregate
    over the parts, in SQL that DuckDB and BigQuery share. The table's name in the warehouse is then
    a view of these rows. `adds_up` marks a mart whose column `reviews` sums to the reviews of its
    first input.
    """

    key: str
    grain: str
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()
    details: str = ""
    inputs: tuple[str, ...] = ()
    group: str = ""
    domain: Domain = "reviews"
    code_version: str = "1"
    partitions: str | None = None
    unique_key: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    published: bool = False
    sort_by: str | None = None
    cluster_by: tuple[str, ...] = ()
    partition_day: str | None = None
    flat_view: str | None = None
    merged_by: tuple[str, ...] = ()
    merged: tuple[tuple[Column, str], ...] = ()
    adds_up: bool = False
    partials: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    pace: Pace = "at once"
    partition_inputs: tuple[tuple[str, str], ...] = ()
    optional: bool = False

    @property
    def path(self) -> list[str]:
        """Layer and name, as Dagster writes the key of an asset."""
        return self.key.split("/")

    @property
    def layer(self) -> str:
        """The layer: bronze, silver, gold or scratch."""
        return self.path[0]

    @property
    def name(self) -> str:
        """The name within the layer."""
        return self.path[1]

    @property
    def table_checks(self) -> tuple[str, ...]:
        """The blocking checks of the whole table, which follow from its declaration."""
        if not self.unique_key:
            return ()
        return ("unique", "schema", *(rule.name for rule in self.rules if not rule.tolerance))

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [column.name for column in self.columns]

    @property
    def published_columns(self) -> tuple[Column, ...]:
        """The columns that people read in the warehouse."""
        if not self.merged_by:
            return self.columns
        columns = {column.name: column for column in self.columns}
        return (*map(columns.__getitem__, self.merged_by), *(column for column, _ in self.merged))

    @property
    def pii(self) -> tuple[Column, ...]:
        """The columns with personal data."""
        return tuple(column for column in self.columns if column.pii)

    @property
    def arrow_schema(self) -> pa.Schema:
        """The table's schema in Arrow's types."""
        return pa.schema([(column.name, column.type) for column in self.columns])
