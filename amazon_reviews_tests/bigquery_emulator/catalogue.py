"""Datasets and tables: what is said of them, and their rows in DuckDB."""

import itertools
import re
import time

import duckdb

from amazon_reviews_tests.bigquery_emulator.refusal import Refusal, duplicate, invalid, not_found
from amazon_reviews_tests.bigquery_emulator.values import duckdb_type, field_of, normal

MOST_PARTITIONS_OF_A_JOB = 4_000
_DAYS = {"DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
_CLUSTERING = ("STRING", "INTEGER", "BOOLEAN", "DATE", "TIMESTAMP", "NUMERIC")


class Catalogue:
    """One project's datasets. A moment is never given twice, so that changes are seen."""

    def __init__(self, project, location):
        self.project = project
        self.location = location
        self.datasets = {}
        self.tables = {}
        self._moments = itertools.count(int(time.time() * 1000))
        self.duckdb = duckdb.connect()
        self.duckdb.execute("SET TimeZone = 'UTC'")
        self.duckdb.execute(f"ATTACH ':memory:' AS \"{project}\"")

    def create_dataset(self, body):
        name = body["datasetReference"]["datasetId"]
        if name in self.datasets:
            raise duplicate("Dataset", f"{self.project}:{name}")
        self.duckdb.execute(f"CREATE SCHEMA {self.sql_name(name)}")
        place = {"location": body.get("location") or self.location}
        self.datasets[name] = body | place | self._stamp(new=True)
        return self.datasets[name]

    def dataset(self, name):
        if name not in self.datasets:
            raise not_found("Dataset", f"{self.project}:{name}")
        return self.datasets[name]

    def create_table(self, dataset, body):
        """A table or view as the interface asks for it."""
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

    def table(self, dataset, name):
        self.dataset(dataset)
        found = self.tables.get((dataset, name))
        if found is None:
            raise not_found("Table", f"{self.project}:{dataset}.{name}")
        rows = 0 if found["type"] == "VIEW" else self.count(dataset, name)
        return found | {"numRows": str(rows), "numBytes": str(100 * rows)}

    def change_table(self, dataset, name, body, etag):
        """Change what is said of a table; the columns of a table stay."""
        found = self.table(dataset, name)
        if etag not in (None, found["etag"]):
            raise Refusal(412, "conditionNotMet", "Precondition Failed")
        if "schema" in body:
            new = [normal(field) for field in body["schema"]["fields"]]
            if list(map(_bare, new)) != list(map(_bare, found["schema"]["fields"])):
                raise invalid(f"Provided Schema does not match Table {dataset}.{name}")
            body = body | {"schema": {"fields": new}}
        if view := body.get("view"):
            target = self.sql_name(dataset, name)
            self.duckdb.execute(f"CREATE OR REPLACE VIEW {target} AS {in_duckdb(view['query'])}")
            body = body | {"schema": {"fields": self._fields_of(target)}}
        self.tables[dataset, name] |= body
        self.touch(dataset, name)
        return self.table(dataset, name)

    def copy_table(self, dataset, source, target, options, *, replace):
        """One statement that makes `target` a copy of `source`, with its own options."""
        found = self.table(dataset, source)
        old = self.tables.get((dataset, target))
        if old and not replace:
            return
        if old and _layout(old) != _layout(found):
            raise invalid("Cannot replace a table with a different partitioning spec.")
        self.duckdb.execute(
            f"CREATE OR REPLACE TABLE {self.sql_name(dataset, target)} AS "
            f"FROM {self.sql_name(dataset, source)}"
        )
        reference = {"tableReference": found["tableReference"] | {"tableId": target}}
        # What an option does not say is not promised to be copied.
        kept = {
            name: value
            for name, value in found.items()
            if name not in ("labels", "description", "expirationTime")
        }
        self.tables[dataset, target] = kept | reference | options | self._stamp(new=True)

    def delete_table(self, dataset, name):
        kind = self.table(dataset, name)["type"]
        self.duckdb.execute(f"DROP {kind} {self.sql_name(dataset, name)}")
        del self.tables[dataset, name]

    def count(self, dataset, name):
        rows = self.duckdb.execute(f"SELECT count(*) FROM {self.sql_name(dataset, name)}")
        return rows.fetchall()[0][0]

    def append(self, dataset, name, rows):
        """Add the rows of an Arrow table; an array is never null."""
        found = self.table(dataset, name)
        selected = ", ".join(
            f'coalesce("{field["name"]}", []) AS "{field["name"]}"'
            if field["mode"] == "REPEATED"
            else f'"{field["name"]}"'
            for field in found["schema"]["fields"]
        )
        self.duckdb.register("arrived", rows)
        try:
            self._check_partitions(found)
            target = self.sql_name(dataset, name)
            self.duckdb.execute(f"INSERT INTO {target} BY NAME SELECT {selected} FROM arrived")
        finally:
            self.duckdb.unregister("arrived")
        self.touch(dataset, name)

    def touch(self, dataset, name):
        self.tables[dataset, name] |= self._stamp()

    def sql_name(self, *parts):
        return ".".join(f'"{part}"' for part in (self.project, *parts))

    def _check_partitions(self, table):
        if partitioning := table.get("timePartitioning"):
            day, form = partitioning["field"], _DAYS[partitioning["type"]]
            counted = self.duckdb.execute(
                f"SELECT count(DISTINCT strftime(\"{day}\", '{form}')) FROM arrived"
            ).fetchall()[0][0]
            if counted > MOST_PARTITIONS_OF_A_JOB:
                raise invalid(f"Too many partitions produced by query, allowed 4000, is {counted}")

    def _fields_of(self, view):
        columns = self.duckdb.sql(f"FROM {view} LIMIT 0").to_arrow_table().schema
        return [field_of(column.name, column.type) for column in columns]

    def _stamp(self, *, new=False):
        moment = str(next(self._moments))
        created = {"creationTime": moment} if new else {}
        return {"lastModifiedTime": moment, "etag": moment} | created


def in_duckdb(sql):
    """GoogleSQL that DuckDB understands too, but for how names are quoted."""
    if '"' in sql:
        raise invalid("Double quotes are texts here, not names")
    if not re.match(r"\s*(SELECT|WITH|DELETE)\b", sql, re.IGNORECASE):
        raise invalid(f"Syntax error: {sql[:40]}")
    return sql.replace("`", '"')


def _bare(field):
    kept = {name: field.get(name) for name in ("name", "type", "mode", "precision", "scale")}
    return kept | {"fields": list(map(_bare, field.get("fields", [])))}


def _layout(table):
    return table.get("timePartitioning"), table.get("clustering")


def _check_layout(fields, body):
    kinds = {f["name"]: f["type"] for f in fields if f["mode"] != "REPEATED"}
    partitioning = body.get("timePartitioning")
    if partitioning and kinds.get(partitioning["field"]) not in ("DATE", "TIMESTAMP", "DATETIME"):
        raise invalid(f"The field {partitioning['field']} cannot be partitioned by")
    clustered = (body.get("clustering") or {}).get("fields", [])
    if len(clustered) > 4 or any(kinds.get(name) not in _CLUSTERING for name in clustered):
        raise invalid(f"The fields {clustered} cannot be clustered by")
