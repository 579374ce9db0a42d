"""Redaction: no secret of a setting or of an address is left in an error, a log or an event."""

import base64
import html
import json
import os
import subprocess
import sys
from urllib.parse import quote, quote_plus

import dagster as dg
import pytest

from amazon_reviews.config import load
from amazon_reviews.defs.redacted_events import redact_events, redacted_errors
from amazon_reviews.errors import BuildError, DownloadError, SettingsError, one_line
from amazon_reviews.redaction import HIDDEN, install, redacted

CANARY = "c4n/ry+of=ice&\"x'<é"
PLAIN = "canary0secret1value"


@pytest.fixture
def canary(monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", CANARY)


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY),
        quote(CANARY, safe=""),
        quote_plus(CANARY),
        quote(CANARY, safe="").lower(),
        quote(quote(CANARY, safe=""), safe=""),
        json.dumps(CANARY)[1:-1],
        json.dumps(json.dumps(CANARY)[1:-1])[1:-1],
        json.dumps(CANARY, ensure_ascii=False)[1:-1],
        repr(CANARY)[1:-1],
        html.escape(CANARY),
    ],
)
def test_a_secret_of_a_variable_is_removed_in_every_form(canary, form):
    assert redacted(f"before {form} after") == f"before {HIDDEN} after"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_TRACKING_URI", "http://user:{}@host/p"),
        ("MLFLOW_TRACKING_URI", "http://host/p?token={}"),
        ("MLFLOW_TRACKING_URI", "http://host/p?x={}#y"),
        ("MLFLOW_TRACKING_URI", "http://{}@host/p"),
        ("MLFLOW_TRACKING_PASSWORD", "{}"),
        ("AMAZON_REVIEWS_EVENT_HUB", "Endpoint=sb://n/;SharedAccessKey={};EntityPath=h"),
        ("AMAZON_REVIEWS_ENGINE", "sc://host:1/;token={}"),
        ("AMAZON_REVIEWS_LANDING", "az://container?sig={}"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "s3://key:{}@bucket"),
        ("AMAZON_REVIEWS_WAREHOUSE", "duckdb:///x?password={}"),
        ("AZURE_STORAGE_SAS_TOKEN", "?sv=2022-11-02&sig={}"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=n;AccountKey={}"),
        ("DAGSTER_POSTGRES_URL", "postgresql://dagster:{}@host/dagster"),
        ("HTTPS_PROXY", "http://user:{}@proxy:3128"),
        ("http_proxy", "user:{}@proxy:3128"),
        ("AMAZON_REVIEWS_API_KEY", "{}"),
        ("AWS_SECRET_ACCESS_KEY", "{}"),
        ("AMAZON_REVIEWS_ALERTS", "https://hooks.example/services/T0/{}"),
        ("AMAZON_REVIEWS_ALERTS", "mailtos://user:{}@mail.example slack://T1JJ3T3L2/{}/x"),
        ("AMAZON_REVIEWS_ALERTS", "tgram://{}/12345678"),
        ("AMAZON_REVIEWS_ALERTS", "https://hooks.example/a?t={}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "team=a,authorization=Bearer {}"),
        ("OPENLINEAGE__TRANSPORT__AUTH", '{{"type": "api_key", "apiKey": "{}"}}'),
    ],
)
def test_the_secret_of_each_setting_is_known(monkeypatch, name, value):
    monkeypatch.setenv(name, value.replace("{}", PLAIN))

    for text in (value.replace("{}", PLAIN), f"x {PLAIN} y", f"url: /p%3Fa%3D{PLAIN}%26b"):
        assert PLAIN not in redacted(text)


def test_an_address_of_alerts_is_hidden_and_its_host_and_words_are_not(monkeypatch):
    monkeypatch.setenv("AMAZON_REVIEWS_ALERTS", "https://hooks.example/alerts/onlyletters")

    assert redacted("url: /alerts/onlyletters (refused)") == f"url: {HIDDEN} (refused)"
    assert redacted("alerts to hooks.example") == "alerts to hooks.example"


def test_the_header_of_a_login_is_removed(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:{quote(CANARY, safe='')}@host")
    login = base64.b64encode(f"user:{CANARY}".encode()).decode().rstrip("=")

    assert redacted(f"sent {login}") == f"sent {HIDDEN}"
    assert redacted("Authorization: Bearer abc.def") == f"Authorization: Bearer {HIDDEN}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://u:p@host/a", "https://***@host/a"),
        ("https://host/a?x=1&sig=ab%2Fc&y=2", "https://host/a?x=1&sig=***&y=2"),
        ("for url: /a/b?api_key=abc (Caused by", "for url: /a/b?api_key=*** (Caused by"),
        ("AccountName=n;AccountKey=ab+c==;", "AccountName=n;AccountKey=***;"),
        ("abfss://box:k@account.dfs.core.windows.net", "abfss://***@account.dfs.core.windows.net"),
    ],
)
def test_other_addresses_lose_what_looks_like_a_secret(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "abfss://box@account.dfs.core.windows.net/path",
        "bigquery://project/dataset?location=europe-west1",
        "https://console.cloud.google.com/bigquery?project=a&p=a&d=b&t=c&page=table",
        "partition year=2020, monkey=5, design=3, 1 = 2",
        "mail to a@b.example about https://host/path#part",
    ],
)
def test_harmless_texts_stay_as_they_are(monkeypatch, text):
    monkeypatch.setenv("AMAZON_REVIEWS_LANDING", "abfss://box@account.dfs.core.windows.net/path")
    monkeypatch.setenv("AMAZON_REVIEWS_WAREHOUSE", "bigquery://p/d?location=europe-west1")
    monkeypatch.setenv("SOME_TOKEN", "")
    monkeypatch.setenv("OTHER_KEY", "year")

    assert redacted(text) == text


