"""Gold: reviews joined with products, ready to be read."""

from datetime import timedelta

import dagster as dg

from amazon_reviews.defs.assets.common import (
    StreamScope,
    asset_options,
    failures_of,
    partitioned_result,
)
from amazon_reviews.defs.assets.metadata import accounts_check, table_metadata
from amazon_reviews.defs.automation_conditions import FOLLOW_PARTITION, FOLLOW_TABLES
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.gold import Published, build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.reconciliation import gold_accounts
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine

_FRESH = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=7), warn_window=timedelta(days=2)
)


def _accounted(noun: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        "accounted",
        asset=["gold", noun],
        blocking=True,
        description="rows in silver = rows in gold + rows that another partition keeps",
    )


@dg.asset(
    **asset_options("gold/products", "1", partitioned=False),
    deps=[["silver", "products"]],
    check_specs=[_accounted("products")],
    automation_condition=FOLLOW_TABLES,
    freshness_policy=_FRESH,
)
def gold_products(
    engine: dg.ResourceParam[SparkEngine], lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.MaterializeResult:
    """One row per asin over all landing partitions: the most complete of its rows.

    A missing price is the mean of its main category, else of all products, and flagged.
    """
    build_gold_products(engine.session, lakehouse)
    accounts = list(gold_accounts(lakehouse, PRODUCTS))
    return dg.MaterializeResult(
        metadata=table_metadata(lakehouse, "gold/products"),
        check_results=[accounts_check("accounted", accounts)],
    )


@dg.asset(
    **asset_options("gold/reviews", "1"),
    deps=[
        dg.AssetDep(["silver", "reviews"], partition_mapping=dg.IdentityPartitionMapping()),
        ["silver", "streamed_reviews"],
        ["gold", "products"],
    ],
    check_specs=[_accounted("reviews")],
    automation_condition=FOLLOW_PARTITION,
    freshness_policy=_FRESH,
)
def gold_reviews(
    context: dg.AssetExecutionContext,
    config: StreamScope,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per review over all landing partitions and the stream, joined with its product.

    Of a review that lies in several partitions the earliest in natural order is kept, of one
    that also came by the stream that of the file. When that changes, the partitions that lose
    or regain a row are rebuilt in the same run. Of the stream only what changed is made again.
    """
    names = context.partition_keys
    done: dict[str, Published] = {}
    with failures_of(context) as failures:
        for name, published in build_gold_reviews(
            engine.session, lakehouse, names, engine.batch_rows, rebuild=config.rebuild
        ):
            done[name] = published
            advance(name)
    check = accounts_check("accounted", list(gold_accounts(lakehouse, REVIEWS, list(done))))
    _record_others(context, {name: done[name] for name in done if name not in names})
    figures = {name: _figures(done[name]) for name in names if name in done}
    return partitioned_result(context, lakehouse, figures, failures, [check])


def _record_others(context: dg.AssetExecutionContext, others: dict[str, Published]) -> None:
    for name, published in others.items():
        context.log.info(f"{name} was rebuilt too: it lost or regained a row")
        context.log_event(
            dg.AssetMaterialization(context.asset_key, partition=name, metadata=_figures(published))
        )


def _figures(published: Published) -> dict[str, int]:
    return {
        "dagster/partition_row_count": published.kept,
        "lines": published.lines,
        "duplicates": published.duplicates,
    }
