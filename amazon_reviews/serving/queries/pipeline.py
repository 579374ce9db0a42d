"""Questions about the pipeline: what came in, what was refused, how fresh it is."""

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.queries.query import mart, reads


@reads("gold/pipeline_reconciliation")
def books(warehouse: Warehouse) -> pa.Table:
    """One row per layer, table and partition, those that do not balance first."""
    return mart(
        warehouse, "gold/pipeline_reconciliation", "m.balanced, m.layer, m.table, m.partition"
    )


@reads("gold/pipeline_rejected")
def rejected(warehouse: Warehouse) -> pa.Table:
    """One row per table, partition and reason of refusal, most lines first."""
    order = "m.lines DESC, m.table, m.partition, m.reason"
    return mart(warehouse, "gold/pipeline_rejected", order)


@reads("gold/source_columns")
def source_columns(warehouse: Warehouse) -> pa.Table:
    """One row per column of the landing files, the most missing first."""
    order = "m.missing_share DESC, m.table, m.column"
    return mart(warehouse, "gold/source_columns", order)


@reads("gold/freshness")
def freshness(warehouse: Warehouse) -> pa.Table:
    """One row per source: batch and stream."""
    return mart(warehouse, "gold/freshness", "m.source")


@reads("gold/pipeline_stream")
def stream(warehouse: Warehouse) -> pa.Table:
    """One row per partition of the event hub."""
    return mart(warehouse, "gold/pipeline_stream", "m.hub, m.hub_partition")


@reads("gold/pipeline_runs")
def runs(warehouse: Warehouse) -> pa.Table:
    """One row per run, newest first."""
    return mart(warehouse, "gold/pipeline_runs", "m.started_at DESC, m.run_id")
