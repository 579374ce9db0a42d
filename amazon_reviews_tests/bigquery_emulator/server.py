"""The emulator over HTTP: routes, uploads, tokens and faults."""

import json
import re
import traceback
from collections.abc import Container
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from amazon_reviews_tests.bigquery_emulator.catalogue import Catalogue, Json
from amazon_reviews_tests.bigquery_emulator.errors import BigQueryError, not_found
from amazon_reviews_tests.bigquery_emulator.jobs import Jobs

Response = tuple[int, dict[str, str], Any]
_UPLOAD = "(/resumable)?/upload/bigquery/v2/projects/[^/]+/jobs"


class Fault:
    """A fault for the next requests whose method, path and SQL match `pattern`.

    With an `error`, this is the response. With `cut`, the request is executed and the connection
    ends without a response. Otherwise the request waits, before or after its execution (`done`),
    until `release` is set.
    """

    def __init__(
        self,
        pattern: str,
        times: int,
        *,
        error: BigQueryError | None = None,
        cut: bool = False,
        done: bool = False,
        skip: int = 0,
    ) -> None:
        self.pattern = re.compile(pattern)
        self.skip = skip
        self.times = times
        self.error = error
        self.cut = cut
        self.done = done
        self.reached = Event()
        self.release = Event()

    def hold(self) -> None:
        """Wait for `release`, unless the fault is an error or a cut."""
        if not self.error and not self.cut:
            self.reached.set()
            self.release.wait(60)


class BigQueryEmulator:
    """A project on loopback; `tokens` are the accepted tokens, None accepts all requests."""

    def __init__(
        self,
        project: str = "test-project",
        location: str = "US",
        tokens: Container[str] | None = None,
    ) -> None:
        self.catalogue = Catalogue(project, location)
        self.jobs = Jobs(self.catalogue)
        self.requests: list[str] = []
        self.tokens = tokens
        self._faults: list[Fault] = []
        self._uploads: dict[str, tuple[Json, bytearray]] = {}
        self._lock = Lock()
        handler = type("Handler", (_Handler,), {"emulator": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for fault in self._faults:
            fault.release.set()
        self._http.shutdown()
        self._http.server_close()

    def reject(
        self,
        pattern: str,
        status: int,
        reason: str,
        times: int = 1,
        message: str = "injected fault",
        skip: int = 0,
    ) -> Fault:
        """Respond to the next requests, after `skip` others, with an error."""
        error = BigQueryError(status, reason, message)
        return self._add(Fault(pattern, times, error=error, skip=skip))

    def cut(self, pattern: str, times: int = 1) -> Fault:
        """Execute the next requests, and end the connection without a response."""
        return self._add(Fault(pattern, times, cut=True))

    def hold(self, pattern: str, *, done: bool, skip: int = 0) -> Fault:
        """Hold the next request, after `skip` others, before or after its execution."""
        return self._add(Fault(pattern, 1, done=done, skip=skip))

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def fault_of(self, request: str) -> Fault | None:
        """Log a request, and return the fault that applies to it."""
        with self._lock:
            self.requests.append(request)
            for fault in self._faults:
                if fault.times and fault.pattern.search(request):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None

    def respond(
        self, method: str, path: str, options: dict[str, str], headers: Message, body: bytes
    ) -> Response:
        """Return status, additional headers and body of the response."""
        with self._lock:
            try:
                return self._respond(method, path, options, headers, body)
            except BigQueryError as error:
                return error.status, {}, error.body

    def _respond(
        self, method: str, path: str, options: dict[str, str], headers: Message, body: bytes
    ) -> Response:
        if path == "/token":
            return 200, {}, {"access_token": "good", "expires_in": 3600, "token_type": "Bearer"}
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens is not None and token not in self.tokens:
            raise BigQueryError(401, "authError", "Request had invalid authentication credentials.")
        if re.fullmatch(_UPLOAD, path):
            return self._upload(method, options, headers, body)
        _, _, _, _, project, *rest = path.split("/")
        if project != self.catalogue.project:
            raise not_found("Project", project)
        return 200, {}, self._route(method, rest, options, headers, json.loads(body or b"{}"))

    def _route(
        self, method: str, rest: list[str], options: dict[str, str], headers: Message, body: Json
    ) -> Json | None:
        catalogue = self.catalogue
        match [method, *rest]:
            case ["POST", "datasets"]:
                return catalogue.create_dataset(body)
            case ["GET", "datasets", dataset]:
                return catalogue.dataset(dataset)
            case [_, "datasets", dataset, "tables", *name]:
                catalogue.dataset(dataset)
                return self._table(method, dataset, *name, etag=headers.get("If-Match"), body=body)
            case ["POST", "jobs"]:
                return self.jobs.insert(body)
            case ["GET", "jobs", job_id]:
                return self.jobs.get(job_id)
            case ["GET", "queries", job_id]:
                return self.jobs.results(job_id, options)
        raise BigQueryError(501, "notImplemented", f"{method} {rest}")

    def _table(
        self, method: str, dataset: str, name: str | None = None, *, etag: str | None, body: Json
    ) -> Json | None:
        catalogue = self.catalogue
        if name is None and method == "POST":
            return catalogue.create_table(dataset, body)
        if name is None:
            names = sorted(table for owner, table in catalogue.tables if owner == dataset)
            return {"tables": [catalogue.table(dataset, table) for table in names]}
        if method == "PATCH":
            return catalogue.change_table(dataset, name, body, etag)
        if method == "DELETE":
            catalogue.delete_table(dataset, name)
            return None
        return catalogue.table(dataset, name)

    def _upload(
        self, method: str, options: dict[str, str], headers: Message, body: bytes
    ) -> Response:
        """Handle a resumable upload: an address for the job, then its bytes in one part or more."""
        if method == "POST":
            name = uuid4().hex
            self._uploads[name] = (json.loads(body), bytearray())
            url = f"{self.url}/upload/bigquery/v2/projects/{self.catalogue.project}/jobs"
            return 200, {"Location": f"{url}?uploadType=resumable&upload_id={name}"}, None
        if options["upload_id"] not in self._uploads:
            raise not_found("Upload", options["upload_id"])
        job, received = self._uploads[options["upload_id"]]
        received += body
        total = headers["Content-Range"].rpartition("/")[2]
        if total == "*" or len(received) < int(total):
            return 308, {"Range": f"bytes=0-{len(received) - 1}"}, None
        del self._uploads[options["upload_id"]]
        return 200, {}, self.jobs.insert(job, bytes(received))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are sent in one segment: two segments take 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    emulator: BigQueryEmulator

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.emulator.fault_of(f"{self.command} {url.path}{_statement(body)}")
        if fault and fault.error:
            self._send(fault.error.status, {}, fault.error.body)
            return
        if fault and not fault.done:
            fault.hold()
        try:
            response = self.emulator.respond(
                self.command, url.path, dict(parse_qsl(url.query)), self.headers, body
            )
        except Exception:  # noqa: BLE001  (a bug here must not look like a fault of BigQuery)
            traceback.print_exc()
            response = 501, {}, BigQueryError(501, "notImplemented", traceback.format_exc()).body
        if fault and fault.done:
            fault.hold()
        if fault and fault.cut:
            self.close_connection = True
            return
        self._send(*response)

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *arguments: object) -> None:
        pass


def _statement(body: bytes) -> str:
    """Return the SQL of a request, with a blank before it."""
    try:
        return f" {json.loads(body)['configuration']['query']['query']}"
    except (ValueError, KeyError):
        return ""
