"""Silver: typed, cleaned, one row per thing; what was refused lies in silver/rejected."""

from collections.abc import Sequence

import dagster as dg

from amazon_reviews.defs.assets.common import asset_options, failures_of, partitioned_result
from amazon_reviews.defs.assets.metadata import accounts_check, table_metadata
from amazon_reviews.defs.automation_conditions import FOLLOW_PARTITION, FOLLOW_TABLES
from amazon_reviews.markdown import markdown
from amazon_reviews.pipeline.column_profile import count_columns
from amazon_reviews.pipeline.datasets import DATASETS, PRODUCTS, REVIEWS, Dataset
from amazon_reviews.pipeline.reconciliation import ROWS_KEPT, Account, nothing_kept, silver_accounts
from amazon_reviews.pipeline.rejected import rejected_by_reason
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine


def accounted(key: Sequence[str]) -> dg.AssetCheckSpec:
    """The blocking check that every line of a silver table's input is accounted for."""
    return dg.AssetCheckSpec(
        "accounted",
        asset=key,
        blocking=True,
        description="lines = kept + duplicates + rejected, for every partition of the run",
    )


def rows_kept(key: Sequence[str]) -> dg.AssetCheckSpec:
    """The check that no partition of a silver table has lost all of its lines to rejection."""
    return dg.AssetCheckSpec(
        ROWS_KEPT,
        asset=key,
        description="every partition of the run that had lines keeps at least one row",
    )


@dg.asset(
    **asset_options("silver/reviews", "2"),
    deps=[["bronze", "reviews"]],
    check_specs=[accounted(["silver", "reviews"]), rows_kept(["silver", "reviews"])],
    automation_condition=FOLLOW_PARTITION,
)
def silver_reviews(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per distinct review of a landing partition, typed and cleaned.

    The first of its kind by file and line is kept. Refused lines go to silver/rejected with
    their reason, repeated ones to silver/duplicates.
    """
    return build_silver_partitions(context, engine, lakehouse, REVIEWS)


@dg.asset(
    **asset_options("silver/products", "2"),
    deps=[["bronze", "products"]],
    check_specs=[accounted(["silver", "products"]), rows_kept(["silver", "products"])],
    automation_condition=FOLLOW_PARTITION,
)
def silver_products(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per distinct product line of a landing partition, typed and cleaned."""
    return build_silver_partitions(context, engine, lakehouse, PRODUCTS)


@dg.asset(
    **asset_options("silver/reviews_columns", "1", group="marts"),
    deps=[["bronze", "reviews"]],
    automation_condition=FOLLOW_PARTITION,
)
def silver_reviews_columns(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per landing partition and column of the source's reviews: where it is missing."""
    return _count_columns(context, engine, lakehouse, REVIEWS)


@dg.asset(
    **asset_options("silver/products_columns", "1", group="marts"),
    deps=[["bronze", "products"]],
    automation_condition=FOLLOW_PARTITION,
)
def silver_products_columns(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per landing partition and column of the source's products: where it is missing."""
    return _count_columns(context, engine, lakehouse, PRODUCTS)


@dg.asset(
    **asset_options("silver/rejected", "1", partitioned=False),
    deps=[["silver", dataset.name] for dataset in DATASETS],
    automation_condition=FOLLOW_TABLES,
)
def silver_rejected(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """One row per refused line or event: raw text, reason, where from, when.

    The rows are written together with the silver partition that refuses them; this asset shows
    them by reason. `amazon-reviews rejected replay` runs them again after a rule was mended.
    """
    lakehouse.ensure("silver/rejected")
    counts = rejected_by_reason(lakehouse)
    table = markdown(["table", "reason", "lines"], [[*key, n] for key, n in counts.items()])
    metadata = {
        **table_metadata(lakehouse, "silver/rejected"),
        "by_reason": dg.MetadataValue.md(table),
    }
    return dg.MaterializeResult(metadata=metadata)


def _count_columns(
    context: dg.AssetExecutionContext, engine: SparkEngine, lakehouse: Lakehouse, dataset: Dataset
) -> dg.MaterializeResult:
    figures: dict[str, dict[str, int]] = {}
    names = context.partition_keys
    with failures_of(context) as failures:
        for name, rows in count_columns(
            engine.session, lakehouse, dataset, names, engine.batch_rows
        ):
            figures[name] = {"dagster/partition_row_count": rows}
            advance(name)
    return partitioned_result(context, lakehouse, figures, failures)


def build_silver_partitions(
    context: dg.AssetExecutionContext, engine: SparkEngine, lakehouse: Lakehouse, dataset: Dataset
) -> dg.MaterializeResult:
    """Refine the partitions of a run, and account for every line of them."""
    figures = {}
    names = context.partition_keys
    with failures_of(context) as failures:
        for name, done in build_silver(
            engine.session, lakehouse, dataset, names, engine.batch_rows
        ):
            figures[name] = {
                "dagster/partition_row_count": done.kept,
                "lines": done.lines,
                "duplicates": done.duplicates,
                "rejected": sum(done.rejected.values()),
                **{f"rejected_{reason}": count for reason, count in sorted(done.rejected.items())},
            }
            advance(name)
    accounts = list(silver_accounts(lakehouse, dataset, list(figures)))
    checks = [accounts_check("accounted", accounts), _rows_kept(lakehouse, accounts)]
    return partitioned_result(context, lakehouse, figures, failures, checks)


def _rows_kept(lakehouse: Lakehouse, accounts: Sequence[Account]) -> dg.AssetCheckResult:
    emptied = list(nothing_kept(lakehouse, accounts))
    return dg.AssetCheckResult(
        check_name=ROWS_KEPT,
        passed=not emptied,
        description="; ".join(emptied) or None,
        metadata={"partitions_without_rows": len(emptied)},
    )
