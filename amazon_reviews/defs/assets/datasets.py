"""Bronze and silver of every dataset, and the lines that silver rejected."""

from collections.abc import Sequence

import dagster as dg

from amazon_reviews.defs.assets.metadata import (
    account_check,
    megabytes,
    record_accounted,
    rows_metadata,
    share_of,
    table_metadata,
)
from amazon_reviews.defs.assets.partitioned import (
    PartitionScope,
    failures_of,
    names_of,
    partitioned_result,
)
from amazon_reviews.defs.assets.spec import Events, check_spec, table_asset
from amazon_reviews.pipeline.bronze import ingest_each
from amazon_reviews.pipeline.datasets import DATASETS, Dataset
from amazon_reviews.pipeline.intake import Intake
from amazon_reviews.pipeline.outputs import inputs_of
from amazon_reviews.pipeline.reconciliation import (
    ROWS_KEPT,
    Reconciliation,
    describe_wholly_rejected,
    reconcile_silver,
)
from amazon_reviews.pipeline.rejected import rejected_by_reason
from amazon_reviews.pipeline.review_products import build_review_products
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import TABLES, Table
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import SILVER_REJECTED, SILVER_REVIEW_PRODUCTS
from amazon_reviews.shown_text import markdown_text


def accounted(table: Table) -> dg.AssetCheckSpec:
    """Return the blocking check that every line of a silver table's input is accounted for."""
    return check_spec(table, "accounted", "lines = kept + duplicates + rejected")


def _rows_kept_spec(table: Table) -> dg.AssetCheckSpec:
    """Return the check that a partition keeps rows.

    It does not block: the content of the tables below depends on the present inputs alone, and a
    partition without usable lines has no rows there.
    """
    return check_spec(
        table, ROWS_KEPT, "a partition that had lines keeps at least one row", blocking=False
    )


def dataset_assets(dataset: Dataset) -> list[dg.AssetsDefinition]:
    """Return the assets of a dataset: bronze and silver."""
    silver = TABLES[dataset.silver]

    @table_asset(TABLES[dataset.bronze])
    def bronze(
        context: dg.AssetExecutionContext,
        config: PartitionScope,
        landing: dg.ResourceParam[LandingZone],
        lakehouse: dg.ResourceParam[Lakehouse],
        intake: dg.ResourceParam[Intake],
    ) -> Events:
        names = names_of(context, config)
        yield from _ingest(context, landing, lakehouse, dataset, names, intake)

    @table_asset(silver, checks=[accounted(silver), _rows_kept_spec(silver)])
    def build(
        context: dg.AssetExecutionContext,
        config: PartitionScope,
        engine: dg.ResourceParam[SparkEngine],
        lakehouse: dg.ResourceParam[Lakehouse],
    ) -> Events:
        yield from _build_silver(context, engine, lakehouse, dataset, names_of(context, config))

    return [bronze, build]


def _ingest(
    context: dg.AssetExecutionContext,
    landing: LandingZone,
    lakehouse: Lakehouse,
    dataset: Dataset,
    names: Sequence[str],
    intake: Intake,
) -> Events:
    """Read each partition; one that cannot be read fails alone, after the others are done."""
    figures: dict[str, dict[str, float | str]] = {}
    with failures_of(context) as failures:
        for name, read in ingest_each(landing, lakehouse, dataset, names, intake):
            figures[name] = {
                "dagster/partition_row_count": read.lines,
                "files": read.files,
                "read_mb": megabytes(read.size),
                "profiles": ", ".join(
                    f"{profile} ({files})" for profile, files in sorted(read.profiles.items())
                ),
            }
            advance(name)
    fingerprints = lakehouse.transaction_versions(
        dataset.bronze, map(dataset.fingerprint_id, figures)
    )
    for name, values in figures.items():
        # As text: the UI's numbers are not exact beyond 53 bits.
        values["fingerprint"] = f"{fingerprints[dataset.fingerprint_id(name)] or 0:016x}"
    yield from partitioned_result(context, lakehouse, figures, failures)


def _build_silver(
    context: dg.AssetExecutionContext,
    engine: SparkEngine,
    lakehouse: Lakehouse,
    dataset: Dataset,
    names: Sequence[str],
) -> Events:
    """Build the partitions of a run, and account for every line of them."""
    figures = {}
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
    accounts = list(reconcile_silver(lakehouse, dataset, list(figures)))
    record_accounted(lakehouse, dataset.silver, accounts)
    checks = {
        account.partition: [account_check(account), _rows_kept(lakehouse, account)]
        for account in accounts
    }
    yield from partitioned_result(context, lakehouse, figures, failures, checks)


@table_asset(SILVER_REVIEW_PRODUCTS)
def review_products(
    context: dg.AssetExecutionContext,
    config: PartitionScope,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Events:
    """Build the products that the reviews of the run's partitions name."""
    figures: dict[str, dict[str, int]] = {}
    names = names_of(context, config)
    with failures_of(context) as failures:
        for name, rows in build_review_products(
            engine.session, lakehouse, names, engine.batch_rows
        ):
            figures[name] = {"dagster/partition_row_count": rows}
            advance(name)
    yield from partitioned_result(context, lakehouse, figures, failures)


DATASET_ASSETS = [asset for dataset in DATASETS for asset in dataset_assets(dataset)] + [
    review_products
]
"""The assets of every dataset."""


@table_asset(SILVER_REJECTED)
def silver_rejected(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Show the rejected lines by reason; silver writes them."""
    inputs = {key: lakehouse.versions(key).get(WHOLE, 0) for key in inputs_of(SILVER_REJECTED)}
    lakehouse.ensure(SILVER_REJECTED.key)
    lakehouse.record(SILVER_REJECTED.key, {WHOLE: inputs})
    counts = rejected_by_reason(lakehouse)
    by_reason = [[*key, n] for key, n in counts.items()]
    metadata = {
        **table_metadata(lakehouse, SILVER_REJECTED.key),
        "by_reason": rows_metadata(["table", "reason", "lines"], by_reason),
    }
    return dg.MaterializeResult(metadata=metadata)


def _rows_kept(lakehouse: Lakehouse, account: Reconciliation) -> dg.AssetCheckResult:
    emptied = next(describe_wholly_rejected(lakehouse, [account]), None)
    return dg.AssetCheckResult(
        check_name=ROWS_KEPT,
        passed=not emptied,
        description=markdown_text(emptied or f"{account.kept:,} of {account.lines:,} lines kept"),
        metadata={"kept_share": share_of(account.kept, account.lines)},
    )
