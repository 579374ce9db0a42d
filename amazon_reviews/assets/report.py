"""The report: the marts as one HTML file."""

from pathlib import Path

import dagster as dg

from amazon_reviews.assets.common import OWNERS
from amazon_reviews.automation.conditions import FOLLOW_TABLES
from amazon_reviews.resources.published import WarehouseResource
from amazon_reviews.schemas import MART_TABLES


def report_asset(path: Path) -> dg.AssetsDefinition:
    """The report at `path`, made from the marts in the warehouse."""

    @dg.asset(
        key=["report", "reviews"],
        deps=[["warehouse", table.key.split("/")[1]] for table in MART_TABLES],
        group_name="reports",
        kinds={"html"},
        owners=OWNERS,
        code_version="1",
        automation_condition=FOLLOW_TABLES,
        pool="report_reviews",
    )
    def report_reviews(warehouse: WarehouseResource) -> dg.MaterializeResult:
        """One page with the charts of all marts, as a file to open, print or publish."""
        from amazon_reviews.serving.report.page import write_report

        size = write_report(warehouse.open(), path)
        return dg.MaterializeResult(
            metadata={"path": dg.MetadataValue.path(str(path)), "bytes": size}
        )

    return report_reviews
