"""Queries of customers, recommended products, and the evaluation of the methods."""

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.queries.query import in_range, mart, query, range_starts, rows

CUSTOMERS = 50
HISTORY = 200
# A prime number: see `range_starts`.
_RANGE_ROWS = 499

_PRICE = "CASE WHEN NOT {0}.price_imputed THEN {0}.price END AS price"
"""The listed price of a row with an alias: an imputed one is no price of the product."""

_FACTS = f"p.title, p.brand, p.main_category, {_PRICE.format('p')}"


@query("gold/recommender_similar", "gold/products")
def similar(warehouse: Warehouse, asin: str, limit: int) -> pa.Table:
    """One row per product similar to a product, the most similar first."""
    return rows(
        warehouse,
        f"SELECT s.place, s.similar_asin AS asin, s.score, s.cold, s.method, s.model_version, "
        f"{_FACTS} FROM {warehouse.relation('gold/recommender_similar')} AS s "
        f"LEFT JOIN {warehouse.relation('gold/products')} AS p ON p.asin = s.similar_asin "
        "WHERE s.asin = ? ORDER BY s.place",
        (asin,),
        limit,
    )


@query("gold/recommender_top")
def user_range_starts(warehouse: Warehouse) -> pa.Table:
    """Users that divide all users with recommendations into ranges."""
    return range_starts(warehouse, "gold/recommender_top", "reviewer_id", _RANGE_ROWS)


@query("gold/recommender_top", "gold/products")
def recommended_in_range(warehouse: Warehouse, start: str, end: str | None) -> pa.Table:
    """One row per user whose id is in a range and recommended product, the best product first."""
    condition, users = in_range("t.reviewer_id", start, end)
    return rows(
        warehouse,
        "SELECT t.reviewer_id, t.place, t.asin, t.score, t.cold, t.because_asin, "
        f"t.because_rating, t.method, t.model_version, {_FACTS} "
        f"FROM {warehouse.relation('gold/recommender_top')} AS t "
        f"LEFT JOIN {warehouse.relation('gold/products')} AS p ON p.asin = t.asin "
        f"WHERE {condition} ORDER BY t.reviewer_id, t.place",
        users,
    )


@query("gold/reviews", "gold/customer_phrases")
def customer_ids(warehouse: Warehouse) -> pa.Table:
    """One row per customer: those with most reviews, and those of the phrases.

    No page may show the ids.
    """
    return rows(
        warehouse,
        "WITH counted AS (SELECT r.reviewer_id, COUNT(*) AS reviews "
        f"FROM {warehouse.relation('gold/reviews')} AS r GROUP BY r.reviewer_id), "
        "most AS (SELECT c.reviewer_id FROM counted AS c "
        f"ORDER BY c.reviews DESC, c.reviewer_id LIMIT {CUSTOMERS}) "
        "SELECT c.reviewer_id, c.reviews FROM counted AS c "
        "WHERE c.reviewer_id IN (SELECT m.reviewer_id FROM most AS m) OR c.reviewer_id IN "
        f"(SELECT p.reviewer_id FROM {warehouse.relation('gold/customer_phrases')} AS p) "
        "ORDER BY c.reviews DESC, c.reviewer_id",
    )


@query("gold/reviews")
def history(warehouse: Warehouse, reviewer_id: str, limit: int = HISTORY) -> pa.Table:
    """One row per review of a customer, the newest first, with the facts of the product."""
    return rows(
        warehouse,
        "SELECT r.reviewed_on, r.overall, r.title, r.brand, r.main_category, "
        f"{_PRICE.format('r')}, COALESCE(r.product_asin, r.asin) AS asin "
        f"FROM {warehouse.relation('gold/reviews')} AS r WHERE r.reviewer_id = ? "
        "ORDER BY r.reviewed_on DESC NULLS LAST, r.review_id",
        (reviewer_id,),
        limit,
    )


@query("gold/products")
def facts(warehouse: Warehouse, asins: tuple[str, ...]) -> pa.Table:
    """One row per known product of these asins: asin, title, brand, main_category and price."""
    placeholders = ", ".join("?" * len(asins)) or "''"
    return rows(
        warehouse,
        f"SELECT p.asin, {_FACTS} FROM {warehouse.relation('gold/products')} AS p "
        f"WHERE p.asin IN ({placeholders})",
        asins,
    )


@query("gold/recommender_evaluation")
def methods(warehouse: Warehouse, figure: str) -> pa.Table:
    """One row per split and method with a figure over all users, the highest value first."""
    where = ("m.figure = ? AND m.group = 'all'", (figure,))
    return mart(warehouse, "gold/recommender_evaluation", "m.split, m.value DESC, m.method", where)


@query("gold/recommender_evaluation")
def evaluation(warehouse: Warehouse) -> pa.Table:
    """One row per split, group of users, method and figure."""
    order = "m.split, m.group, m.method, m.figure"
    return mart(warehouse, "gold/recommender_evaluation", order)
