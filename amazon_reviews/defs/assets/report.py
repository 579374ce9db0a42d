"""Reports: the marts as one HTML file, and the recommenders' figures as Markdown."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from amazon_reviews.config import REPORT
from amazon_reviews.defs.assets.metadata import megabytes
from amazon_reviews.defs.assets.spec import artifact_spec
from amazon_reviews.disk import Place, explaining
from amazon_reviews.pipeline.artifacts import REPORT_RECOMMENDER, REPORT_REVIEWS
from amazon_reviews.pipeline.versions import record_of
from amazon_reviews.resources.warehouse.base import Warehouse


def report_assets(files: Mapping[str, Path]) -> list[dg.AssetsDefinition]:
    """Return the report of the reviews and that of the recommenders, at these paths by key."""
    page, methods = files[REPORT_REVIEWS.key], files[REPORT_RECOMMENDER.key]

    @dg.multi_asset(
        specs=[artifact_spec(REPORT_REVIEWS)], name="report__reviews", pool="report_reviews"
    )
    def report_reviews(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        """Write the report of the reviews from the marts in the warehouse."""
        # Here because the charts take a second to import.
        from amazon_reviews.serving.report.page import write_report

        built = record_of(REPORT_REVIEWS, warehouse)
        with explaining(Place(REPORT, page.parent)):
            size = write_report(warehouse, page, built=built)
        return _written(page, size)

    @dg.multi_asset(
        specs=[artifact_spec(REPORT_RECOMMENDER)],
        name="report__recommender",
        pool="report_recommender",
    )
    def report_recommender(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        """Write the figures of all recommenders from the warehouse."""
        from amazon_reviews.serving.report.recommender import write_methods

        built = record_of(REPORT_RECOMMENDER, warehouse)
        with explaining(Place(REPORT, methods.parent)):
            size = write_methods(warehouse, methods, built=built)
        return _written(methods, size)

    return [report_reviews, report_recommender]


def _written(path: Path, size: int) -> dg.MaterializeResult:
    where = dg.MetadataValue.path(str(path))
    return dg.MaterializeResult(metadata={"path": where, "size_mb": megabytes(size)})
