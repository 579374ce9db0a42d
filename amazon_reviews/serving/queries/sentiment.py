"""Queries of the predicted sentiment of the texts, and of the evaluation of its model."""

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.intervals import share_columns
from amazon_reviews.serving.queries.filters import CATEGORY, Filters
from amazon_reviews.serving.queries.query import mart, query, rows

FEWEST_REVIEWS = 20
"""Reviews of a brand or product below which it is not ranked."""


@query("gold/sentiment_categories")
def categories(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per main category, most reviews first; filtered by category."""
    where = filters.where("m", CATEGORY)
    order = "m.reviews DESC, m.main_category"
    return mart(warehouse, "gold/sentiment_categories", order, where, 30)


@query("gold/sentiment_categories")
def summed(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row: reviews with a prediction, and contradictions with the interval of their share.

    Filtered by category.
    """
    condition, parameters = filters.where("m", CATEGORY)
    return rows(
        warehouse,
        f"SELECT t.*, {share_columns('t.contradictions', 't.reviews')} FROM ("
        "SELECT COALESCE(SUM(m.reviews), 0) AS reviews, "
        "COALESCE(SUM(m.contradictions), 0) AS contradictions "
        f"FROM {warehouse.relation('gold/sentiment_categories')} AS m WHERE {condition}) AS t",
        parameters,
    )


@query("gold/sentiment_brands")
def brands(warehouse: Warehouse, limit: int = 20) -> pa.Table:
    """One row per brand with enough reviews, the largest share of negative texts first.

    The share has an interval, and its lower end decides: luck puts no small brand first.
    """
    columns = f"m.*, {share_columns('m.negative', 'm.reviews')}"
    order = "share_low DESC, m.reviews DESC, m.brand"
    where = ("m.reviews >= ? AND m.brand <> ?", (FEWEST_REVIEWS, UNKNOWN))
    return mart(warehouse, "gold/sentiment_brands", order, where, limit, columns=columns)


@query("gold/sentiment_products", "gold/products")
def products(warehouse: Warehouse, limit: int = 100) -> pa.Table:
    """One row per product with enough reviews, the most contradictions first; with its names."""
    return rows(
        warehouse,
        "SELECT p.title, p.brand, m.* "
        f"FROM {warehouse.relation('gold/sentiment_products')} AS m "
        f"LEFT JOIN {warehouse.relation('gold/products')} AS p ON p.asin = m.asin "
        "WHERE m.reviews >= ? AND m.contradictions > 0 "
        "ORDER BY m.contradictions DESC, m.reviews DESC, m.asin",
        (FEWEST_REVIEWS,),
        limit,
    )


@query("gold/sentiment_years")
def years(warehouse: Warehouse) -> pa.Table:
    """One row per year and source of the reviews with a date."""
    where: tuple[str, tuple[object, ...]] = ("m.year IS NOT NULL", ())
    return mart(warehouse, "gold/sentiment_years", "m.year, m.source", where)


@query("gold/sentiment_words")
def words(warehouse: Warehouse) -> pa.Table:
    """One row per category, class and word, in their order."""
    return mart(warehouse, "gold/sentiment_words", "m.main_category, m.label, m.place")


@query("gold/sentiment_evaluation")
def evaluation(warehouse: Warehouse, task: str) -> pa.Table:
    """One row per model and part of the held-out reviews, for one task."""
    order = "m.part, m.model, m.value"
    return mart(warehouse, "gold/sentiment_evaluation", order, ("m.task = ?", (task,)))


@query("gold/sentiment_evaluation")
def only_generated(warehouse: Warehouse) -> pa.Table:
    """One row if the model learned from generated reviews only, else none."""
    where: tuple[str, tuple[object, ...]] = ("m.only_generated", ())
    return mart(warehouse, "gold/sentiment_evaluation", "m.model_version", where, 1)


@query("gold/sentiment_confusion")
def confusion(warehouse: Warehouse, task: str) -> pa.Table:
    """One row per actual and predicted class, for one task."""
    order = "m.actual, m.predicted"
    return mart(warehouse, "gold/sentiment_confusion", order, ("m.task = ?", (task,)))


@query("gold/sentiment_confusion")
def recall(warehouse: Warehouse, task: str, label: str) -> pa.Table:
    """One row: the held-out reviews of a class, and those predicted as it, with an interval."""
    return rows(
        warehouse,
        f"SELECT t.*, {share_columns('t.recalled', 't.reviews')} FROM ("
        "SELECT COALESCE(SUM(m.reviews), 0) AS reviews, "
        "COALESCE(SUM(CASE WHEN m.predicted = m.actual THEN m.reviews END), 0) AS recalled "
        f"FROM {warehouse.relation('gold/sentiment_confusion')} AS m "
        "WHERE m.task = ? AND m.actual = ?) AS t",
        (task, label),
    )


@query("gold/sentiment_calibration")
def calibration(warehouse: Warehouse) -> pa.Table:
    """One row per band of confidence."""
    return mart(warehouse, "gold/sentiment_calibration", "m.confidence")
