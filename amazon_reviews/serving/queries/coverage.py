"""Queries of the part of the data that other figures cover."""

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.vocabulary import EARLIER_REVIEWS, MONTH_REVIEWS
from amazon_reviews.serving.queries.filters import CATEGORY, Filters
from amazon_reviews.serving.queries.query import query, rows


@query("gold/product_months", "gold/product_ratings")
def compared_products(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row: the products with a month that is tested for a drop; filtered by category."""
    condition, parameters = filters.where("p", CATEGORY)
    earlier = (
        "SUM(m.rated) OVER (PARTITION BY m.asin ORDER BY m.year, m.month "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    )
    return rows(
        warehouse,
        "SELECT COUNT(DISTINCT t.asin) AS products FROM ("
        f"SELECT m.asin, m.rated, {earlier} AS earlier "
        f"FROM {warehouse.relation('gold/product_months')} AS m WHERE m.asin IN ("
        f"SELECT p.asin FROM {warehouse.relation('gold/product_ratings')} AS p WHERE {condition})"
        f") AS t WHERE t.rated >= {MONTH_REVIEWS} AND t.earlier >= {EARLIER_REVIEWS}",
        parameters,
    )


@query("gold/product_ratings")
def described_products(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row: reviews and their products, and those with product data; filtered by category."""
    condition, parameters = filters.where("m", CATEGORY)
    return rows(
        warehouse,
        "SELECT COUNT(*) AS products, COALESCE(SUM(m.reviews), 0) AS reviews, "
        "COUNT(m.title) AS described_products, "
        "COALESCE(SUM(CASE WHEN m.title IS NOT NULL THEN m.reviews END), 0) AS described_reviews "
        f"FROM {warehouse.relation('gold/product_ratings')} AS m WHERE {condition}",
        parameters,
    )
