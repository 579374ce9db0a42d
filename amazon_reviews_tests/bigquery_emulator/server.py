"""The service over HTTP: routes, uploads, tokens and faults."""

import json
import re
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from amazon_reviews_tests.bigquery_emulator.catalogue import Catalogue
from amazon_reviews_tests.bigquery_emulator.jobs import Jobs
from amazon_reviews_tests.bigquery_emulator.refusal import Refusal, not_found

_UPLOAD = "(/resumable)?/upload/bigquery/v2/projects/[^/]+/jobs"


class Fault:
    """What happens to the next requests that match `pattern`: method, path, SQL if there is any.

    A `refusal` is answered instead; with `cut` the request is done and the connection ends
    without an answer; otherwise it is held, before or after it was done, until `release` is set.
    """

    def __init__(self, pattern, times, *, refusal=None, cut=False, done=False, skip=0):
        self.pattern = re.compile(pattern)
        self.skip = skip
        self.times = times
        self.refusal = refusal
        self.cut = cut
        self.done = done
        self.reached = Event()
        self.release = Event()

    def hold(self):
        if not self.refusal and not self.cut:
            self.reached.set()
            self.release.wait(60)


class BigQueryServer:
    """A project on loopback; `tokens` are those it accepts, None for anybody."""

    def __init__(self, project="test-project", location="US", tokens=None):
        self.catalogue = Catalogue(project, location)
        self.jobs = Jobs(self.catalogue)
        self.requests = []
        self.tokens = tokens
        self._faults = []
        self._uploads = {}
        self._lock = Lock()
        handler = type("Handler", (_Handler,), {"service": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error):
        for fault in self._faults:
            fault.release.set()
        self._http.shutdown()
        self._http.server_close()

    def refuse(self, pattern, status, reason, times=1, message="injected fault", skip=0):
        """Answer the next requests, after `skip` others, with an error."""
        refusal = Refusal(status, reason, message)
        return self._add(Fault(pattern, times, refusal=refusal, skip=skip))

    def cut(self, pattern, times=1):
        """Do the next requests, and end the connection without an answer."""
        return self._add(Fault(pattern, times, cut=True))

    def hold(self, pattern, *, done, skip=0):
        """Hold the next request, after `skip` others, before or after it is done."""
        return self._add(Fault(pattern, 1, done=done, skip=skip))

    def _add(self, fault):
        self._faults.append(fault)
        return fault

    def fault_of(self, request):
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

    def answer(self, method, path, options, headers, body):
        """Status, further headers and body of the answer."""
        with self._lock:
            try:
                return self._answer(method, path, options, headers, body)
            except Refusal as refusal:
                return refusal.status, {}, refusal.body

    def _answer(self, method, path, options, headers, body):
        if path == "/token":
            return 200, {}, {"access_token": "good", "expires_in": 3600, "token_type": "Bearer"}
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens is not None and token not in self.tokens:
            raise Refusal(401, "authError", "Request had invalid authentication credentials.")
        if re.fullmatch(_UPLOAD, path):
            return self._upload(method, options, headers, body)
        _, _, _, _, project, *rest = path.split("/")
        if project != self.catalogue.project:
            raise not_found("Project", project)
        return 200, {}, self._route(method, rest, options, headers, json.loads(body or b"{}"))

    def _route(self, method, rest, options, headers, body):
        catalogue = self.catalogue
        match method, *rest:
            case "POST", "datasets":
                return catalogue.create_dataset(body)
            case "GET", "datasets", dataset:
                return catalogue.dataset(dataset)
            case _, "datasets", dataset, "tables", *name:
                catalogue.dataset(dataset)
                return self._table(method, dataset, *name, etag=headers.get("If-Match"), body=body)
            case "POST", "jobs":
                return self.jobs.insert(body)
            case "GET", "jobs", job_id:
                return self.jobs.get(job_id)
            case "GET", "queries", job_id:
                return self.jobs.results(job_id, options)
        raise Refusal(501, "notImplemented", f"{method} {rest}")

    def _table(self, method, dataset, name=None, *, etag, body):
        catalogue = self.catalogue
        if name is None and method == "POST":
            return catalogue.create_table(dataset, body)
        if name is None:
            found = sorted(name for place, name in catalogue.tables if place == dataset)
            return {"tables": [catalogue.table(dataset, name) for name in found]}
        if method == "PATCH":
            return catalogue.change_table(dataset, name, body, etag)
        if method == "DELETE":
            return catalogue.delete_table(dataset, name)
        return catalogue.table(dataset, name)

    def _upload(self, method, options, headers, body):
        """A resumable upload: an address for the job, then its bytes in one or several parts."""
        if method == "POST":
            name = uuid4().hex
            self._uploads[name] = (json.loads(body), bytearray())
            place = f"{self.url}/upload/bigquery/v2/projects/{self.catalogue.project}/jobs"
            return 200, {"Location": f"{place}?uploadType=resumable&upload_id={name}"}, None
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
    # Headers and body go out in one segment: two of them cost 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    service: BigQueryServer

    def _serve(self):
        place = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.service.fault_of(f"{self.command} {place.path}{_statement(body)}")
        if fault and fault.refusal:
            self._send(fault.refusal.status, {}, fault.refusal.body)
            return
        if fault and not fault.done:
            fault.hold()
        try:
            answer = self.service.answer(
                self.command, place.path, dict(parse_qsl(place.query)), self.headers, body
            )
        except Exception:  # noqa: BLE001  (a mistake here must not look like a fault of the service)
            traceback.print_exc()
            answer = 501, {}, Refusal(501, "notImplemented", traceback.format_exc()).body
        if fault and fault.done:
            fault.hold()
        if fault and fault.cut:
            self.close_connection = True
            return
        self._send(*answer)

    def _send(self, status, headers, body):
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *arguments):
        pass


def _statement(body):
    try:
        return " " + json.loads(body)["configuration"]["query"]["query"]
    except (ValueError, KeyError):
        return ""
