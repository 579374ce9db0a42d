"""The columns of every table: name, Arrow type and what the column says.

One place for what Delta stores, the Dagster UI shows and the warehouse documents.
"""

from amazon_reviews.schemas import layers, marts, recommender, sentiment, titles
from amazon_reviews.schemas.columns import Column, Table

__all__ = ["MART_TABLES", "RECOMMENDER_TABLES", "SENTIMENT_TABLES", "TABLES", "Column", "Table"]

MART_TABLES = tuple(table for table in vars(marts).values() if isinstance(table, Table))

SENTIMENT_TABLES = tuple(table for table in vars(sentiment).values() if isinstance(table, Table))

RECOMMENDER_TABLES = tuple(
    table for table in vars(recommender).values() if isinstance(table, Table)
)

TABLES = {
    table.key: table
    for module in (layers, marts, sentiment, recommender, titles)
    for table in vars(module).values()
    if isinstance(table, Table)
}
