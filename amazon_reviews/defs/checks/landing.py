"""The checks that every file of the landing zone is read."""

import dagster as dg

from amazon_reviews.defs.assets.metadata import rows_metadata
from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.datasets import DATASETS, REVIEWS, Dataset
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.schemas import TABLES
from amazon_reviews.shown_text import markdown_text

EVERY_FILE_READ = "every_file_read"


def every_file_read(dataset: Dataset) -> dg.AssetChecksDefinition:
    """Return the check of a dataset's folder; that of the reviews covers the other folders too."""
    others = ", and nothing is outside of the datasets' folders" if dataset == REVIEWS else ""

    @dg.asset_check(
        asset=TABLES[dataset.bronze].path,
        name=EVERY_FILE_READ,
        description=f"every file in {dataset.folder} of the landing zone is read{others}",
        config_schema={},
    )
    def check(landing: dg.ResourceParam[LandingZone]) -> dg.AssetCheckResult:
        return _check(landing, dataset)

    return check


def _check(landing: LandingZone, dataset: Dataset) -> dg.AssetCheckResult:
    try:
        listing = landing.listing(dataset.folder, dataset.layout)
        unmatched = listing.unmatched
        if dataset == REVIEWS:
            folders = [dataset.folder for dataset in DATASETS]
            unmatched.update(landing.unmatched_elsewhere(folders))
    except LandingError as error:
        return dg.AssetCheckResult(
            passed=False, severity=dg.AssetCheckSeverity.WARN, description=markdown_text(error)
        )
    rows = unmatched.rows()
    texts = [*unmatched.lines(), *map(str, listing.unreadable.values())]
    return dg.AssetCheckResult(
        passed=not texts,
        severity=dg.AssetCheckSeverity.WARN,
        # The UI reads it as Markdown.
        description="\n".join(map(markdown_text, texts)) or None,
        metadata={
            "not_read": len(unmatched),
            "by_reason": rows_metadata(
                ["reason", "count", "examples", "advice"], [row.values() for row in rows]
            ),
        },
    )


LANDING_CHECKS = [every_file_read(dataset) for dataset in DATASETS]
"""The checks of every dataset."""
