"""Delta tables without the lakehouse, for tests of warehouses."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

PARTITIONS: list[str | None] = ["partition_1", "a b", "50%", "q'uo\"te", "x=y/é", None]


MERGED: dict[str, Any] = {
    "sort_by": "asin",
    "merged_by": ("asin",),
    "merged": {
        "reviews": (pa.int64(), "sum(reviews)"),
        "mean_stars": (pa.float64(), "sum(star_tenths) / 10 / nullif(sum(rated), 0)"),
    },
}
"""The declaration of a table that holds `parts`."""


def parts(*rows: tuple[str, str, int, int | None, int]) -> pa.Table:
    """Return partial counts of products: partition, product, reviews, tenths of stars, rated."""
    names = ("partition", "asin", "reviews", "star_tenths", "rated")
    types = (pa.string(), pa.string(), pa.int64(), pa.int64(), pa.int64())
    columns = zip(*rows, strict=True)
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def numbers(*values: int, partition: str | None = "p") -> pa.Table:
    """Return a table of numbers in one partition."""
    partitions = pa.array([partition] * len(values), pa.string())
    return pa.table({"number": pa.array(values, pa.int64()), "partition": partitions})


def delta(path: Path, table: pa.Table, mode: str = "append", **options: Any) -> int:
    """Write one commit of a table partitioned by `partition`; return the Delta version."""
    options |= {"partition_by": ["partition"], "mode": mode}
    write_deltalake(str(path), table, **options)
    return DeltaTable(str(path)).version()


def replace_partition(path: Path, partition: str, table: pa.Table) -> int:
    """Replace one partition in one commit; return the Delta version."""
    escaped = partition.replace("'", "''")
    return delta(path, table, mode="overwrite", predicate=f"partition = '{escaped}'")


def typed_rows(count: int) -> pa.Table:
    """Return an even number of rows, at most six, with values of each type and nulls."""
    day, instant = date(2018, 2, 28), datetime(2018, 2, 28, 23, 59, 59, 123456, UTC)
    columns = {
        "partition": pa.array(PARTITIONS[:count]),
        "price": pa.array([Decimal("12.30"), None] * (count // 2), pa.decimal128(12, 2)),
        "reviewed_on": pa.array([day, None] * (count // 2)),
        "style": pa.array(
            [[("Size:", "M")], None] * (count // 2), pa.map_(pa.string(), pa.string())
        ),
        "categories": pa.array([["Books", None], []] * (count // 2), pa.list_(pa.string())),
        "read_at": pa.array([instant, None] * (count // 2), pa.timestamp("us", "UTC")),
        "local_time": pa.array(
            [instant.replace(tzinfo=None), None] * (count // 2), pa.timestamp("us")
        ),
        "verified": pa.array([True, None] * (count // 2)),
        "vote": pa.array([7, None] * (count // 2), pa.int32()),
        "text": pa.array(['it\'s "so"\nso \U0001f600', ""] * (count // 2)),
    }
    return pa.table(columns)


def edit_stats(path: Path, version: int, change: Callable[[dict[str, Any]], str | None]) -> None:
    """Rewrite the statistics that a commit holds for its files."""
    commit = path / "_delta_log" / f"{version:020}.json"
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["stats"] = change(json.loads(action["add"]["stats"]))
    commit.write_text("\n".join(map(json.dumps, actions)))
