"""The findings in plain words, the same for the dashboard, the report and other readers."""

from contextlib import suppress

from amazon_reviews.errors import NoDataError
from amazon_reviews.serving.findings import data, differences, drops
from amazon_reviews.serving.findings.finding import Finding, Reader
from amazon_reviews.serving.queries.filters import Filters

__all__ = ["Finding", "Reader", "findings"]

_KINDS = (
    data.unbalanced,
    drops.drops,
    differences.credibility,
    differences.categories,
    differences.trends,
    differences.season,
    differences.texts,
    data.products_without_data,
    data.imputed_prices,
    data.duplicates,
    data.rejected,
    data.texts_without_prediction,
)


def findings(read: Reader, filters: Filters) -> list[Finding]:
    """Return what stands out, the most important first, then the rest.

    Of the filters, only the chosen categories count. A kind whose table is missing is left out.
    """
    chosen = Filters(main_categories=filters.main_categories)
    every_kind: list[Finding] = []
    for kind in _KINDS:
        with suppress(NoDataError):
            every_kind += kind(read, chosen)
    return sorted(every_kind, key=lambda finding: not finding.stands_out)
