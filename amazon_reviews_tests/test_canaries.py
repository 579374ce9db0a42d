"""Secrets as canaries: every command runs with them, and no byte of one is found anywhere.

A server stands for MLflow and for a proxy. It refuses every request, with a text that quotes the
request's address and the login that came with it.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.ports import free_port
from amazon_reviews_tests.test_interrupts import wait_for

pytestmark = pytest.mark.long

# With characters that addresses must encode.
CANARIES = {
    name: f"canary/{number:02}+{name.replace(' ', '=')}"
    for number, name in enumerate(
        (
            "mlflow password",
            "mlflow token",
            "hub key",
            "api key",
            "sas signature",
            "account key",
            "client secret",
            "aws secret",
            "aws session",
            "http proxy",
            "https proxy",
            "postgres",
            "mirror token",
            "engine token",
            "warehouse password",
            "bucket secret",
            "private key",
            "alert webhook",
            "alert password",
        )
    )
}
ENCODED = {name: quote(secret, safe="") for name, secret in CANARIES.items()}
CLI = ("-m", "amazon_reviews.cli")
GRAPHQL_CLI = "from dagster_graphql.cli import main; main()"
SELECTION = "not (group:marts or group:titles or group:recommender)"
GRAPHQL = """{
  runsOrError { ... on Runs { results {
    runConfigYaml tags { key value }
    eventConnection(limit: 1000) { events {
      ... on MessageEvent { message }
      ... on ErrorEvent { error { message stack causes { message stack } } }
      ... on DisplayableEvent { description label metadataEntries { label description
        ... on TextMetadataEntry { text } ... on MarkdownMetadataEntry { mdStr }
        ... on UrlMetadataEntry { url } ... on JsonMetadataEntry { jsonString } } }
    } }
  } } }
  assetNodes { description metadataEntries { label ... on TextMetadataEntry { text } } }
}"""


class Echo(BaseHTTPRequestHandler):
    """Refuses every request with its own words, as they came and decoded."""

    def refuse(self) -> None:
        login = self.headers.get("Authorization", "") + self.headers.get("Proxy-Authorization", "")
        with suppress(ValueError):
            login += base64.b64decode(login.rpartition(" ")[2]).decode()
        text = json.dumps({"error_code": "PERMISSION_DENIED", "message": f"{self.path} {login}"})
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PATCH = do_PUT = do_CONNECT = refuse

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()


class Workplace:
    """Folders that commands write to, with the secrets in the environment."""

    def __init__(self, root: Path, echo: str) -> None:
        self.root = root
        self.output: dict[str, bytes] = {}
        self.listed: set[bytes] = set()
        (root / "tmp").mkdir()
        key = root.parent / "google.json"
        key.write_text(json.dumps({"private_key": CANARIES["private key"]}))
        url = ENCODED
        self.environment = {
            **environment(root),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(root),
            "TMPDIR": str(root / "tmp"),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_TRACKING_URI": f"http://user:{url['mlflow password']}@{echo}/p"
            f"?token={url['mlflow token']}",
            "AMAZON_REVIEWS_EVENT_HUB": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=reader;"
            f"SharedAccessKey={CANARIES['hub key']};EntityPath=h;UseDevelopmentEmulator=true",
            "AMAZON_REVIEWS_API_KEY": CANARIES["api key"],
            "AZURE_STORAGE_SAS_TOKEN": f"sv=2022-11-02&sig={url['sas signature']}",
            "AZURE_STORAGE_ACCOUNT_KEY": CANARIES["account key"],
            "AZURE_CLIENT_SECRET": CANARIES["client secret"],
            "AWS_SECRET_ACCESS_KEY": CANARIES["aws secret"],
            "AWS_SESSION_TOKEN": CANARIES["aws session"],
            "HTTP_PROXY": f"http://user:{url['http proxy']}@{echo}",
            "HTTPS_PROXY": f"http://user:{url['https proxy']}@{echo}",
            "AMAZON_REVIEWS_ALERTS": f"http://{echo}/hook/{url['alert webhook']} "
            f"jsons://user:{url['alert password']}@127.0.0.1:1/path",
            "NO_PROXY": "127.0.0.1",
            "DAGSTER_POSTGRES_URL": f"postgresql://dagster:{url['postgres']}@127.0.0.1:1/d",
            "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        }

    def run(self, *command: str, **variables: str) -> bytes:
        """Run a command to its end, and keep its output."""
        with self.started(*command, **variables) as process:
            output, _ = process.communicate(timeout=600)
        self.output[f"{command} {sorted(variables)}"] = output
        return output

    @contextmanager
    def started(self, *command: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Start a command in a process group of its own, which ends with the block."""
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=self.root,
            env=self.environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def serve(self, *command: str) -> None:
        """Start a server, send it requests, and keep its output."""
        port = free_port()
        with self.started(*command, "--port", str(port)) as process:
            wait_for(port, process)
            os.killpg(process.pid, signal.SIGTERM)
            self.output[f"{command}"], _ = process.communicate(timeout=60)

    @contextmanager
    def watching_processes(self) -> Iterator[None]:
        """Look at the list of processes during the block."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.2):
                for path in Path("/proc").glob("[0-9]*/cmdline"):
                    with suppress(OSError):
                        self.listed |= set(found(path.read_bytes()))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def forms(name: str) -> set[bytes]:
    """Return a secret as it is, and as addresses, logs and logins hold it."""
    secret = CANARIES[name]
    logins = [base64.b64encode(f"user:{secret}".encode()).decode().rstrip("=")]
    once = quote(secret, safe="")
    texts = (secret, quote(secret), once, once.lower(), quote(once), quote_plus(secret), *logins)
    return {text.encode() for text in (*texts, json.dumps(secret)[1:-1])}


FORMS: Mapping[str, set[bytes]] = {name: forms(name) for name in CANARIES}


def found(content: bytes) -> list[bytes]:
    """Return the names of the secrets that bytes hold in any form."""
    return [
        name.encode() for name, texts in FORMS.items() if any(text in content for text in texts)
    ]


def test_no_command_leaves_a_secret_anywhere(tmp_path: Path, echo: str) -> None:
    (tmp_path / "work").mkdir()
    place = Workplace(tmp_path / "work", echo)
    mirror = f"http://mirror.invalid/f.jsonl?token={ENCODED['mirror token']}"
    size = ("--reviews", "400", "--products", "40", "--users", "40", "--partitions", "2")
    landing = place.root / "landing"

    with place.watching_processes():
        place.run(*CLI, "sample", *size, "--events", "20", "--out", str(landing))
        ran = place.run(*CLI, "run", "--select", SELECTION)
        place.run(*CLI, "run", "--plan", "--json")
        engine = f"sc://127.0.0.1:1/;token={ENCODED['engine token']}"
        place.run(
            *CLI,
            *("run", "--select", "key:silver/reviews", "--rebuild", "silver/reviews"),
            AMAZON_REVIEWS_ENGINE=engine,
        )
        refused = place.run(
            *CLI, "fetch", "amazon-2023", "All_Beauty", AMAZON_REVIEWS_FETCH_URL=mirror
        )
        for words in (
            "reconcile",
            "rejected list",
            "rejected replay",
            "doctor",
            "maintain",
            "report",
            f"inspect {next(landing.rglob('*.gz'))}",
            "recommend A1",
            "similar B1",
            "sentiment predict good",
            "demo-stream",
        ):
            place.run(*CLI, *words.split())
        wrong = {
            "AMAZON_REVIEWS_WAREHOUSE": f"postgresql://u:{ENCODED['warehouse password']}@h/d",
            "AMAZON_REVIEWS_LAKEHOUSE": f"s3://key:{ENCODED['bucket secret']}@bucket",
            "AMAZON_REVIEWS_LANDING": f"az://box?sig={ENCODED['sas signature']}",
            "AMAZON_REVIEWS_ENGINE": engine,
        }
        for name, value in wrong.items():
            place.run(*CLI, "doctor", **{name: value})
        place.run(*CLI, "doctor", AMAZON_REVIEWS_LAKEHOUSE="s3://bucket", AWS_REGION="x")
        place.run(*CLI, "doctor", AMAZON_REVIEWS_WAREHOUSE="bigquery://project/data")
        place.serve(*CLI, "api", "--workers", "2")
        place.serve(*CLI, "app")
        definitions = ("-m", "amazon_reviews.definitions")
        for sensor in ("event_hub_sensor", "planner_sensor", "health_sensor"):
            place.run("-m", "dagster", "sensor", "preview", sensor, *definitions)
        page = place.run("-c", GRAPHQL_CLI, *definitions, "-t", GRAPHQL)

    # The secrets came to the server, and Dagster shows what it answered.
    assert b"PERMISSION_DENIED" in ran
    assert b"status 403" in refused
    assert b"PERMISSION_DENIED" in page
    assert not place.listed
    tellers = {command: names for command, text in place.output.items() if (names := found(text))}
    assert tellers == {}
    files = [path for path in place.root.rglob("*") if path.is_file()]
    assert len(files) > 100
    holders = {str(path): names for path in files if (names := found(path.read_bytes()))}
    assert holders == {}
    assert not [path for path in place.root.rglob("*") if found(os.fsencode(path))]
