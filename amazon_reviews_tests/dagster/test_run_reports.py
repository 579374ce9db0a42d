"""Spans and OpenLineage events of runs, sent to a server on this machine."""

import json
import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
import jsonschema
import pytest

from amazon_reviews import config
from amazon_reviews.config import Settings
from amazon_reviews.defs.run_reports import report_runs
from amazon_reviews.pipeline.run_reports.lineage import LineageEvents
from amazon_reviews.resources import background_sender
from amazon_reviews.resources.tracing import tracer
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.dagster.openlineage_schema import RUN_EVENT
from amazon_reviews_tests.dagster.project import QUIET, Project, environment
from amazon_reviews_tests.helpers import product
from amazon_reviews_tests.http_receiver import receiving
from amazon_reviews_tests.otlp import attributes_of, spans_of
from amazon_reviews_tests.ports import free_port

SECRET = "s3cret-t0ken-of-the-test"
NOBODY = "http://127.0.0.1:9"
PACKAGES = ("openlineage.client", "opentelemetry.exporter.otlp.proto.http.trace_exporter")


@contextmanager
def reporting(settings: Settings, defs: dg.Definitions, **variables: str):
    """Report runs as environment variables say, during the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dg.DagsterInstance, "handle_new_event", dg.DagsterInstance.handle_new_event)
        tracer.cache_clear()
        for name, value in variables.items():
            patch.setenv(name, value)
        before = dict(os.environ)
        report_runs(settings, defs)
        assert dict(os.environ) == before
        yield
    tracer.cache_clear()


@dataclass(frozen=True)
class Reported:
    """A project with a run that succeeded and one that failed, and what was sent of them."""

    project: Project
    run_id: str
    failed_id: str
    spans: list
    events: list


@pytest.fixture(scope="module")
def reported(tmp_path_factory, spark):
    """Bronze and silver of a good partition, then bronze of it and one that cannot be read."""
    project = Project(tmp_path_factory.mktemp("reported"))
    for name in ("a", "b"):
        project.add_file("amazon_metadata", name, product(), product(asin="0000000002"))
    project.break_off("amazon_metadata", "b")
    project.add_partitions("products", "a", "b")
    with receiving() as receiver:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address,
            "OPENLINEAGE_URL": receiver.address,
            "OPENLINEAGE_API_KEY": SECRET,
        }
        with reporting(project.settings, project.defs, **variables):
            keys = ("bronze/products", "silver/products")
            good = project.materialize(*keys, partitions=["a"])
            bad = project.materialize("bronze/products", partitions=["a", "b"])
            requests = receiver.until(
                lambda found: len(spans_of(found)) == 5 and len(events_of(found)) == 10
            )
    assert good.success
    assert not bad.success
    return Reported(project, good.run_id, bad.run_id, spans_of(requests), events_of(requests))


def events_of(requests):
    """Return the events that were sent, each checked against the schema."""
    requests = [request for request in requests if request.path == "/api/v1/lineage"]
    events = [json.loads(request.body) for request in requests]
    for event, request in zip(events, requests, strict=True):
        jsonschema.validate(event, RUN_EVENT)
        assert request.headers.get("authorization") in (None, f"Bearer {SECRET}")
    return events


def test_a_run_is_a_span_with_one_below_it_for_each_table(reported):
    spans = {
        span.name: span
        for span in reported.spans
        if attributes_of(span)["dagster.run_id"] == reported.run_id
    }

    run = spans.pop("run __ASSET_JOB")
    assert attributes_of(run) == {
        "dagster.run_id": reported.run_id,
        "dagster.job": "__ASSET_JOB",
        "status": "success",
    }
    assert spans.keys() == {"write bronze/products", "write silver/products"}
    for name, span in spans.items():
        attributes = attributes_of(span)
        assert attributes.pop("version") > 0
        assert attributes.pop("rejected", 0) == 0
        assert attributes == {
            "dagster.run_id": reported.run_id,
            "asset": name.removeprefix("write "),
            "partitions": 1,
            "rows": 2,
            "status": "success",
        }
        assert (span.trace_id, span.parent_span_id) == (run.trace_id, run.span_id)
        assert run.start_time_unix_nano <= span.start_time_unix_nano < span.end_time_unix_nano
        assert span.end_time_unix_nano <= run.end_time_unix_nano


def test_a_failed_step_is_a_failed_span_with_what_it_wrote(reported):
    spans = [s for s in reported.spans if attributes_of(s)["dagster.run_id"] == reported.failed_id]

    run, write = sorted(spans, key=lambda span: span.name)
    assert attributes_of(run)["status"] == attributes_of(write)["status"] == "failure"
    assert run.status.code == write.status.code == 2
    assert attributes_of(write)["partitions"] == 1
    assert "later.json.gz" in write.status.message


def test_a_run_and_its_steps_are_openlineage_runs(reported):
    events = reported.events[:6]

    assert [(event["eventType"], event["job"]["name"]) for event in events] == [
        ("START", "__ASSET_JOB"),
        ("START", "bronze/products"),
        ("COMPLETE", "bronze/products"),
        ("START", "silver/products"),
        ("COMPLETE", "silver/products"),
        ("COMPLETE", "__ASSET_JOB"),
    ]
    assert len({event["run"]["runId"] for event in events}) == 3
    assert events[0]["run"]["runId"] == reported.run_id
    for event in events[1:5]:
        assert event["run"]["facets"]["parent"]["run"]["runId"] == reported.run_id
    bronze, silver = events[2], events[4]
    settings = reported.project.settings
    assert [d["name"] for d in bronze["inputs"]] == [f"{settings.landing}/amazon_metadata"]
    assert [d["name"] for d in silver["inputs"]] == [f"{settings.lakehouse}/bronze/products"]
    (output,) = silver["outputs"]
    assert output["namespace"] == "file"
    assert output["name"] == f"{settings.lakehouse}/silver/products"
    columns = [column["name"] for column in output["facets"]["schema"]["fields"]]
    assert columns == TABLES["silver/products"].names
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 2


def test_a_failed_step_fails_its_openlineage_run_and_names_the_reason(reported):
    events = reported.events[6:]

    assert [event["eventType"] for event in events] == ["START", "START", "FAIL", "FAIL"]
    assert events[3]["run"]["runId"] == reported.failed_id
    failed = events[2]
    assert failed["job"]["name"] == "bronze/products"
    assert "later.json.gz" in failed["run"]["facets"]["errorMessage"]["message"]
    (output,) = failed["outputs"]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 2


def test_a_run_that_another_process_left_unfinished_fails_in_openlineage():
    run = dg.DagsterRun("daily", status=dg.DagsterRunStatus.STARTED)
    instance = dg.DagsterInstance.ephemeral()
    instance.add_run(run)

    with receiving() as receiver:
        with reporting(
            config.load(),
            dg.Definitions(),
            OPENLINEAGE__TRANSPORT__TYPE="http",
            OPENLINEAGE__TRANSPORT__URL=receiver.address,
            OPENLINEAGE_NAMESPACE="shop",
        ):
            instance.report_run_failed(run, f"it died with token={SECRET}")
        (event,) = events_of(receiver.until(len))
    assert event["job"] == {"namespace": "shop", "name": "daily", "facets": {}}
    assert (event["eventType"], event["run"]["runId"]) == ("FAIL", run.run_id)
    assert SECRET not in str(event)
    assert "it died" in event["run"]["facets"]["errorMessage"]["message"]


@pytest.mark.parametrize("place", ["declaration", "event"])
def test_column_lineage_of_an_asset_is_a_facet_of_its_dataset(place):
    dep = dg.TableColumnDep(dg.AssetKey(["bronze", "products"]), "record")
    metadata = {"dagster/column_lineage": dg.TableColumnLineage({"asin": [dep]})}

    @dg.asset(key=["gold", "products"], metadata=metadata if place == "declaration" else None)
    def products() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=metadata if place == "event" else None)

    settings, defs = config.load(), dg.Definitions([products])
    job = defs.resolve_implicit_global_asset_job_def()
    with receiving() as receiver:
        with reporting(settings, defs, OPENLINEAGE_URL=receiver.address):
            assert job.execute_in_process(run_config=QUIET).success
        events = events_of(receiver.until(lambda requests: len(requests) == 4))

    (output,) = events[2]["outputs"]
    (source,) = output["facets"]["columnLineage"]["fields"]["asin"]["inputFields"]
    assert source["name"] == f"{settings.lakehouse}/bronze/products"
    assert source["field"] == "record"


@pytest.mark.long
def test_a_headless_run_of_the_console_script_is_reported_before_it_ends(empty):
    empty.add_file("amazon_metadata", "a", product())
    with receiving() as receiver:
        command = (sys.executable, "-m", "amazon_reviews.cli", "run", "--select", "bronze/products")
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address,
            "OPENLINEAGE_URL": receiver.address,
        }
        subprocess.run(command, env=os.environ | environment(empty.root) | variables, check=True)
        # They were sent before the process ended.
        requests = list(receiver.requests)

    assert {span.name for span in spans_of(requests)} == {
        "run __ASSET_JOB",
        "write bronze/products",
    }
    assert len(events_of(requests)) == 4


def test_an_endpoint_that_is_down_changes_nothing_of_a_run(empty, caplog, monkeypatch):
    # The end of the tests does not wait for it.
    monkeypatch.setattr(background_sender, "_SENDERS", [])
    empty.add_file("amazon_metadata", "a", product())
    empty.add_partitions("products", "a")
    nobody = f"http://127.0.0.1:{free_port()}"

    with (
        caplog.at_level(logging.WARNING),
        reporting(
            empty.settings, empty.defs, OTEL_EXPORTER_OTLP_ENDPOINT=nobody, OPENLINEAGE_URL=nobody
        ),
    ):
        assert empty.materialize("bronze/products", partitions=["a"]).success

    assert all("are not sent, and the work goes on" in text for text in caplog.messages)


def test_nothing_is_watched_or_imported_without_a_variable(monkeypatch, caplog):
    for module in PACKAGES:
        # An import of it fails.
        monkeypatch.setitem(sys.modules, module, None)
    before = dg.DagsterInstance.handle_new_event

    with reporting(
        config.load(), dg.Definitions(), OPENLINEAGE_NAMESPACE="shop", OTEL_SERVICE_NAME="shop"
    ):
        assert dg.DagsterInstance.handle_new_event is before
    off = {"OPENLINEAGE_DISABLED": "true", "OTEL_SDK_DISABLED": "true"}
    with reporting(
        config.load(),
        dg.Definitions(),
        OPENLINEAGE_URL=NOBODY,
        OTEL_EXPORTER_OTLP_ENDPOINT=NOBODY,
        **off,
    ):
        assert dg.DagsterInstance.handle_new_event is before
    # Nor was a package missed.
    assert not caplog.records


def test_missing_packages_are_named_and_change_nothing(monkeypatch, caplog):
    for module in PACKAGES:
        monkeypatch.setitem(sys.modules, module, None)
    before = dg.DagsterInstance.handle_new_event

    with reporting(
        config.load(), dg.Definitions(), OPENLINEAGE_URL=NOBODY, OTEL_EXPORTER_OTLP_ENDPOINT=NOBODY
    ):
        assert dg.DagsterInstance.handle_new_event is before

    assert caplog.text.count("amazon-reviews[observability]") == 2


@pytest.mark.parametrize(
    ("location", "namespace", "name"),
    [
        ("/data/lakehouse", "file", "/data/lakehouse/gold/reviews"),
        ("s3://bucket/lake", "s3://bucket", "lake/gold/reviews"),
        (
            "abfss://data@account.dfs.core.windows.net/lake",
            "abfss://data@account.dfs.core.windows.net",
            "lake/gold/reviews",
        ),
    ],
)
def test_datasets_have_the_names_of_openlineage(location, namespace, name):
    settings = config.load().model_copy(
        update={"lakehouse": location, "warehouse": "bigquery://my-project/shop"}
    )
    events = LineageEvents(settings, print)

    assert events.dataset("gold/reviews") == (namespace, name)
    assert events.dataset("warehouse/reviews") == ("bigquery", "my-project.shop.reviews")
    assert events.dataset("model/sentiment") == ("amazon_reviews", "model/sentiment")
