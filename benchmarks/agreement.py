"""Comparison of gold/reviews after two runs."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

_COMPARED = ("review_text", "summary", "word_count", "overall", "reviewed_on", "vote")
_SAMPLE_ROWS = 5_000


@dataclass(frozen=True)
class Agreement:
    """The comparison of a sample of reviews.

    Attributes:
        ids: Reviews in both tables.
        only_in_one: Reviews in only one of the tables.
        differing: Reviews with different values, by column.
    """

    ids: int
    only_in_one: int
    differing: dict[str, int]

    @property
    def complete(self) -> bool:
        """True if there is no difference."""
        return not self.only_in_one and not any(self.differing.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison for JSON."""
        return asdict(self) | {"complete": self.complete}


def compare(lakehouse_gold: Path, peer_gold: Path, rows: int) -> Agreement:
    """Compare about 5,000 reviews, which are selected by the first hex digits of their id."""
    from deltalake import DeltaTable

    share = max(1, min(256, -(-_SAMPLE_ROWS * 256 // max(1, rows))))
    first = f"review_id < '{share:02x}'" if share < 256 else "true"
    columns = ", ".join(("review_id", *_COMPARED))
    with duckdb.connect() as db:
        db.register("project_gold", DeltaTable(str(lakehouse_gold)).to_pyarrow_dataset())
        db.execute(f"CREATE TABLE ours AS SELECT {columns} FROM project_gold WHERE {first}")
        peer = f"read_parquet('{peer_gold}/**/*.parquet')"
        db.execute(f"CREATE TABLE theirs AS SELECT {columns} FROM {peer} WHERE {first}")
        differing = ", ".join(
            f"count(*) FILTER (o.{name} IS DISTINCT FROM t.{name})" for name in _COMPARED
        )
        ids, *counts = _row(
            db, f"SELECT count(*), {differing} FROM ours o JOIN theirs t USING (review_id)"
        )
        both = "ours o FULL JOIN theirs t USING (review_id)"
        missing = "o.review_id IS NULL OR t.review_id IS NULL"
        (only,) = _row(db, f"SELECT count(*) FROM {both} WHERE {missing}")
    return Agreement(ids, only, dict(zip(_COMPARED, counts, strict=True)))


def _row(db: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = db.execute(query).fetchone()
    assert row is not None
    return row
