"""Flat views for tools without arrays and maps, such as Looker Studio."""

from dataclasses import dataclass

from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from amazon_reviews.resources.warehouse.bigquery.connection import LABELS, Connection

_JOINED = {"categories": ("category_path", "category path from broad to narrow, joined by ' > '")}


def refresh_view(connection: Connection, table: bigquery.Table, name: str) -> None:
    """Create the view `name` of a table in BigQuery, or update it if it differs."""
    columns = _columns(table)
    view = bigquery.Table(connection.reference.table(name))
    view.view_query = (
        f"SELECT {', '.join(column.sql for column in columns)} "
        f"FROM {connection.sql_name(table.table_id)}"
    )
    view.description = f"{table.description or ''} Without arrays and maps.".strip()
    view.labels = LABELS
    try:
        current = connection.client.get_table(view.reference)
    except NotFound:
        current = connection.client.create_table(view, exists_ok=True)
    if (current.view_query, current.description) != (view.view_query, view.description):
        current.view_query, current.description = view.view_query, view.description
        current = connection.client.update_table(current, ["view_query", "description"])
    # BigQuery creates a view without descriptions of its columns.
    if [field.description for field in current.schema] != [c.field.description for c in columns]:
        current.schema = [column.field for column in columns]
        connection.client.update_table(current, ["schema"])


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
            name, description = _JOINED[field.name]
            sql = f"ARRAY_TO_STRING(`{field.name}`, ' > ') AS `{name}`"
            columns.append(_Column(sql, SchemaField(name, "STRING", description=description)))
    return columns
