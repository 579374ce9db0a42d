"""A file server on loopback that breaks off, lies and fails as a test asks for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODIFIED = "Sun, 31 Mar 2024 12:00:00 GMT"


@dataclass(frozen=True)
class Reply:
    """One reply of the server.

    Attributes:
        content: the bytes of the file; None takes those of the server for the path.
        status: status of the reply; above 299 the content is a page.
        etag: ETag of the file; "" without one.
        ranges: True if the rest of a file can be requested.
        checks_version: False ignores If-Range.
        cut: number of bytes after which the connection is closed.
        holds: True waits for the client to close the connection after `cut`.
        length: the Content-Length, if it is not that of the content.
        headers: further headers.
    """

    content: bytes | None = None
    status: int = 200
    etag: str = '"v1"'
    ranges: bool = True
    checks_version: bool = True
    cut: int | None = None
    holds: bool = False
    length: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


class FileServer(ThreadingHTTPServer):
    """Serves `files` by path; `replies` are used up in turn, then all replies are usual ones."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.replies: list[Reply] = []
        self.requests: list[tuple[str, str | None]] = []
        self.conditions: list[str | None] = []
        self.cut_reached = threading.Event()

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [requested for _, requested in self.requests]


@contextmanager
def file_server() -> Iterator[FileServer]:
    """Yield a server that runs during the block."""
    with FileServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        server = self.server
        server.requests.append((self.path, self.headers["Range"]))
        server.conditions.append(self.headers["If-Range"])
        reply = server.replies.pop(0) if server.replies else Reply()
        content = server.files.get(self.path) if reply.content is None else reply.content
        if content is None:
            reply, content = Reply(status=404), b""
        start = self._start(reply)
        self.send_response(206 if start else reply.status)
        headers = {"Content-Type": "application/gzip", "Last-Modified": MODIFIED}
        headers["Content-Length"] = str(
            len(content) - start if reply.length is None else reply.length
        )
        if reply.etag:
            headers["ETag"] = reply.etag
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        for name, value in (headers | reply.headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self._send(content[start:], reply)

    def _start(self, reply: Reply) -> int:
        condition = self.headers["If-Range"]
        same = not reply.checks_version or condition in (None, reply.etag, MODIFIED)
        if self.headers["Range"] and reply.ranges and reply.status == 200 and same:
            return int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        return 0

    def _send(self, content: bytes, reply: Reply) -> None:
        try:
            self.wfile.write(content[: reply.cut])
            if reply.cut is not None:
                self.server.cut_reached.set()
            if reply.holds:
                self.connection.recv(1)
        except ConnectionError:
            # The client stopped early.
            pass

    def log_message(self, *_: object) -> None:
        """Log nothing."""
