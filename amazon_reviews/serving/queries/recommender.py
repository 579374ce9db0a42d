"""Questions about customers, the products that are recommended, and how good the methods are."""

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.queries.query import keys_from, mart, reads, rows

CUSTOMERS = 50
HISTORY = 200

_FACTS = "p.title, p.brand, p.main_category, p.price"


@reads("gold/recommender_similar", "gold/products")
def similar(warehouse: Warehouse, asin: str) -> pa.Table:
    """One row per product like this one, the most alike first."""
    return rows(
        warehouse,
        f"SELECT s.place, s.similar_asin AS asin, s.score, s.cold, s.method, s.model_version, "
        f"{_FACTS} FROM {warehouse.relation('gold/recommender_similar')} AS s "
        f"LEFT JOIN {warehouse.relation('gold/products')} AS p ON p.asin = s.similar_asin "
        "WHERE s.asin = ? ORDER BY s.place",
        (asin,),
    )


@reads("gold/recommender_top", "gold/products")
def recommended_from(warehouse: Warehouse, first: str, before: str | None, limit: int) -> pa.Table:
    """One row per user and product recommended to the user, the best first.

    Users from one on, before another, in their order.
    """
    condition, users = keys_from("t.reviewer_id", first, before)
    return rows(
        warehouse,
        "SELECT t.reviewer_id, t.place, t.asin, t.score, t.cold, t.because_asin, "
        f"t.because_rating, t.method, t.model_version, {_FACTS} "
        f"FROM {warehouse.relation('gold/recommender_top')} AS t "
        f"LEFT JOIN {warehouse.relation('gold/products')} AS p ON p.asin = t.asin "
        f"WHERE {condition} ORDER BY t.reviewer_id, t.place",
        users,
        limit,
    )


@reads("gold/reviews")
def customers(warehouse: Warehouse, search: str, limit: int = CUSTOMERS) -> pa.Table:
    """One row per customer whose id or name contains the search, most reviews first."""
    return rows(
        warehouse,
        "SELECT r.reviewer_id, MAX(r.reviewer_name) AS reviewer_name, COUNT(*) AS reviews "
        f"FROM {warehouse.relation('gold/reviews')} AS r "
        "WHERE STRPOS(LOWER(r.reviewer_id), LOWER(?)) > 0 "
        "OR STRPOS(LOWER(r.reviewer_name), LOWER(?)) > 0 "
        "GROUP BY r.reviewer_id ORDER BY reviews DESC, r.reviewer_id",
        (search, search),
        limit,
    )


@reads("gold/reviews")
def history(warehouse: Warehouse, reviewer_id: str, limit: int = HISTORY) -> pa.Table:
    """One row per review of a customer, the newest first, with what the product is."""
    return rows(
        warehouse,
        "SELECT r.reviewed_on, r.overall, r.title, r.main_category, r.price, r.asin, r.summary "
        f"FROM {warehouse.relation('gold/reviews')} AS r WHERE r.reviewer_id = ? "
        "ORDER BY r.reviewed_on DESC NULLS LAST, r.asin, r.review_id",
        (reviewer_id,),
        limit,
    )


@reads("gold/products")
def facts(warehouse: Warehouse, asins: tuple[str, ...]) -> pa.Table:
    """One row per product of these that is known: asin, title, main_category and price."""
    marks = ", ".join("?" * len(asins)) or "''"
    return rows(
        warehouse,
        "SELECT p.asin, p.title, p.main_category, p.price "
        f"FROM {warehouse.relation('gold/products')} AS p WHERE p.asin IN ({marks})",
        asins,
    )


@reads("gold/recommender_evaluation")
def methods(warehouse: Warehouse, figure: str) -> pa.Table:
    """One row per split and method with a figure over all users, the best first."""
    where = ("m.figure = ? AND m.group = 'all'", (figure,))
    return mart(warehouse, "gold/recommender_evaluation", "m.split, m.value DESC, m.method", where)


@reads("gold/recommender_evaluation")
def evaluation(warehouse: Warehouse) -> pa.Table:
    """All that was measured of all methods."""
    order = "m.split, m.group, m.method, m.figure"
    return mart(warehouse, "gold/recommender_evaluation", order)
