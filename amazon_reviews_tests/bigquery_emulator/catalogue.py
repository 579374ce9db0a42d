"""Datasets and tables: their metadata, and their rows in DuckDB."""

import itertools
import re
import time
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from amazon_reviews_tests.bigquery_emulator.errors import (
    BigQueryError,
    duplicate,
    invalid,
    not_found,
)
from amazon_reviews_tests.bigquery_emulator.values import duckdb_type, field_of, normal

MAX_PARTITIONS_OF_A_JOB = 4_000
_DAYS = {"DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
Json = dict[str, Any]
_CLUSTERING = ("STRING", "INTEGER", "BOOLEAN", "DATE", "TIMESTAMP", "NUMERIC")


class Catalogue:
    """The datasets of a project. Each change has a distinct time, so that clients notice it."""

    def __init__(self, project: str, location: str) -> None:
        self.project = project
        self.location = location
        self.datasets: dict[str, Json] = {}
        self.tables: dict[tuple[str, str], Json] = {}
        self._moments = itertools.count(int(time.time() * 1000))
        self.duckdb = duckdb.connect()
        self.duckdb.execute("SET TimeZone = 'UTC'")
        self.duckdb.execute(f"ATTACH ':memory:' AS \"{project}\"")

    def create_dataset(self, body: Json) -> Json:
        name = body["datasetReference"]["datasetId"]
        if name in self.datasets:
            raise duplicate("Dataset", f"{self.project}:{name}")
        self.duckdb.execute(f"CREATE SCHEMA {self.sql_name(name)}")
        location = {"location": body.get("location") or self.location}
        self.datasets[name] = body | location | self._stamp(new=True)
        return self.datasets[name]

    def dataset(self, name: str) -> Json:
        if name not in self.datasets:
            raise not_found("Dataset", f"{self.project}:{name}")
        return self.datasets[name]

    def create_table(self, dataset: str, body: Json) -> Json:
        """Create a table or view from the body of a request."""
        self.dataset(dataset)
        name = body["tableReference"]["tableId"]
        if (dataset, name) in self.tables:
            raise duplicate("Table", f"{self.project}:{dataset}.{name}")
        target = self.sql_name(dataset, name)
        body = dict(body)
        if view := body.get("view"):
            self.duckdb.execute(f"CREATE VIEW {target} AS {in_duckdb(view['query'])}")
            body |= {"type": "VIEW", "schema": {"fields": self._fields_of(target)}}
        else:
            fields = [normal(field) for field in body["schema"]["fields"]]
            _check_layout(fields, body)
            columns = (f'"{field["name"]}" {duckdb_type(field)}' for field in fields)
            self.duckdb.execute(f"CREATE TABLE {target} ({', '.join(columns)})")
            body |= {"type": "TABLE", "schema": {"fields": fields}}
        self.tables[dataset, name] = body | self._stamp(new=True)
        return self.table(dataset, name)

    def table(self, dataset: str, name: str) -> Json:
        self.dataset(dataset)
        table = self.tables.get((dataset, name))
        if table is None:
            raise not_found("Table", f"{self.project}:{dataset}.{name}")
        rows = 0 if table["type"] == "VIEW" else self.count(dataset, name)
        return table | {"numRows": str(rows), "numBytes": str(100 * rows)}

    def change_table(self, dataset: str, name: str, body: Json, etag: str | None) -> Json:
        """Change the metadata of a table; its columns stay."""
        table = self.table(dataset, name)
        if etag not in (None, table["etag"]):
            raise BigQueryError(412, "conditionNotMet", "Precondition Failed")
        if "schema" in body:
            new = [normal(field) for field in body["schema"]["fields"]]
            if list(map(_bare, new)) != list(map(_bare, table["schema"]["fields"])):
                raise invalid(f"Provided Schema does not match Table {dataset}.{name}")
            body = body | {"schema": {"fields": new}}
        if view := body.get("view"):
            target = self.sql_name(dataset, name)
            self.duckdb.execute(f"CREATE OR REPLACE VIEW {target} AS {in_duckdb(view['query'])}")
            body = body | {"schema": {"fields": self._fields_of(target)}}
        self.tables[dataset, name] |= body
        self.touch(dataset, name)
        return self.table(dataset, name)

    def copy_table(
        self, dataset: str, source: str, target: str, options: Json, *, replace: bool
    ) -> None:
        """Run the statement that copies `source` to `target`, with the given options."""
        table = self.table(dataset, source)
        old = self.tables.get((dataset, target))
        if old and not replace:
            return
        if old and _layout(old) != _layout(table):
            raise invalid("Cannot replace a table with a different partitioning spec.")
        self.duckdb.execute(
            f"CREATE OR REPLACE TABLE {self.sql_name(dataset, target)} AS "
            f"FROM {self.sql_name(dataset, source)}"
        )
        reference = {"tableReference": table["tableReference"] | {"tableId": target}}
        # BigQuery does not promise to copy options that the statement does not set.
        copied = {
            name: value
            for name, value in table.items()
            if name not in ("labels", "description", "expirationTime")
        }
        self.tables[dataset, target] = copied | reference | options | self._stamp(new=True)

    def delete_table(self, dataset: str, name: str) -> None:
        kind = self.table(dataset, name)["type"]
        self.duckdb.execute(f"DROP {kind} {self.sql_name(dataset, name)}")
        del self.tables[dataset, name]

    def count(self, dataset: str, name: str) -> int:
        rows = self.duckdb.execute(f"SELECT count(*) FROM {self.sql_name(dataset, name)}")
        return int(rows.fetchall()[0][0])

    def append(self, dataset: str, name: str, rows: pa.Table) -> None:
        """Add the rows of an Arrow table; null arrays become empty."""
        table = self.table(dataset, name)
        selected = ", ".join(
            f'coalesce("{field["name"]}", []) AS "{field["name"]}"'
            if field["mode"] == "REPEATED"
            else f'"{field["name"]}"'
            for field in table["schema"]["fields"]
        )
        self.duckdb.register("arrived", rows)
        try:
            self._check_partitions(table)
            target = self.sql_name(dataset, name)
            self.duckdb.execute(f"INSERT INTO {target} BY NAME SELECT {selected} FROM arrived")
        finally:
            self.duckdb.unregister("arrived")
        self.touch(dataset, name)

    def touch(self, dataset: str, name: str) -> None:
        self.tables[dataset, name] |= self._stamp()

    def sql_name(self, *parts: str) -> str:
        return ".".join(f'"{part}"' for part in (self.project, *parts))

    def _check_partitions(self, table: Json) -> None:
        if partitioning := table.get("timePartitioning"):
            day, form = partitioning["field"], _DAYS[partitioning["type"]]
            count = self.duckdb.execute(
                f"SELECT count(DISTINCT strftime(\"{day}\", '{form}')) FROM arrived"
            ).fetchall()[0][0]
            if count > MAX_PARTITIONS_OF_A_JOB:
                raise invalid(f"Too many partitions produced by query, allowed 4000, is {count}")

    def _fields_of(self, view: str) -> list[Json]:
        columns = self.duckdb.sql(f"FROM {view} LIMIT 0").to_arrow_table().schema
        return [field_of(column.name, column.type) for column in columns]

    def _stamp(self, *, new: bool = False) -> Json:
        moment = str(next(self._moments))
        created = {"creationTime": moment} if new else {}
        return {"lastModifiedTime": moment, "etag": moment} | created


def in_duckdb(sql: str) -> str:
    """Return GoogleSQL as DuckDB's SQL: quotes and FLOAT64 differ in the supported part."""
    if '"' in sql:
        # DuckDB would read a text as a name.
        raise invalid("Double quotes are texts here, not names")
    if not re.match(r"\s*(SELECT|WITH|DELETE)\b", sql, re.IGNORECASE):
        raise invalid(f"Syntax error: {sql[:40]}")
    return sql.replace("`", '"').replace("AS FLOAT64)", "AS DOUBLE)")


def _bare(field: Json) -> Json:
    """Return a column without its description, which may change."""
    bare = {name: field.get(name) for name in ("name", "type", "mode", "precision", "scale")}
    return bare | {"fields": list(map(_bare, field.get("fields", [])))}


def _layout(table: Json) -> tuple[Json | None, Json | None]:
    return table.get("timePartitioning"), table.get("clustering")


def _check_layout(fields: Sequence[Json], body: Json) -> None:
    kinds = {f["name"]: f["type"] for f in fields if f["mode"] != "REPEATED"}
    partitioning = body.get("timePartitioning")
    if partitioning and kinds.get(partitioning["field"]) not in ("DATE", "TIMESTAMP", "DATETIME"):
        raise invalid(f"The field {partitioning['field']} cannot be partitioned by")
    clustered = (body.get("clustering") or {}).get("fields", [])
    if len(clustered) > 4 or any(kinds.get(name) not in _CLUSTERING for name in clustered):
        raise invalid(f"The fields {clustered} cannot be clustered by")
