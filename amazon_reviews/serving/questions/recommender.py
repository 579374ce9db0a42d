"""Questions about what is recommended, and what is alike."""

import pyarrow as pa

from amazon_reviews.resources.warehouse import Warehouse
from amazon_reviews.serving.questions.asking import reads, rows

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
def recommended(warehouse: Warehouse, reviewer_id: str) -> pa.Table:
    """One row per product recommended to a user, the best first."""
    return rows(
        warehouse,
        "SELECT t.place, t.asin, t.score, t.cold, t.because_asin, t.because_rating, t.method, "
        f"t.model_version, {_FACTS} FROM {warehouse.relation('gold/recommender_top')} AS t "
        f"LEFT JOIN {warehouse.relation('gold/products')} AS p ON p.asin = t.asin "
        "WHERE t.reviewer_id = ? ORDER BY t.place",
        (reviewer_id,),
    )
