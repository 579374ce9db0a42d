"""Questions about categories, brands and products."""

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.queries.filters import WHOLE_STARS, Filters
from amazon_reviews.serving.queries.query import keys_from, mart, reads, rows

CATEGORY_ONLY = ("main_category",)
PAGE_ROWS = 50


@reads("gold/category_products")
def category_products(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per main category of the products, most products first; filtered by category."""
    where = filters.where("m", CATEGORY_ONLY)
    return mart(warehouse, "gold/category_products", "m.products DESC, m.main_category", where)


@reads("gold/secondary_categories")
def secondary_categories(warehouse: Warehouse, filters: Filters, limit: int = 200) -> pa.Table:
    """One row per main and secondary category, most reviews first; filtered by category."""
    where = filters.where("m", CATEGORY_ONLY)
    order = "m.reviews DESC, m.main_category, m.secondary_category"
    return mart(warehouse, "gold/secondary_categories", order, where, limit)


@reads("gold/brands")
def brands(warehouse: Warehouse, search: str = "", limit: int = 200) -> pa.Table:
    """One row per brand whose name contains the search, most products first."""
    where = ("STRPOS(LOWER(m.brand), LOWER(?)) > 0", (search,)) if search else ("TRUE", ())
    order = "m.products DESC, m.reviews DESC, m.brand"
    return mart(warehouse, "gold/brands", order, where, limit)


@reads("gold/brand_years")
def brand_years(warehouse: Warehouse, chosen: tuple[str, ...]) -> pa.Table:
    """One row per chosen brand and year with reviews."""
    marks = ", ".join("?" * len(chosen)) or "''"
    where = (f"m.brand IN ({marks}) AND m.year IS NOT NULL", chosen)
    return mart(warehouse, "gold/brand_years", "m.brand, m.year", where)


@reads("gold/brand_trends")
def brand_trends(warehouse: Warehouse, limit: int = 200) -> pa.Table:
    """One row per brand with enough reviews for a trend, the surest trends first."""
    return mart(warehouse, "gold/brand_trends", "m.p_value, m.rated DESC, m.brand", limit=limit)


@reads("gold/brand_trends")
def trend_counts(warehouse: Warehouse) -> pa.Table:
    """One row: brands with enough reviews for a trend, and those rising and falling."""
    return rows(
        warehouse,
        "SELECT COUNT(*) AS brands, COALESCE(SUM(CASE t.trend WHEN 'rising' THEN 1 END), 0) AS "
        "rising, COALESCE(SUM(CASE t.trend WHEN 'falling' THEN 1 END), 0) AS falling "
        f"FROM {warehouse.relation('gold/brand_trends')} AS t",
    )


@reads("gold/product_ratings")
def products(
    warehouse: Warehouse, search: str, filters: Filters, limit: int = PAGE_ROWS
) -> pa.Table:
    """One row per product whose title, brand or asin contains the search, most reviews first.

    Filtered by category.
    """
    where = _matching(search, filters)
    return mart(warehouse, "gold/product_ratings", "m.reviews DESC, m.asin", where, limit)


@reads("gold/product_ratings")
def product_count(warehouse: Warehouse, search: str, filters: Filters) -> pa.Table:
    """One row: the number of products that match the search, filtered by category."""
    condition, parameters = _matching(search, filters)
    relation = warehouse.relation("gold/product_ratings")
    sql = f"SELECT COUNT(*) AS products FROM {relation} AS m WHERE {condition}"
    return rows(warehouse, sql, parameters)


def _matching(search: str, filters: Filters) -> tuple[str, tuple[object, ...]]:
    """The condition that title, brand or asin contains the search; its parameters."""
    condition, parameters = filters.where("m", CATEGORY_ONLY)
    found = " OR ".join(
        f"STRPOS(LOWER(m.{name}), LOWER(?)) > 0" for name in ("title", "brand", "asin")
    )
    return f"{condition} AND ({found})", (*parameters, search, search, search)


@reads("gold/product_ratings")
def product(warehouse: Warehouse, asin: str) -> pa.Table:
    """The row of one product; none where it has no reviews."""
    return mart(warehouse, "gold/product_ratings", "m.asin", ("m.asin = ?", (asin,)))


@reads("gold/product_ratings")
def products_from(warehouse: Warehouse, first: str, before: str | None, limit: int) -> pa.Table:
    """The rows of the products with reviews from one asin on, before another, in their order."""
    where = keys_from("m.asin", first, before)
    return mart(warehouse, "gold/product_ratings", "m.asin", where, limit)


@reads("gold/product_months")
def months_between(warehouse: Warehouse, first: str, last: str) -> pa.Table:
    """One row per product from one asin to another, year and month with reviews."""
    return rows(
        warehouse,
        "SELECT m.asin, m.year, m.month, m.reviews, m.rated, m.mean_stars "
        f"FROM {warehouse.relation('gold/product_months')} AS m "
        "WHERE m.asin BETWEEN ? AND ? ORDER BY m.asin, m.year, m.month",
        (first, last),
    )


@reads("gold/product_months")
def product_months(warehouse: Warehouse, asin: str) -> pa.Table:
    """One row per year and month with reviews of a product."""
    return mart(warehouse, "gold/product_months", "m.year, m.month", ("m.asin = ?", (asin,)))


@reads("gold/reviews")
def product_reviews(
    warehouse: Warehouse, asin: str, stars: tuple[int, ...] = (), page: int = 0
) -> pa.Table:
    """One row per review of a product, newest first: one page of at most 50.

    `stars` are whole ones, halves rounded up; () takes all reviews.
    """
    whole = WHOLE_STARS.format(column="r.overall")
    condition = f" AND {whole} IN ({', '.join('?' * len(stars))})" if stars else ""
    return rows(
        warehouse,
        "SELECT r.review_id, r.overall, r.summary, r.review_text, r.reviewer_name, r.verified, "
        f"r.vote, r.reviewed_on FROM {warehouse.relation('gold/reviews')} AS r "
        f"WHERE r.asin = ?{condition} ORDER BY r.reviewed_on DESC NULLS LAST, r.review_id",
        (asin, *stars),
        PAGE_ROWS,
        page * PAGE_ROWS,
    )


@reads("gold/product_alerts")
def alerts(warehouse: Warehouse, filters: Filters, limit: int = 100) -> pa.Table:
    """One row per product that stands out, the strongest first; filtered by category."""
    strongest = "GREATEST(COALESCE(m.velocity_z, 0), COALESCE(m.rating_drop_z, 0)) DESC, m.asin"
    where = filters.where("m", CATEGORY_ONLY)
    return mart(warehouse, "gold/product_alerts", strongest, where, limit)


@reads("gold/product_alerts")
def alert_count(warehouse: Warehouse) -> pa.Table:
    """One row: products that stand out."""
    relation = warehouse.relation("gold/product_alerts")
    return rows(warehouse, f"SELECT COUNT(*) AS products FROM {relation} AS a")


@reads("gold/product_titles")
def titles(warehouse: Warehouse, order: str, limit: int = 20) -> pa.Table:
    """One row per title, those with most of a count (reviews, positive, negative) first.

    What has no title is left out.
    """
    if order not in ("reviews", "positive", "negative"):
        raise ValueError(f"titles are not ordered by {order!r}")
    known = ("m.title <> ?", (UNKNOWN,))
    return mart(warehouse, "gold/product_titles", f"m.{order} DESC, m.title", known, limit)
