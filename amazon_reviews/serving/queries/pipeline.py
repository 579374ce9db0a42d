"""Queries of the pipeline: reconciliation, rejected lines, missing values, freshness, runs."""

import pyarrow as pa

from amazon_reviews.resources.landing.names import natural_key
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.queries.query import mart, query


@query("gold/pipeline_reconciliation")
def reconciliation(warehouse: Warehouse) -> pa.Table:
    """One row per layer, table and partition in natural order, those that do not balance first.

    `duplicate_share` and `rejected_share` are parts of the lines; null without lines.
    """
    table = mart(
        warehouse,
        "gold/pipeline_reconciliation",
        "m.balanced, m.layer, m.table, m.partition",
        columns="m.*, m.duplicates / NULLIF(m.lines, 0) AS duplicate_share, "
        "m.rejected / NULLIF(m.lines, 0) AS rejected_share",
    )
    keys = [
        (row["balanced"], row["layer"], row["table"], natural_key(row["partition"]))
        for row in table.to_pylist()
    ]
    # SQL has no natural order: partition_10 would precede partition_2.
    order = sorted(range(table.num_rows), key=keys.__getitem__)
    return table.take(pa.array(order, pa.int64()))


@query("gold/pipeline_rejected")
def rejected(warehouse: Warehouse) -> pa.Table:
    """One row per table, partition and rejection reason, most lines first."""
    order = "m.lines DESC, m.table, m.partition, m.reason"
    return mart(warehouse, "gold/pipeline_rejected", order)


@query("gold/source_columns")
def source_columns(warehouse: Warehouse) -> pa.Table:
    """One row per column of the landing files, the largest missing share first."""
    order = "m.missing_share DESC, m.table, m.column"
    return mart(warehouse, "gold/source_columns", order)


@query("gold/freshness")
def freshness(warehouse: Warehouse) -> pa.Table:
    """One row per source: batch and stream."""
    return mart(warehouse, "gold/freshness", "m.source")


@query("gold/pipeline_stream")
def stream(warehouse: Warehouse) -> pa.Table:
    """One row per partition of the event hub."""
    return mart(warehouse, "gold/pipeline_stream", "m.hub, m.hub_partition")


@query("gold/pipeline_runs")
def runs(warehouse: Warehouse) -> pa.Table:
    """One row per run, newest first."""
    return mart(warehouse, "gold/pipeline_runs", "m.started_at DESC, m.run_id")
