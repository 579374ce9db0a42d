"""How the tables lie in BigQuery: by which day they are partitioned, by what they are clustered."""

from collections.abc import Sequence
from dataclasses import dataclass

from google.cloud.bigquery import SchemaField, TimePartitioning, TimePartitioningType

from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.schemas import marts
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS


@dataclass(frozen=True)
class Layout:
    """`day` is the column a table is partitioned by, `clustered_by` at most four, broad first."""

    day: str | None = None
    clustered_by: tuple[str, ...] = ()

    def partitioning(self, fields: Sequence[SchemaField]) -> TimePartitioning | None:
        """By the year of `day`; None where the table has no such column.

        Any part of a load may hold reviews of all days. BigQuery lets a job modify 4,000
        partitions, and a table 30,000 a day: with twenty-odd years that is a thousand jobs, with
        months a hundred, with days five.
        """
        if self.day not in {field.name for field in fields}:
            return None
        return TimePartitioning(TimePartitioningType.YEAR, field=self.day)

    def clustering(self, fields: Sequence[SchemaField]) -> list[str] | None:
        """Those of `clustered_by` that the table has; None without any."""
        there = {field.name for field in fields}
        return [name for name in self.clustered_by if name in there] or None


# From broad to narrow: a filter on the first columns alone prunes too.
_PRODUCT = ("main_category", "brand", "asin")
_LAYOUTS = {
    GOLD_REVIEWS.key: Layout("reviewed_on", _PRODUCT),
    GOLD_PRODUCTS.key: Layout(None, _PRODUCT),
    marts.PRODUCT_RATINGS.key: Layout(None, _PRODUCT),
    marts.BRAND_YEARS.key: Layout(None, ("brand",)),
    marts.REVIEW_COUNTS.key: Layout(None, ("main_category",)),
}


def layout_of(table: TableVersion) -> Layout:
    """The layout of a table; those that nobody filters have a plain one."""
    plain = Layout(None, (table.looked_up_by,) if table.looked_up_by else ())
    return _LAYOUTS.get(table.name, plain)
