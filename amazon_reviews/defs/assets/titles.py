"""Streaming titles: the catalogues of four platforms and the ratings of their users."""

from pathlib import Path

import dagster as dg

from amazon_reviews.defs.assets.bronze import ingest_partitions
from amazon_reviews.defs.assets.common import OWNERS, asset_options
from amazon_reviews.defs.assets.metadata import accounts_check, table_metadata
from amazon_reviews.defs.assets.silver import accounted, build_silver_partitions, rows_kept
from amazon_reviews.defs.automation_conditions import FOLLOW_PARTITION, FOLLOW_TABLES
from amazon_reviews.pipeline.datasets import TITLE_RATINGS, TITLES
from amazon_reviews.pipeline.reconciliation import gold_accounts
from amazon_reviews.pipeline.titles import (
    Counted,
    build_gold_titles,
    build_title_actors,
    export_parquet,
)
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.titles import GOLD_TITLES

_GROUP = "titles"
_KEY = ["gold", "titles"]


@dg.asset(**asset_options("bronze/titles", "1", group=_GROUP))
def bronze_titles(
    context: dg.AssetExecutionContext,
    landing: dg.ResourceParam[LandingZone],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per record of a platform's catalogue, kept as it came."""
    return ingest_partitions(context, landing, lakehouse, TITLES)


@dg.asset(**asset_options("bronze/title_ratings", "1", group=_GROUP))
def bronze_title_ratings(
    context: dg.AssetExecutionContext,
    landing: dg.ResourceParam[LandingZone],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per record of a file of ratings, kept as it came."""
    return ingest_partitions(context, landing, lakehouse, TITLE_RATINGS)


@dg.asset(
    **asset_options("silver/titles", "2", group=_GROUP),
    deps=[["bronze", "titles"]],
    check_specs=[accounted(["silver", "titles"]), rows_kept(["silver", "titles"])],
    automation_condition=FOLLOW_PARTITION,
)
def silver_titles(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per distinct title of a platform, typed and in lower case.

    Durations that stand in the column of the maturity rating are put where they belong.
    """
    return build_silver_partitions(context, engine, lakehouse, TITLES)


@dg.asset(
    **asset_options("silver/title_ratings", "2", group=_GROUP),
    deps=[["bronze", "title_ratings"]],
    check_specs=[accounted(["silver", "title_ratings"]), rows_kept(["silver", "title_ratings"])],
    automation_condition=FOLLOW_PARTITION,
)
def silver_title_ratings(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per distinct rating of a file: user, title, rating and time."""
    return build_silver_partitions(context, engine, lakehouse, TITLE_RATINGS)


@dg.asset(
    **asset_options("gold/titles", "1", partitioned=False, group=_GROUP),
    deps=[["silver", "titles"], ["silver", "title_ratings"]],
    check_specs=[
        dg.AssetCheckSpec(
            "accounted",
            asset=_KEY,
            blocking=True,
            description="rows in silver/titles = rows in gold/titles, for every platform",
        ),
        dg.AssetCheckSpec(
            "ratings_counted",
            asset=_KEY,
            blocking=True,
            description="ratings = counted + in another file too + of unknown titles",
        ),
    ],
    automation_condition=FOLLOW_TABLES,
)
def gold_titles(
    engine: dg.ResourceParam[SparkEngine], lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.MaterializeResult:
    """One row per title of a platform, with the mean and the number of its ratings.

    A rating that came in several files counts once.
    """
    counted = build_gold_titles(engine.session, lakehouse)
    accounts = list(gold_accounts(lakehouse, TITLES))
    return dg.MaterializeResult(
        metadata=table_metadata(lakehouse, "gold/titles"),
        check_results=[accounts_check("accounted", accounts), _ratings_counted(counted)],
    )


@dg.asset(
    **asset_options("gold/title_actors", "1", partitioned=False, group=_GROUP),
    deps=[["silver", "titles"]],
    automation_condition=FOLLOW_TABLES,
)
def gold_title_actors(
    engine: dg.ResourceParam[SparkEngine], lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.MaterializeResult:
    """One row per title and actor."""
    build_title_actors(engine.session, lakehouse)
    return dg.MaterializeResult(metadata=table_metadata(lakehouse, "gold/title_actors"))


def _ratings_counted(counted: Counted) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name="ratings_counted",
        passed=counted.balanced,
        description=None if counted.balanced else f"unbalanced: {counted}",
        metadata={
            "ratings": counted.lines,
            "counted": counted.kept,
            "in_another_file_too": counted.duplicates,
            "of_unknown_titles": counted.unknown,
        },
    )


def titles_files(folder: Path) -> list[dg.AssetsDefinition]:
    """What is written of the titles into a folder: one Parquet file, and the report."""
    parquet, page = folder / "titles.parquet", folder / "report.html"

    @dg.asset(
        key=["export", "titles"],
        deps=[_KEY],
        group_name=_GROUP,
        kinds={"parquet"},
        owners=OWNERS,
        code_version="1",
        automation_condition=FOLLOW_TABLES,
        pool="export_titles",
    )
    def export_titles(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
        """One Parquet file with the rows of gold/titles."""
        rows = export_parquet(lakehouse, GOLD_TITLES, parquet)
        path = dg.MetadataValue.path(str(parquet))
        return dg.MaterializeResult(metadata={"path": path, "dagster/row_count": rows})

    @dg.asset(
        key=["report", "titles"],
        deps=[["warehouse", "titles"]],
        group_name="reports",
        kinds={"html"},
        owners=OWNERS,
        code_version="1",
        automation_condition=FOLLOW_TABLES,
        pool="report_titles",
    )
    def report_titles(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        """One page that explores the titles: what is missing, and how they are distributed."""
        from amazon_reviews.serving.report.page import write_report
        from amazon_reviews.serving.report.titles import TITLES_REPORT

        size = write_report(warehouse, page, TITLES_REPORT)
        path = dg.MetadataValue.path(str(page))
        return dg.MaterializeResult(metadata={"path": path, "bytes": size})

    return [export_titles, report_titles]
