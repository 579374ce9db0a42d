"""Rejected lines by reason, and their partitions, which a replay builds again."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.names import natural_order
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import SILVER_REJECTED


def rejected_by_reason(
    lakehouse: Lakehouse, table: str | None = None, partition: str | None = None
) -> dict[tuple[str, str], int]:
    """Count rejected lines by table and reason: all, or those of one partition."""
    of_partition = None
    if table and partition:
        of_partition = (pc.field("table") == table) & (pc.field("partition") == partition)
    counts = Counter(zip(*_columns(lakehouse, "table", "reason", where=of_partition), strict=True))
    return dict(sorted(counts.items()))


def partitions_with_rejected(lakehouse: Lakehouse) -> dict[str, list[str]]:
    """Return the partitions that have rejected lines, by key of their silver table.

    The stream is built again as a whole.
    """
    pairs = set(zip(*_columns(lakehouse, "table", "partition"), strict=True))
    names: dict[str, set[str]] = {}
    for table, partition in pairs:
        whole = table == STREAM.name
        names.setdefault(f"silver/{table}", set()).add(WHOLE if whole else partition)
    return {key: natural_order(partitions) for key, partitions in sorted(names.items())}


def _columns(
    lakehouse: Lakehouse, *names: str, where: pc.Expression | None = None
) -> list[list[str]]:
    if not lakehouse.exists(SILVER_REJECTED.key):
        return [[] for _ in names]
    dataset = lakehouse.delta(SILVER_REJECTED.key).to_pyarrow_dataset()
    rows: pa.Table = dataset.to_table(columns=list(names), filter=where)
    return [rows[name].to_pylist() for name in names]
