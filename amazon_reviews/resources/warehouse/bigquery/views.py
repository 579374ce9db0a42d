"""Views: flat ones for tools such as Looker Studio, and those that merge the rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.bigquery.connection import LABELS, Connection
from amazon_reviews.resources.warehouse.bigquery.schema import fields, sql_type

_JOINED = {"categories": ("category_path", "category path from broad to narrow, joined by ' > '")}


def refresh_flat_view(connection: Connection, table: bigquery.Table, name: str) -> None:
    """Create the flat view `name` of a table in BigQuery, or update it if it differs."""
    columns = _columns(table)
    description = f"{table.description or ''} Without arrays and maps.".strip()
    _refresh(connection, name, description, columns, f"FROM {connection.sql_name(table.table_id)}")


def refresh_merged_view(connection: Connection, version: TableVersion) -> None:
    """Create the view that merges the rows of a stored table, or update it if it differs."""
    name, stored = (n.split("/")[1] for n in (version.name, version.stored_name))
    keys = [f"`{key}`" for key in version.merged_by]
    by_name = {
        f.name: f for f in connection.client.get_table(connection.reference.table(stored)).schema
    }
    columns = [_Column(f"`{key}`", by_name[key]) for key in version.merged_by]
    types = pa.schema({column: type_ for column, (type_, _) in version.merged.items()})
    for field in fields(types, version):
        sql = f"CAST({version.merged[field.name][1]} AS {sql_type(field)}) AS `{field.name}`"
        columns.append(
            _Column(sql, SchemaField(field.name, field.field_type, description=field.description))
        )
    rest = f"FROM {connection.sql_name(stored)} GROUP BY {', '.join(keys)}"
    _refresh(connection, name, version.description, columns, rest)


def _refresh(
    connection: Connection, name: str, description: str, columns: Sequence["_Column"], rest: str
) -> None:
    view = bigquery.Table(connection.reference.table(name))
    view.view_query = f"SELECT {', '.join(column.sql for column in columns)} {rest}"
    view.description = description
    view.labels = LABELS
    try:
        current = connection.client.get_table(view.reference)
    except NotFound:
        current = connection.client.create_table(view, exists_ok=True)
    if current.table_type == "TABLE":
        # An earlier release stored the rows under this name.
        connection.client.delete_table(current)
        current = connection.client.create_table(view)
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
