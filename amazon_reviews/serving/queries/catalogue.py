"""Queries of categories, brands and products."""

from datetime import date

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.intervals import shrunk_columns, shrunk_interval
from amazon_reviews.serving.queries.filters import CATEGORY, WHOLE_STARS, Filters
from amazon_reviews.serving.queries.query import in_range, mart, query, range_starts, rows

PAGE_ROWS = 50
# A prime number: see `range_starts`.
_RANGE_ROWS = 53
_GOING_ON = "(m.ends_on IS NULL OR m.ends_on >= ?)"


@query("gold/category_products")
def category_products(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per main category of the products, most products first; filtered by category."""
    where = filters.where("m", CATEGORY)
    return mart(warehouse, "gold/category_products", "m.products DESC, m.main_category", where)


@query("gold/secondary_categories")
def secondary_categories(warehouse: Warehouse, filters: Filters, limit: int = 200) -> pa.Table:
    """One row per main and secondary category, most reviews first; filtered by category."""
    where = filters.where("m", CATEGORY)
    order = "m.reviews DESC, m.main_category, m.secondary_category"
    return mart(warehouse, "gold/secondary_categories", order, where, limit)


@query("gold/brands", "gold/review_counts")
def brands(warehouse: Warehouse, search: str = "", limit: int = 200) -> pa.Table:
    """One row per brand whose name contains the search, most products first.

    With the interval of the shrunk mean; see `shrunk_columns`.
    """
    where = ("STRPOS(LOWER(m.brand), LOWER(?)) > 0", (search,)) if search else ("TRUE", ())
    order = "m.products DESC, m.reviews DESC, m.brand"
    columns = "m.brand, m.products, m.price_min, m.price_max, " + shrunk_columns(warehouse)
    return mart(warehouse, "gold/brands", order, where, limit, columns=columns)


@query("gold/brand_years", "gold/review_counts")
def brand_years(warehouse: Warehouse, chosen: tuple[str, ...]) -> pa.Table:
    """One row per chosen brand and year with reviews, with the interval of the shrunk mean."""
    placeholders = ", ".join("?" * len(chosen)) or "''"
    where = (f"m.brand IN ({placeholders}) AND m.year IS NOT NULL", chosen)
    columns = "m.brand, m.year, " + shrunk_columns(warehouse)
    return mart(warehouse, "gold/brand_years", "m.brand, m.year", where, columns=columns)


@query("gold/brand_trends")
def brand_trends(warehouse: Warehouse, limit: int = 200) -> pa.Table:
    """One row per brand tested for a trend: those with a trend first, then by rated reviews."""
    order = "CASE m.trend WHEN 'flat' THEN 1 ELSE 0 END, m.rated DESC, m.brand"
    return mart(warehouse, "gold/brand_trends", order, limit=limit)


@query("gold/brand_trends")
def trend_counts(warehouse: Warehouse) -> pa.Table:
    """One row: brands tested for a trend, and those rising and falling."""
    return rows(
        warehouse,
        "SELECT COUNT(*) AS brands, COALESCE(SUM(CASE t.trend WHEN 'rising' THEN 1 END), 0) AS "
        "rising, COALESCE(SUM(CASE t.trend WHEN 'falling' THEN 1 END), 0) AS falling "
        f"FROM {warehouse.relation('gold/brand_trends')} AS t",
    )


@query("gold/product_ratings", "gold/product_variants", "gold/review_counts")
def products(
    warehouse: Warehouse, search: str, filters: Filters, limit: int = PAGE_ROWS
) -> pa.Table:
    """One row per product whose title, brand or asin contains the search, most reviews first.

    The asin of a variant finds its product. Filtered by category. With the interval of the shrunk
    mean; see `shrunk_interval`.
    """
    where = _matching(warehouse, search, filters)
    columns = f"m.*, {shrunk_interval(warehouse)}"
    order = "m.reviews DESC, m.asin"
    return mart(warehouse, "gold/product_ratings", order, where, limit, columns=columns)


@query("gold/product_ratings", "gold/product_variants")
def product_count(warehouse: Warehouse, search: str, filters: Filters) -> pa.Table:
    """One row: the number of products that match the search, filtered by category."""
    condition, parameters = _matching(warehouse, search, filters)
    relation = warehouse.relation("gold/product_ratings")
    sql = f"SELECT COUNT(*) AS products FROM {relation} AS m WHERE {condition}"
    return rows(warehouse, sql, parameters)


def _matching(
    warehouse: Warehouse, search: str, filters: Filters
) -> tuple[str, tuple[object, ...]]:
    """Return the condition that title, brand or asin contains the search, and its parameters."""
    condition, parameters = filters.where("m", CATEGORY)
    matches = " OR ".join(
        f"STRPOS(LOWER(m.{name}), LOWER(?)) > 0" for name in ("title", "brand", "asin")
    )
    variants = (
        f"SELECT v.product_asin FROM {warehouse.relation('gold/product_variants')} AS v "
        "WHERE STRPOS(LOWER(v.asin), LOWER(?)) > 0"
    )
    return f"{condition} AND ({matches} OR m.asin IN ({variants}))", (*parameters, *[search] * 4)


@query("gold/product_ratings")
def product(warehouse: Warehouse, asin: str) -> pa.Table:
    """The row of one product; no row if the product has no reviews."""
    return mart(warehouse, "gold/product_ratings", "m.asin", ("m.asin = ?", (asin,)))


@query("gold/product_ratings")
def product_range_starts(warehouse: Warehouse) -> pa.Table:
    """Asins that divide the products with reviews into ranges."""
    return range_starts(warehouse, "gold/product_ratings", "asin", _RANGE_ROWS)


@query("gold/product_ratings")
def products_in_range(warehouse: Warehouse, start: str, end: str | None) -> pa.Table:
    """One row per product with reviews whose asin is in a range, in the order of the asins."""
    where = in_range("m.asin", start, end)
    return mart(warehouse, "gold/product_ratings", "m.asin", where)


@query("gold/product_months")
def months_in_range(warehouse: Warehouse, start: str, end: str | None) -> pa.Table:
    """One row per product whose asin is in a range, year and month with reviews."""
    condition, asins = in_range("m.asin", start, end)
    return rows(
        warehouse,
        "SELECT m.asin, m.year, m.month, m.reviews, m.rated, m.mean_stars "
        f"FROM {warehouse.relation('gold/product_months')} AS m "
        f"WHERE {condition} ORDER BY m.asin, m.year, m.month",
        asins,
    )


@query("gold/product_variants")
def variant_range_starts(warehouse: Warehouse) -> pa.Table:
    """Asins that divide the variants into ranges."""
    return range_starts(warehouse, "gold/product_variants", "asin", _RANGE_ROWS)


@query("gold/product_variants")
def variants_in_range(warehouse: Warehouse, start: str, end: str | None) -> pa.Table:
    """One row per variant whose asin is in a range, in the order of the asins."""
    order = "m.asin, m.reviews DESC, m.product_asin"
    return mart(warehouse, "gold/product_variants", order, in_range("m.asin", start, end))


@query("gold/product_variants")
def variants(warehouse: Warehouse, asin: str, limit: int = 200) -> pa.Table:
    """One row per variant of a product, most reviews first."""
    where = ("m.product_asin = ?", (asin,))
    return mart(warehouse, "gold/product_variants", "m.reviews DESC, m.asin", where, limit)


@query("gold/product_coverage")
def coverage(warehouse: Warehouse, filters: Filters, limit: int = 200) -> pa.Table:
    """One row per product with a number of ratings, the largest first; filtered by category."""
    where = filters.where("m", CATEGORY)
    return mart(warehouse, "gold/product_coverage", "m.rating_number DESC, m.asin", where, limit)


@query("gold/product_coverage")
def coverage_totals(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row: the products with a number of ratings, and the sums; filtered by category."""
    condition, parameters = filters.where("m", CATEGORY)
    return rows(
        warehouse,
        "SELECT COUNT(*) AS products, SUM(m.rating_number) AS rating_number, "
        f"SUM(m.reviews) AS reviews FROM {warehouse.relation('gold/product_coverage')} AS m "
        f"WHERE {condition}",
        parameters,
    )


@query("gold/product_months")
def product_months(warehouse: Warehouse, asin: str) -> pa.Table:
    """One row per year and month with reviews of a product."""
    return mart(warehouse, "gold/product_months", "m.year, m.month", ("m.asin = ?", (asin,)))


@query("gold/reviews")
def product_reviews(
    warehouse: Warehouse, asin: str, stars: tuple[int, ...] = (), text: str = "", page: int = 0
) -> pa.Table:
    """One row per review of a product, newest first: one page of at most 50.

    `stars` are whole numbers, halves rounded up; () takes all reviews. `text` is in the summary or
    in the review, in capital or small letters; "" takes all reviews.
    """
    condition, parameters = _of_product(asin, stars, text)
    return rows(
        warehouse,
        "SELECT r.review_id, r.overall, r.summary, r.review_text, r.verified, "
        f"r.vote, r.reviewed_on FROM {warehouse.relation('gold/reviews')} AS r "
        f"WHERE {condition} ORDER BY r.reviewed_on DESC NULLS LAST, r.review_id",
        parameters,
        PAGE_ROWS,
        page * PAGE_ROWS,
    )


@query("gold/reviews")
def product_review_count(
    warehouse: Warehouse, asin: str, stars: tuple[int, ...] = (), text: str = ""
) -> pa.Table:
    """One row: the number of the reviews of `product_reviews` on all pages."""
    condition, parameters = _of_product(asin, stars, text)
    relation = warehouse.relation("gold/reviews")
    sql = f"SELECT COUNT(*) AS reviews FROM {relation} AS r WHERE {condition}"
    return rows(warehouse, sql, parameters)


def _of_product(asin: str, stars: tuple[int, ...], text: str) -> tuple[str, tuple[object, ...]]:
    """Return the condition on the reviews of a product, and its parameters."""
    terms: list[tuple[str, tuple[object, ...]]] = [
        ("COALESCE(r.product_asin, r.asin) = ?", (asin,))
    ]
    if stars:
        whole = WHOLE_STARS.format(column="r.overall")
        terms.append((f"{whole} IN ({', '.join('?' * len(stars))})", stars))
    if text:
        matches = "STRPOS(LOWER(COALESCE({0}, '')), LOWER(?)) > 0"
        columns = ("r.summary", "r.review_text")
        terms.append((f"({' OR '.join(map(matches.format, columns))})", (text, text)))
    conditions, parameters = zip(*terms, strict=True)
    return " AND ".join(conditions), tuple(value for values in parameters for value in values)


@query("gold/product_alerts")
def alerts(warehouse: Warehouse, day: date, filters: Filters, limit: int = 200) -> pa.Table:
    """One row per drop that began up to a day, the newest first; filtered by category.

    `going_on` says if it went on then.
    """
    condition, parameters = filters.where("m", CATEGORY)
    return rows(
        warehouse,
        f"SELECT m.*, {_GOING_ON} AS going_on FROM {warehouse.relation('gold/product_alerts')} "
        f"AS m WHERE m.begins_on <= ? AND {condition} "
        "ORDER BY m.begins_on DESC, m.q_value, m.asin",
        (day, day, *parameters),
        limit,
    )


@query("gold/product_alerts")
def alert_counts(warehouse: Warehouse, day: date) -> pa.Table:
    """One row: the drops that began up to a day, their products, and those that went on then."""
    return rows(
        warehouse,
        f"SELECT COUNT(*) AS drops, COUNT(DISTINCT m.asin) AS products, COUNT(DISTINCT CASE WHEN "
        f"{_GOING_ON} THEN m.asin END) AS going_on "
        f"FROM {warehouse.relation('gold/product_alerts')} AS m WHERE m.begins_on <= ?",
        (day, day),
    )


@query("gold/product_alerts")
def product_alerts(warehouse: Warehouse, asin: str) -> pa.Table:
    """One row per drop of a product, the newest first."""
    return mart(warehouse, "gold/product_alerts", "m.begins_on DESC", ("m.asin = ?", (asin,)))


@query("gold/product_titles")
def titles(warehouse: Warehouse, order: str, limit: int = 20) -> pa.Table:
    """One row per title, in descending order of reviews, positive or negative reviews.

    Products without a title are left out.

    Raises:
        ValueError: the order is none of these three.
    """
    if order not in ("reviews", "positive", "negative"):
        raise ValueError(f"titles are not ordered by {order!r}")
    known = ("m.title <> ?", (UNKNOWN,))
    return mart(warehouse, "gold/product_titles", f"m.{order} DESC, m.title", known, limit)
