"""Reports: the marts as one HTML file, and the recommenders' figures as Markdown."""

from pathlib import Path

import dagster as dg

from amazon_reviews.defs.assets.spec import file_spec
from amazon_reviews.defs.automation_conditions import FOLLOW_TABLES
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas import MART_TABLES, Table
from amazon_reviews.schemas.recommender import RECOMMENDER_EVALUATION


def report_assets(page: Path) -> list[dg.AssetsDefinition]:
    """Return the report at `page`, and recommender.md beside it with the recommenders' figures."""
    methods = page.with_name("recommender.md")

    @dg.multi_asset(
        specs=[
            _spec("reviews", "html", "One page with the charts of all marts.", *MART_TABLES),
        ],
        name="report__reviews",
        pool="report_reviews",
    )
    def report_reviews(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        # Here because the charts take a second to import.
        from amazon_reviews.serving.report.page import write_report

        return _written(page, write_report(warehouse, page))

    @dg.multi_asset(
        specs=[
            _spec(
                "recommender",
                "markdown",
                "One page with the figures of all recommenders on every split.",
                RECOMMENDER_EVALUATION,
            )
        ],
        name="report__recommender",
        pool="report_recommender",
    )
    def report_recommender(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        from amazon_reviews.serving.report.recommender import write_methods

        return _written(methods, write_methods(warehouse, methods))

    return [report_reviews, report_recommender]


def _spec(name: str, kind: str, description: str, *tables: Table) -> dg.AssetSpec:
    return file_spec(
        ["report", name],
        inputs=[f"warehouse/{table.name}" for table in tables],
        group="reports",
        kinds={kind},
        condition=FOLLOW_TABLES,
        description=description,
    )


def _written(path: Path, size: int) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path)), "bytes": size})
