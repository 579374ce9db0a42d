"""A server on this machine that keeps what clients send to it."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """One request: its path, its headers with names in lower case, and its body, unpacked."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """The requests that arrived at `address`."""

    address: str
    requests: list[Received] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def until(self, is_enough: Callable[[list[Received]], bool]) -> list[Received]:
        """Wait until the requests are enough, and return them; fail after 20 seconds."""
        with self.changed:
            assert self.changed.wait_for(lambda: is_enough(self.requests), timeout=20)
            return list(self.requests)


@contextmanager
def receiving(status: int = 200) -> Iterator[Receiver]:
    """Receive POST requests on a free port, and answer each with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            with receiver.changed:
                receiver.requests.append(Received(self.path, headers, body))
                receiver.changed.notify_all()
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