def test_errors_hold_no_secret_also_where_they_are_cut(canary):
    foreign = ValueError("x" * 240 + CANARY + "y" * 400)

    assert CANARY not in str(DownloadError(f"no answer: {CANARY}"))
    assert str(SettingsError("NAME", f"{CANARY} is wrong")) == f"NAME: {HIDDEN} is wrong"
    assert CANARY[:6] not in one_line(foreign)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LANDING", "sftp://user:{}@host/x"),
        ("LANDING", "az://box?sig={}"),
        ("LAKEHOUSE", "s3://key:{}@bucket/x"),
        ("LAKEHOUSE", "abfss://box@account.dfs.core.windows.net/x?sig={}"),
        ("WAREHOUSE", "duckdb:///x.duckdb?token={}"),
        ("WAREHOUSE", "bigquery://project/dataset?location=EU&token={}"),
        ("WAREHOUSE", "bigquery://user:{}@project/dataset"),
        ("WAREHOUSE", "postgresql://user:{}@host/db"),
        ("ENGINE", "https://user:{}@host"),
        ("EVENT_HUB", "sb://user:{}@host"),
    ],
)
def test_a_wrong_address_is_named_without_its_secret(monkeypatch, name, value):
    monkeypatch.setenv(f"AMAZON_REVIEWS_{name}", value.format(PLAIN))

    with pytest.raises(SettingsError, match=f"AMAZON_REVIEWS_{name}") as raised:
        load()
    assert PLAIN not in str(raised.value)


def test_logs_and_uncaught_errors_of_a_process_hold_no_secret():
    program = """
import logging, os, threading, warnings
from amazon_reviews import redaction
redaction.install()
secret = os.environ["SOME_TOKEN"]
logging.basicConfig(format="%(name)s %(message)s")
log = logging.getLogger("third.party")
log.warning("logged %s and %d", secret, 7)
warnings.warn(f"warned {secret}")
try:
    raise OSError(f"caught {secret}")
except OSError:
    log.exception("failed")
def fail():
    raise LookupError(f"thrown {secret}")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
raise RuntimeError(f"raised {secret}")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"SOME_TOKEN": PLAIN},
        capture_output=True,
        text=True,
        check=False,
    )

    assert f"third.party logged {HIDDEN} and 7" in ended.stderr
    for text in ("warned", "caught", "thrown", "raised"):
        assert f": {text} {HIDDEN}" in ended.stderr
    assert PLAIN not in ended.stderr


def test_the_storage_of_dagster_holds_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", PLAIN)
    address = f"http://user:{PLAIN}@host/p?token={PLAIN}"
    install()
    redact_events()

    @dg.asset(check_specs=[dg.AssetCheckSpec("reached", asset="described")])
    def described(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        context.log.info(f"logged {address}")
        check = dg.AssetCheckResult(passed=False, description=f"not {address}")
        metadata = {"address": address, "parts": {"of": [address]}, "rows": 5}
        return dg.MaterializeResult(metadata=metadata, check_results=[check])

    @dg.asset
    def failing() -> None:
        try:
            raise OSError(f"first {address}")
        except OSError as error:
            raise ValueError(f"second {address}") from error

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        dg.materialize([described, failing], instance=instance, raise_on_error=False)
        event = instance.get_latest_materialization_event(dg.AssetKey("described"))

    stored = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not [path for path, content in stored.items() if PLAIN.encode() in content]
    assert any(b"second http://***@host" in content for content in stored.values())
    metadata = event.asset_materialization.metadata
    assert metadata["rows"].value == 5
    assert metadata["parts"].value == {"of": [f"http://{HIDDEN}@host/p?token={HIDDEN}"]}


def test_the_storage_of_dagster_holds_no_control_character(tmp_path):
    harmful = "\x1b[2Jgone\x07 \x9b \u202etxt.exe\u2066"
    install()
    redact_events()

    @dg.asset
    def failing(context: dg.AssetExecutionContext) -> None:
        context.log.info(f"logged {harmful}")
        raise ValueError(f"second\tline\n{harmful}")

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = dg.materialize([failing], instance=instance, raise_on_error=False)
        entries = [entry.message for entry in instance.all_logs(result.run_id)]
        (error,) = [
            entry.dagster_event.step_failure_data.error
            for entry in instance.all_logs(result.run_id)
            if entry.dagster_event and entry.dagster_event.is_step_failure
        ]

    escaped = r"\x1b[2Jgone\x07 \x9b \u202etxt.exe\u2066"
    assert [e for e in entries if "logged" in e] == [f"logged {escaped}"]
    assert f"second\tline\n{escaped}" in error.to_string()


def test_the_error_of_a_sensor_holds_no_secret(monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", PLAIN)

    with (
        pytest.raises(BuildError, match=r"OSError: no answer of \*\*\*") as raised,
        redacted_errors(),
    ):
        raise OSError(f"no answer of {PLAIN}")
    assert raised.value.__suppress_context__
    with pytest.raises(OSError, match="no answer"), redacted_errors():
        raise OSError("no answer")
