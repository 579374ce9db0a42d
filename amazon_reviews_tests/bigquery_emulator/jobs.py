"""Load and query jobs. The id of a job is never free again, even if the job failed."""

import io
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from amazon_reviews_tests.bigquery_emulator.catalogue import Catalogue, Json, in_duckdb
from amazon_reviews_tests.bigquery_emulator.errors import (
    BigQueryError,
    duplicate,
    invalid,
    not_found,
)
from amazon_reviews_tests.bigquery_emulator.values import encode, field_of, normal, parameter_value

_NAME = r"`([^`]+)`\.`([^`]+)`\.`([^`]+)`"
_COPY = re.compile(
    rf"CREATE (OR REPLACE )?TABLE (?:IF NOT EXISTS )?{_NAME} COPY {_NAME} OPTIONS\((.*)\)",
    re.DOTALL,
)
_TEXT = r'"(?:[^"\\]|\\.)*"'
_PAGE_ROWS = 10_000
_LEAST_BILLED_BYTES = 10 << 20
_WITHOUT_COLUMNS = re.compile(rf"SELECT count\(\*\) AS \w+ FROM {_NAME}")


class Jobs:
    """The jobs of a project, which run when they are created."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._results: dict[str, pa.Table] = {}
        self.done: dict[str, Json] = {}
        self.failures: list[tuple[str, BigQueryError]] = []

    def fail(self, kind: str, reason: str, status: int = 400, times: int = 1) -> None:
        """Make the next jobs of a kind ("load" or "query") fail."""
        self.failures += [(kind, BigQueryError(status, reason, "injected failure"))] * times

    def insert(self, body: Json, payload: bytes = b"") -> Json:
        """Create a job, run it and return it."""
        reference = body.get("jobReference", {})
        job_id = reference.get("jobId") or uuid4().hex
        if job_id in self.done:
            raise duplicate("Job", job_id)
        configuration = body["configuration"]
        kind = "load" if "load" in configuration else "query"
        self._check_location(configuration[kind], reference.get("location"))
        job = {
            "jobReference": reference | {"jobId": job_id},
            "configuration": configuration | {"jobType": kind.upper()},
            "status": {"state": "DONE"},
            "statistics": {kind: {}},
        }
        self.done[job_id] = job
        try:
            self._raise_injected_failure(kind)
            run = self._load if kind == "load" else self._query
            run(job_id, configuration[kind], payload)
        except BigQueryError as error:
            job["status"]["errorResult"] = error.error
            job["status"]["errors"] = [error.error]
        return job

    def get(self, job_id: str) -> Json:
        if job_id not in self.done:
            raise not_found("Job", job_id)
        return self.done[job_id]

    def results(self, job_id: str, options: dict[str, str]) -> Json:
        """Return a page of the rows of a query."""
        job = self.get(job_id)
        if error := job["status"].get("errorResult"):
            raise BigQueryError(400, error["reason"], error["message"])
        response: Json = {"jobReference": job["jobReference"], "jobComplete": True}
        if job_id not in self._results:
            return response
        rows = self._results[job_id]
        fields = [field_of(column.name, column.type) for column in rows.schema]
        start = int(options.get("pageToken", options.get("startIndex", 0)))
        page = rows.slice(start, min(int(options.get("maxResults", _PAGE_ROWS)), _PAGE_ROWS))
        response |= {"schema": {"fields": fields}, "totalRows": str(rows.num_rows)}
        if start + page.num_rows < rows.num_rows and page.num_rows:
            response["pageToken"] = str(start + page.num_rows)
        if page.num_rows:  # without rows, the client requests the first page separately
            columns = [column.to_pylist() for column in page.columns]
            response["rows"] = [
                {"f": [{"v": encode(v, f)} for v, f in zip(row, fields, strict=True)]}
                for row in zip(*columns, strict=True)
            ]
        return response

    def _raise_injected_failure(self, kind: str) -> None:
        for failure in self.failures:
            if failure[0] == kind:
                self.failures.remove(failure)
                raise failure[1]

    def _check_location(self, configuration: Json, location: str | None) -> None:
        """Raise an error unless the dataset is at the location of the job, by default the US."""
        target = configuration.get("destinationTable") or configuration.get("defaultDataset") or {}
        match = re.search(_NAME, configuration.get("query", ""))
        name = target.get("datasetId") or (match[2] if match else "")
        location = location or "US"
        if location != self._catalogue.datasets.get(name, {}).get("location", location):
            where = f"{self._catalogue.project}:{name} was not found in location {location}"
            raise BigQueryError(404, "notFound", f"Not found: Dataset {where}")

    def _load(self, job_id: str, load: Json, payload: bytes) -> None:
        if (load["sourceFormat"], load["createDisposition"]) != ("PARQUET", "CREATE_NEVER"):
            raise invalid("only Parquet into an existing table")
        target = load["destinationTable"]
        table = self._catalogue.table(target["datasetId"], target["tableId"])
        fields = [normal(field) for field in load["schema"]["fields"]]
        if fields != table["schema"]["fields"]:
            raise invalid(f"Provided Schema does not match Table {target['tableId']}")
        try:
            rows = pq.read_table(io.BytesIO(payload))
        except pa.ArrowException as error:
            raise invalid(f"Error while reading data, error message: {error}") from None
        lists = bool(load.get("parquetOptions", {}).get("enableListInference"))
        columns = [field_of(column.name, column.type, lists=lists) for column in rows.schema]
        if list(map(_kind, columns)) != list(map(_kind, fields)):
            raise invalid(f"Parquet columns {columns} do not match the schema {fields}")
        if any(_has_null_elements(column) for column in rows.columns):
            raise invalid("an array cannot have a null element")
        self._catalogue.append(target["datasetId"], target["tableId"], rows)
        statistics = {"outputRows": str(rows.num_rows), "inputFileBytes": str(len(payload))}
        self.done[job_id]["statistics"]["load"] = statistics

    def _query(self, job_id: str, query: Json, _: bytes) -> None:
        sql = query["query"]
        if copy := _COPY.fullmatch(sql):
            replace, _project, dataset, target, _project, _dataset, source, options = copy.groups()
            self._catalogue.copy_table(
                dataset, source, target, _options(options), replace=bool(replace)
            )
            return
        billed = 0 if _WITHOUT_COLUMNS.fullmatch(sql) else _LEAST_BILLED_BYTES
        if billed > int(query.get("maximumBytesBilled", billed)):
            raise BigQueryError(
                400,
                "bytesBilledLimitExceeded",
                f"Query exceeded limit for bytes billed: {query['maximumBytesBilled']}. "
                f"{billed} or higher required.",
            )
        values = [parameter_value(parameter) for parameter in query.get("queryParameters", [])]
        try:
            self._run(job_id, query, in_duckdb(sql), values)
        except duckdb.Error as error:
            raise BigQueryError(400, "invalidQuery", str(error)) from None

    def _run(self, job_id: str, query: Json, sql: str, values: Sequence[Any]) -> None:
        connection = self._catalogue.duckdb
        if target := query.get("defaultDataset"):
            connection.execute(f"USE {self._catalogue.sql_name(target['datasetId'])}")
        if sql.lstrip().upper().startswith("DELETE"):
            connection.execute(sql, values)
            target = re.search(_NAME, query["query"])
            assert target
            self._catalogue.touch(target[2], target[3])
        else:
            self._results[job_id] = connection.sql(sql, params=values or None).to_arrow_table()


def _kind(field: Json) -> tuple[Any, ...]:
    return field["name"], field["type"], field["mode"], list(map(_kind, field.get("fields", [])))


def _has_null_elements(column: pa.ChunkedArray) -> bool:
    return pa.types.is_list(column.type) and column.combine_chunks().flatten().null_count > 0


def _options(text: str) -> Json:
    """Parse the options of a statement: texts are JSON, labels are a list of pairs of texts."""
    options: Json = {}
    if description := re.search(rf"description=({_TEXT})", text):
        options["description"] = json.loads(description[1], strict=False)
    labels = re.search(rf"labels=\[((?:\({_TEXT}, {_TEXT}\)(?:, )?)*)\]", text)
    assert labels
    pairs = re.findall(rf"\(({_TEXT}), ({_TEXT})\)", labels[1])
    options["labels"] = {json.loads(key): json.loads(value) for key, value in pairs}
    if days := re.search(r"INTERVAL (\d+) DAY", text):
        moment = datetime.now(UTC) + timedelta(days=int(days[1]))
        options["expirationTime"] = str(round(moment.timestamp() * 1000))
    return options
