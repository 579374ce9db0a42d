"""Streaming titles: the catalogues of four platforms and the ratings of their users."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from amazon_reviews.config import REPORT
from amazon_reviews.defs.assets.metadata import accounts_check, megabytes, table_metadata
from amazon_reviews.defs.assets.spec import artifact_spec, table_asset
from amazon_reviews.disk import Place, explaining
from amazon_reviews.pipeline.artifacts import EXPORT_TITLES, REPORT_TITLES
from amazon_reviews.pipeline.datasets import TITLES
from amazon_reviews.pipeline.reconciliation import reconcile_gold
from amazon_reviews.pipeline.titles import (
    TitleRatingCounts,
    build_gold_titles,
    build_title_actors,
    export_parquet,
)
from amazon_reviews.pipeline.versions import record_of
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.titles import GOLD_TITLE_ACTORS, GOLD_TITLES


@table_asset(
    GOLD_TITLES,
    checks=[
        dg.AssetCheckSpec(
            "accounted",
            asset=GOLD_TITLES.path,
            blocking=True,
            description="rows in silver/titles = rows in gold/titles, for every platform",
        ),
        dg.AssetCheckSpec(
            "ratings_counted",
            asset=GOLD_TITLES.path,
            blocking=True,
            description="ratings = counted + in another file too + of unknown titles",
        ),
    ],
)
def gold_titles(
    engine: dg.ResourceParam[SparkEngine], lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.MaterializeResult:
    """Build the table of titles, and account for every rating."""
    counted = build_gold_titles(engine.session, lakehouse)
    checks = [
        accounts_check(list(reconcile_gold(lakehouse, TITLES))),
        _ratings_counted(counted),
    ]
    verdicts = {str(check.check_name): check.passed for check in checks}
    lakehouse.record(GOLD_TITLES.key, checks={WHOLE: verdicts})
    return dg.MaterializeResult(
        metadata=table_metadata(lakehouse, GOLD_TITLES.key), check_results=checks
    )


@table_asset(GOLD_TITLE_ACTORS)
def gold_title_actors(
    engine: dg.ResourceParam[SparkEngine], lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.MaterializeResult:
    """Build the table of titles and actors."""
    build_title_actors(engine.session, lakehouse)
    return dg.MaterializeResult(metadata=table_metadata(lakehouse, GOLD_TITLE_ACTORS.key))


def _ratings_counted(counted: TitleRatingCounts) -> dg.AssetCheckResult:
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


def titles_files(files: Mapping[str, Path]) -> list[dg.AssetsDefinition]:
    """Return the table of titles as Parquet, and the report about it, at these paths by key."""
    parquet, page = files[EXPORT_TITLES.key], files[REPORT_TITLES.key]

    @dg.multi_asset(
        specs=[artifact_spec(EXPORT_TITLES)],
        name="export__titles",
        pool="export_titles",
    )
    def export_titles(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
        """Write the table of titles as one Parquet file."""
        built = record_of(EXPORT_TITLES, lakehouse)
        rows = export_parquet(lakehouse, GOLD_TITLES, parquet, built=built)
        path = dg.MetadataValue.path(str(parquet))
        return dg.MaterializeResult(metadata={"path": path, "dagster/row_count": rows})

    @dg.multi_asset(
        specs=[artifact_spec(REPORT_TITLES)],
        name="report__titles",
        pool="report_titles",
    )
    def report_titles(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        """Write the report of the titles from the warehouse."""
        # Here because the charts take a second to import.
        from amazon_reviews.serving.report.page import write_report
        from amazon_reviews.serving.report.titles import TITLES_REPORT

        built = record_of(REPORT_TITLES, warehouse)
        with explaining(Place(REPORT, page.parent)):
            size = write_report(warehouse, page, TITLES_REPORT, built=built)
        path = dg.MetadataValue.path(str(page))
        return dg.MaterializeResult(metadata={"path": path, "size_mb": megabytes(size)})

    return [export_titles, report_titles]
