"""Views for tools that know neither arrays nor maps, such as Looker Studio."""

from dataclasses import dataclass

from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from amazon_reviews.resources.warehouse.bigquery.connection import LABELS, Connection
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS

VIEWS = {GOLD_REVIEWS.key: "reviews_flat", GOLD_PRODUCTS.key: "products_flat"}
_JOINED = {"categories": ("category_path", "category path from broad to narrow, joined by ' > '")}


def refresh_view(connection: Connection, table: bigquery.Table, name: str) -> None:
    """Create the view `name` of a table in BigQuery, or mend it where it is another."""
    columns = _columns(table)
    wanted = bigquery.Table(connection.reference.table(name))
    wanted.view_query = (
        f"SELECT {', '.join(column.sql for column in columns)} "
        f"FROM {connection.sql_name(table.table_id)}"
    )
    wanted.description = f"{table.description or ''} Without arrays and maps.".strip()
    wanted.labels = LABELS
    try:
        there = connection.client.get_table(wanted.reference)
    except NotFound:
        there = connection.client.create_table(wanted, exists_ok=True)
    if (there.view_query, there.description) != (wanted.view_query, wanted.description):
        there.view_query, there.description = wanted.view_query, wanted.description
        there = connection.client.update_table(there, ["view_query", "description"])
    if [field.description for field in there.schema] != [c.field.description for c in columns]:
        there.schema = [column.field for column in columns]
        connection.client.update_table(there, ["schema"])


@dataclass(frozen=True)
class _Column:
    sql: str
    field: SchemaField


def _columns(table: bigquery.Table) -> list[_Column]:
    columns = []
    for field in table.schema:
        if field.mode != "REPEATED" and not field.fields:
            # A view's columns have neither precision nor scale.
            plain = SchemaField(field.name, field.field_type, description=field.description)
            columns.append(_Column(f"`{field.name}`", plain))
        elif field.name in _JOINED:
            name, said = _JOINED[field.name]
            sql = f"ARRAY_TO_STRING(`{field.name}`, ' > ') AS `{name}`"
            columns.append(_Column(sql, SchemaField(name, "STRING", description=said)))
    return columns
