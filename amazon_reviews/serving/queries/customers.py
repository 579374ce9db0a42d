"""Queries of the customers who write the reviews."""

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.queries.query import mart, query

_PHRASES = "m.uses DESC, m.summary, m.place"
_MOST_PHRASES = 1_000


@query("gold/customer_phrases")
def phrases(warehouse: Warehouse) -> pa.Table:
    """One row per frequent summary and customer, without the id; most uses first."""
    columns = "m.summary, m.place, m.uses"
    return mart(warehouse, "gold/customer_phrases", _PHRASES, limit=_MOST_PHRASES, columns=columns)


@query("gold/customer_phrases")
def phrases_with_ids(warehouse: Warehouse) -> pa.Table:
    """The rows of `phrases` with the id of the customer, which no page may show."""
    return mart(warehouse, "gold/customer_phrases", _PHRASES, limit=_MOST_PHRASES)


@query("gold/summaries")
def summaries(warehouse: Warehouse, limit: int = 1_000) -> pa.Table:
    """One row per summary, the most used first."""
    return mart(warehouse, "gold/summaries", "m.place", limit=limit)


@query("gold/reviewer_names")
def reviewer_names(warehouse: Warehouse, limit: int = 1_000) -> pa.Table:
    """One row per name of several reviewers, the name with most reviews first."""
    return mart(warehouse, "gold/reviewer_names", "m.place", limit=limit)


@query("gold/helpful_votes")
def helpful_votes(warehouse: Warehouse) -> pa.Table:
    """One row per stars; null for unrated reviews."""
    return mart(warehouse, "gold/helpful_votes", "m.stars")
