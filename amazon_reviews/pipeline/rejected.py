"""What was refused: by reason, and again after a rule was mended."""

from collections import Counter

import pyarrow as pa

from amazon_reviews.resources.lakehouse import Lakehouse
from amazon_reviews.resources.landing_files import natural_order
from amazon_reviews.schemas.layers import SILVER_REJECTED


def rejected_by_reason(lakehouse: Lakehouse) -> dict[tuple[str, str], int]:
    """Refused lines by table and reason, in that order."""
    counts = Counter(zip(*_columns(lakehouse, "table", "reason"), strict=True))
    return dict(sorted(counts.items()))


def partitions_with_rejected(lakehouse: Lakehouse) -> dict[str, list[str]]:
    """The landing partitions that have refused lines, by table."""
    pairs = set(zip(*_columns(lakehouse, "table", "partition"), strict=True))
    tables = sorted({table for table, _ in pairs})
    return {table: natural_order(name for of, name in pairs if of == table) for table in tables}


def _columns(lakehouse: Lakehouse, *names: str) -> list[list[str]]:
    if not lakehouse.exists(SILVER_REJECTED.key):
        return [[] for _ in names]
    rows: pa.Table = lakehouse.delta(SILVER_REJECTED.key).to_pyarrow_table(columns=list(names))
    return [rows[name].to_pylist() for name in names]
