"""Monitoring tables: columns of the source, reconciliation, rejected lines, and the stream."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.pipeline.datasets import REVIEW_DATASETS
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.stream_lag import Lag
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES, layers, marts
from amazon_reviews.schemas.vocabulary import MOSTLY_MISSING

_HUB_PARTITION = ["hub", "hub_partition"]


def reconciliation_rows(lakehouse: Lakehouse) -> pa.Table:
    """Return the rows of gold/pipeline_reconciliation."""
    rows = [row.as_dict() | {"balanced": row.balanced} for row in reconcile_all(lakehouse)]
    return pa.Table.from_pylist(rows, marts.PIPELINE_RECONCILIATION.arrow_schema)


def rejected_rows(lakehouse: Lakehouse) -> pa.Table:
    """Return the rows of gold/pipeline_rejected."""
    keys = ["table", "partition", "reason"]
    rejected = _columns(lakehouse, layers.SILVER_REJECTED.key, keys)
    rows = rejected.group_by(keys).aggregate([([], "count_all")])
    return rows.rename_columns([*keys, "lines"]).cast(marts.PIPELINE_REJECTED.arrow_schema)


def source_columns_rows(lakehouse: Lakehouse) -> pa.Table:
    """Return the rows of gold/source_columns, from the column profiles in silver."""
    tables = []
    for dataset in REVIEW_DATASETS:
        profile = _columns(lakehouse, dataset.columns, ["column", "lines", "missing"])
        sums = profile.group_by("column").aggregate([("lines", "sum"), ("missing", "sum")])
        counts = sums.rename_columns(["column", "lines", "missing"])
        tables.append(counts.append_column("table", pa.repeat(dataset.name, counts.num_rows)))
    counts = pa.concat_tables(tables).sort_by([("table", "ascending"), ("column", "ascending")])
    lines = pc.if_else(pc.equal(counts["lines"], 0), None, counts["lines"])
    share = pc.divide(pc.cast(counts["missing"], pa.float64()), lines)
    mostly = pc.fill_null(pc.greater(share, MOSTLY_MISSING), False)
    rows = counts.append_column("missing_share", share).append_column("mostly_missing", mostly)
    return rows.select(marts.SOURCE_COLUMNS.names).cast(marts.SOURCE_COLUMNS.arrow_schema)


def stream_rows(lakehouse: Lakehouse, lags: Mapping[str, Lag] | None) -> pa.Table:
    """Return the rows of gold/pipeline_stream; `lags` are by hub partition, if known."""
    names = [*_HUB_PARTITION, "sequence_number", "enqueued_at"]
    records = _columns(lakehouse, layers.BRONZE_REVIEW_EVENTS.key, [*names, "record"])
    events = records.filter(pc.less_equal(pc.fill_null(records["record"], 1), 1))
    figures = events.group_by(_HUB_PARTITION).aggregate(
        [([], "count_all"), ("sequence_number", "max"), ("enqueued_at", "max")]
    )
    lost = _lost(lakehouse)
    looked_at = None if lags is None else datetime.now(UTC)
    rows = []
    for figure in figures.to_pylist():
        lag = (lags or {}).get(figure["hub_partition"])
        rows.append(
            {
                **{name: figure[name] for name in _HUB_PARTITION},
                "events": figure["count_all"],
                "last_sequence_number": figure["sequence_number_max"],
                "newest_event_at": figure["enqueued_at_max"],
                "lost": lost[figure["hub"], figure["hub_partition"]],
                "lag_events": lag and lag.events,
                "lag_seconds": lag and lag.seconds,
                "looked_at": looked_at,
            }
        )
    return pa.Table.from_pylist(rows, marts.PIPELINE_STREAM.arrow_schema)


def _lost(lakehouse: Lakehouse) -> Counter[tuple[str, str]]:
    gaps = _columns(lakehouse, layers.BRONZE_EVENT_GAPS.key, [*_HUB_PARTITION, "first", "last"])
    missing = pc.add(pc.subtract(gaps["last"], gaps["first"]), 1)
    lost: Counter[tuple[str, str]] = Counter()
    for gap, count in zip(gaps.to_pylist(), missing.to_pylist(), strict=True):
        lost[gap["hub"], gap["hub_partition"]] += count
    return lost


def _columns(lakehouse: Lakehouse, key: str, names: list[str]) -> pa.Table:
    lakehouse.ensure(key)
    # An earlier version of the project may have written the table without some columns.
    rows = lakehouse.delta(key).to_pyarrow_dataset(schema=TABLES[key].arrow_schema)
    return rows.to_table(columns=names)
