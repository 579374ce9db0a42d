"""Gold: products, and reviews joined with them."""

from collections.abc import Sequence

import dagster as dg

from amazon_reviews.defs.assets.metadata import (
    account_check,
    accounts_check,
    is_behind,
    record_accounted,
    table_metadata,
    version_tags,
)
from amazon_reviews.defs.assets.partitioned import (
    ReviewScope,
    failures_of,
    names_of,
    partitioned_result,
)
from amazon_reviews.defs.assets.spec import Events, check_spec, table_asset
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS, STREAM
from amazon_reviews.pipeline.gold import GoldCounts, build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.reconciliation import reconcile_gold
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import Table
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS


def _accounted(table: Table) -> dg.AssetCheckSpec:
    return check_spec(
        table, "accounted", "rows in silver = rows in gold + rows that another partition keeps"
    )


@table_asset(GOLD_PRODUCTS, checks=[_accounted(GOLD_PRODUCTS)])
def gold_products(
    engine: dg.ResourceParam[SparkEngine], lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.MaterializeResult:
    """Build the table of products."""
    build_gold_products(engine.session, lakehouse)
    accounts = list(reconcile_gold(lakehouse, PRODUCTS))
    record_accounted(lakehouse, GOLD_PRODUCTS.key, accounts, whole=True)
    return dg.MaterializeResult(
        metadata=table_metadata(lakehouse, GOLD_PRODUCTS.key),
        check_results=[accounts_check(accounts)],
    )


@table_asset(GOLD_REVIEWS, checks=[_accounted(GOLD_REVIEWS)])
def gold_reviews(
    context: dg.AssetExecutionContext,
    config: ReviewScope,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Events:
    """Build the partitions of a run, and those that lose or regain a row to them."""
    names = names_of(context, config)
    done: dict[str, GoldCounts] = {}
    with failures_of(context) as failures:
        for name, published in build_gold_reviews(
            engine.session, lakehouse, names, engine.batch_rows, rebuild=config.rebuild
        ):
            done[name] = published
            advance(name)
    checks = {name: [check] for name, check in accounted_reviews(lakehouse, [*done]).items()}
    for name in done.keys() - {*names}:
        context.log.info(f"{name} was rebuilt too: it lost or regained a row")
        context.log_event(materialization(lakehouse, name, done[name]))
    figures = {name: _figures(done[name]) for name in names if name in done}
    if same := sum(not done[name].rewritten for name in figures):
        rest = len(figures) - same
        context.log.info(
            f"{rest} of {len(figures)} partitions were rebuilt; the others hold no review that "
            "changed, nor one of a changed product"
        )
    yield from partitioned_result(context, lakehouse, figures, failures, checks)


def accounted_reviews(lakehouse: Lakehouse, names: Sequence[str]) -> dict[str, dg.AssetCheckResult]:
    """Return the check `accounted` of partitions of gold/reviews that were built, and record it.

    A stream run may have more of the stream in silver by now: it builds gold again, and checks it.
    """
    accounts = [
        account
        for account in reconcile_gold(lakehouse, REVIEWS, names)
        if account.balanced
        or account.partition != STREAM.partition
        or not is_behind(lakehouse, GOLD_REVIEWS.key, STREAM.silver, STREAM.partition)
    ]
    record_accounted(lakehouse, GOLD_REVIEWS.key, accounts)
    return {account.partition: account_check(account) for account in accounts}


def materialization(
    lakehouse: Lakehouse, name: str, counts: GoldCounts, **metadata: float
) -> dg.AssetMaterialization:
    """Return the event of a partition of gold/reviews that a step logs itself."""
    return dg.AssetMaterialization(
        GOLD_REVIEWS.path,
        partition=name,
        metadata={**_figures(counts), **metadata},
        tags=version_tags(lakehouse, GOLD_REVIEWS.key, name),
    )


def _figures(published: GoldCounts) -> dict[str, int | bool]:
    return {
        "dagster/partition_row_count": published.kept,
        "lines": published.lines,
        "duplicates": published.duplicates,
        "rewritten": published.rewritten,
    }
