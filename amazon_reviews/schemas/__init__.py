"""Every table of the project, declared once: see `Table`.

One place for what Delta stores, the Dagster UI shows, the checks hold and the warehouse documents.
"""

from amazon_reviews.schemas import layers, marts, partials, recommender, sentiment, titles
from amazon_reviews.schemas.table import Column, Rule, Table

__all__ = ["MART_TABLES", "PUBLISHED", "TABLES", "Column", "Rule", "Table"]

TABLES = {
    table.key: table
    for module in (layers, partials, marts, sentiment, recommender, titles)
    for table in vars(module).values()
    if isinstance(table, Table)
}
"""Every table by its key."""

MART_TABLES = tuple(table for table in vars(marts).values() if isinstance(table, Table))
"""The marts of the reviews and of the pipeline."""

PUBLISHED = tuple(table for table in TABLES.values() if table.published)
"""The tables that the warehouse holds."""
