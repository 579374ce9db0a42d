"""Reports: the marts as one HTML file, and the recommenders' figures as Markdown."""

from pathlib import Path
from typing import Any

import dagster as dg

from amazon_reviews.defs.assets.common import OWNERS
from amazon_reviews.defs.automation_conditions import FOLLOW_TABLES
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas import MART_TABLES, Table
from amazon_reviews.schemas.recommender import RECOMMENDER_EVALUATION


def report_assets(page: Path) -> list[dg.AssetsDefinition]:
    """The report at `page`, and beside it how good the recommenders are: recommender.md."""
    methods = page.with_name("recommender.md")

    @dg.asset(**_options("reviews", "html", *MART_TABLES))
    def report_reviews(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        """One page with the charts of all marts, as a file to open, print or publish."""
        from amazon_reviews.serving.report.page import write_report

        return _written(page, write_report(warehouse, page))

    @dg.asset(**_options("recommender", "markdown", RECOMMENDER_EVALUATION))
    def report_recommender(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        """One page with the tables of all recommenders on every split."""
        from amazon_reviews.serving.report.recommender import write_methods

        return _written(methods, write_methods(warehouse, methods))

    return [report_reviews, report_recommender]


def _options(noun: str, kind: str, *tables: Table) -> dict[str, Any]:
    return {
        "key": ["report", noun],
        "deps": [["warehouse", table.key.split("/")[1]] for table in tables],
        "group_name": "reports",
        "kinds": {kind},
        "owners": OWNERS,
        "code_version": "1",
        "automation_condition": FOLLOW_TABLES,
        "pool": f"report_{noun}",
    }


def _written(path: Path, size: int) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path)), "bytes": size})
