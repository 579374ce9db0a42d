"""nginx with the configuration of deploy/nginx.conf, on other ports and in another folder."""

import os
import shutil
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from amazon_reviews_tests.ports import free_port, wait_for_port

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PASSWORD = "only-for-this-test"
LOGIN = {"Authorization": f"Basic {b64encode(f'ana:{PASSWORD}'.encode()).decode()}"}
_CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
_PATIENCE_SECONDS = 60
_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    " -subj /CN=example.org -addext subjectAltName=DNS:*.example.org"
    " -keyout privkey.pem -out fullchain.pem"
)


@dataclass
class Nginx:
    """A running nginx: its ports, and a context that trusts its certificate."""

    http: int
    https: int
    context: ssl.SSLContext

    def connect(self, name: str, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """Return a connection to `name`.example.org."""
        address = ("127.0.0.1", self.https)
        client = socket.create_connection(address, _PATIENCE_SECONDS, (source, 0))
        return self.context.wrap_socket(client, server_hostname=f"{name}.example.org")

    def request(
        self,
        name: str,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        source: str = "127.0.0.1",
    ) -> HTTPResponse:
        """Return the response of `name`.example.org; with a body, the request is a POST."""
        connection = HTTPConnection(f"{name}.example.org")
        connection.sock = self.connect(name, source)
        connection.request("POST" if body else "GET", path, body, dict(headers or {}))
        return connection.getresponse()


@contextmanager
def running_nginx(folder: Path, services: Mapping[int, int]) -> Iterator[Nginx]:
    """Run nginx in a folder; `services` has the port of a service for that in the configuration."""
    assert NGINX
    subprocess.run(_CERTIFICATE.split(), cwd=folder, check=True, capture_output=True)
    for name in ("users", "operators"):
        (folder / name).write_text(f"ana:{{PLAIN}}{PASSWORD}\n")
    ports = {80: free_port(), 443: free_port()}
    text = _CONFIGURATION.read_text()
    for port, own in ports.items():
        text = text.replace(f"listen {port}", f"listen 127.0.0.1:{own}")
    for port, own in services.items():
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{own}")
    for place in ("/etc/nginx/amazon_reviews", "/run", "/var/log/nginx"):
        text = text.replace(f"{place}/", f"{folder}/")
    # Its default folders belong to root.
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(text.replace("http {", f"http {{ {folders}", 1))
    # Its workers may read pytest's folder only as the user of the test.
    options = "daemon off;" + (" user root;" if os.getuid() == 0 else "")
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", options]
    subprocess.run([*command, "-t", "-q"], check=True)
    with subprocess.Popen(command) as server:
        try:
            wait_for_port(ports[443], server)
            context = ssl.create_default_context(cafile=folder / "fullchain.pem")
            yield Nginx(ports[80], ports[443], context)
        finally:
            server.terminate()
