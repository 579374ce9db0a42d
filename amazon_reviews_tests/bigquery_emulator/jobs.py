"""Load and query jobs. A job id is taken for ever, also by a job that failed."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from amazon_reviews_tests.bigquery_emulator.catalogue import in_duckdb
from amazon_reviews_tests.bigquery_emulator.refusal import Refusal, duplicate, invalid, not_found
from amazon_reviews_tests.bigquery_emulator.values import encoded, field_of, normal, parameter

_NAME = r"`([^`]+)`\.`([^`]+)`\.`([^`]+)`"
_COPY = re.compile(
    rf"CREATE (OR REPLACE )?TABLE (?:IF NOT EXISTS )?{_NAME} COPY {_NAME} OPTIONS\((.*)\)",
    re.DOTALL,
)
_TEXT = r'"(?:[^"\\]|\\.)*"'
_PAGE_ROWS = 10_000


class Jobs:
    """The jobs of a project, done as they are made."""

    def __init__(self, catalogue):
        self._catalogue = catalogue
        self._results = {}
        self.done = {}
        self.failures = []

    def fail(self, kind, reason, status=400, times=1):
        """Let the next jobs of this kind ("load" or "query") fail."""
        self.failures += [(kind, Refusal(status, reason, "injected failure"))] * times

    def insert(self, body, payload=None):
        """Make a job and do it; returns it."""
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
            self._fail_if_told(kind)
            do = self._load if kind == "load" else self._query
            do(job_id, configuration[kind], payload)
        except Refusal as refusal:
            job["status"]["errorResult"] = refusal.error
            job["status"]["errors"] = [refusal.error]
        return job

    def get(self, job_id):
        if job_id not in self.done:
            raise not_found("Job", job_id)
        return self.done[job_id]

    def results(self, job_id, options):
        """A page of a query's rows."""
        job = self.get(job_id)
        if error := job["status"].get("errorResult"):
            raise Refusal(400, error["reason"], error["message"])
        answer = {"jobReference": job["jobReference"], "jobComplete": True}
        if job_id not in self._results:
            return answer
        rows = self._results[job_id]
        fields = [field_of(column.name, column.type) for column in rows.schema]
        start = int(options.get("pageToken", options.get("startIndex", 0)))
        page = rows.slice(start, min(int(options.get("maxResults", _PAGE_ROWS)), _PAGE_ROWS))
        answer |= {"schema": {"fields": fields}, "totalRows": str(rows.num_rows)}
        if start + page.num_rows < rows.num_rows and page.num_rows:
            answer["pageToken"] = str(start + page.num_rows)
        if page.num_rows:  # without rows the client asks for the first page itself
            columns = [column.to_pylist() for column in page.columns]
            answer["rows"] = [
                {"f": [{"v": encoded(v, f)} for v, f in zip(row, fields, strict=True)]}
                for row in zip(*columns, strict=True)
            ]
        return answer

    def _fail_if_told(self, kind):
        for told in self.failures:
            if told[0] == kind:
                self.failures.remove(told)
                raise told[1]

    def _check_location(self, configuration, location):
        """A job that does not say where it runs runs in the US."""
        place = configuration.get("destinationTable") or configuration.get("defaultDataset") or {}
        named = re.search(_NAME, configuration.get("query", ""))
        name = place.get("datasetId") or (named and named[2])
        location = location or "US"
        known = self._catalogue.datasets.get(name, {}).get("location", location)
        if location != known:
            where = f"{self._catalogue.project}:{name} was not found in location {location}"
            raise Refusal(404, "notFound", f"Not found: Dataset {where}")

    def _load(self, job_id, load, payload):
        if (load["sourceFormat"], load["createDisposition"]) != ("PARQUET", "CREATE_NEVER"):
            raise invalid("only Parquet into a table that is there")
        place = load["destinationTable"]
        table = self._catalogue.table(place["datasetId"], place["tableId"])
        wanted = [normal(field) for field in load["schema"]["fields"]]
        if wanted != table["schema"]["fields"]:
            raise invalid(f"Provided Schema does not match Table {place['tableId']}")
        try:
            rows = pq.read_table(io.BytesIO(payload))
        except pa.ArrowException as error:
            raise invalid(f"Error while reading data, error message: {error}") from None
        lists = bool(load.get("parquetOptions", {}).get("enableListInference"))
        found = [field_of(column.name, column.type, lists=lists) for column in rows.schema]
        if list(map(_kind, found)) != list(map(_kind, wanted)):
            raise invalid(f"Parquet columns {found} do not match the schema {wanted}")
        if any(_has_null_elements(column) for column in rows.columns):
            raise invalid("an array cannot have a null element")
        self._catalogue.append(place["datasetId"], place["tableId"], rows)
        statistics = {"outputRows": str(rows.num_rows), "inputFileBytes": str(len(payload))}
        self.done[job_id]["statistics"]["load"] = statistics

    def _query(self, job_id, query, payload):
        sql = query["query"]
        if copy := _COPY.fullmatch(sql):
            replace, _, dataset, target, _, _, source, options = copy.groups()
            self._catalogue.copy_table(
                dataset, source, target, _options(options), replace=bool(replace)
            )
            return
        values = [parameter(given) for given in query.get("queryParameters", [])]
        try:
            self._run(job_id, query, in_duckdb(sql), values)
        except duckdb.Error as error:
            raise Refusal(400, "invalidQuery", str(error)) from None

    def _run(self, job_id, query, sql, values):
        connection = self._catalogue.duckdb
        if place := query.get("defaultDataset"):
            connection.execute(f"USE {self._catalogue.sql_name(place['datasetId'])}")
        if sql.lstrip().upper().startswith("DELETE"):
            connection.execute(sql, values)
            self._catalogue.touch(*re.search(_NAME, query["query"]).groups()[1:])
        else:
            self._results[job_id] = connection.sql(sql, params=values or None).to_arrow_table()


def _kind(field):
    return field["name"], field["type"], field["mode"], list(map(_kind, field.get("fields", [])))


def _has_null_elements(column):
    return pa.types.is_list(column.type) and column.combine_chunks().flatten().null_count > 0


def _options(text):
    """The options of a statement: texts are JSON's, labels a list of pairs of them."""
    options = {}
    if description := re.search(rf"description=({_TEXT})", text):
        options["description"] = json.loads(description[1], strict=False)
    labels = re.search(rf"labels=\[((?:\({_TEXT}, {_TEXT}\)(?:, )?)*)\]", text)
    pairs = re.findall(rf"\(({_TEXT}), ({_TEXT})\)", labels[1])
    options["labels"] = {json.loads(key): json.loads(value) for key, value in pairs}
    if days := re.search(r"INTERVAL (\d+) DAY", text):
        moment = datetime.now(UTC) + timedelta(days=int(days[1]))
        options["expirationTime"] = str(round(moment.timestamp() * 1000))
    return options
