"""Metrics of the pipeline over HTTP, as Prometheus reads them."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from amazon_reviews.cli import main
from amazon_reviews.defs.resources import places_of
from amazon_reviews.pipeline import metrics
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, row_count
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import BRONZE_EVENT_GAPS
from amazon_reviews.schemas.marts import PIPELINE_RUNS, PIPELINE_STREAM
from amazon_reviews_tests.dagster.project import Project, environment
from amazon_reviews_tests.helpers import review
from amazon_reviews_tests.ports import free_port

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "monitoring.md"
PARTS = ("tables", "plan", "stream", "runs")
DAY = datetime(2026, 1, 2, tzinfo=UTC)
Samples = dict[tuple[str, ...], float]


@contextmanager
def served(project: Project) -> Iterator[str]:
    """Serve the metrics of a project on a free port; yields the address."""
    registry = CollectorRegistry()
    registry.register(metrics.PipelineMetrics(places_of(project.settings)))
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def scrape(address: str) -> dict[str, Samples]:
    """Return the value of each sample by name, without the prefix, and by values of its labels."""
    with urlopen(address) as reply:
        assert reply.status == 200
        text = reply.read().decode()
    samples: dict[str, Samples] = {}
    for family in text_string_to_metric_families(text):
        assert family.name.startswith("amazon_reviews_")
        assert family.documentation.endswith(".")
        name = family.name.removeprefix("amazon_reviews_")
        samples[name] = {tuple(s.labels.values()): s.value for s in family.samples}
    return samples


def scraped(project: Project) -> dict[str, Samples]:
    with served(project) as address:
        return scrape(address)


def test_metrics_without_a_lakehouse_have_no_tables_and_no_errors(empty):
    found = scraped(empty)

    assert found["collection_errors"] == {(part,): 0 for part in PARTS}
    assert 0 < found["collection_seconds"][()] < 60
    assert 0 <= datetime.now(UTC).timestamp() - found["collection_timestamp_seconds"][()] < 60
    assert not found["rows"]
    assert not Path(empty.settings.lakehouse).exists()


def test_metrics_of_tables_are_those_of_their_logs(done, truth):
    found = scraped(done)

    for key in ("bronze/reviews", "silver/reviews", "gold/reviews", "gold/products"):
        assert found["rows"][key,] == row_count(done.lakehouse.delta(key))
        files = Path(done.lakehouse.uri(key)).rglob("*.parquet")
        assert found["size_bytes"][key,] == sum(f.stat().st_size for f in files)
        assert found["failed_checks"][key,] == found["damaged"][key,] == 0
        written = found["last_success_timestamp_seconds"][key,]
        assert 0 < datetime.now(UTC).timestamp() - written < 3600
    assert found["rejected_rows"]["reviews",] == sum(
        sum(partition["rejected"].values()) for partition in truth["reviews"].values()
    )
    assert not any(found["collection_errors"].values())


def test_labels_name_declared_outputs_only(done):
    labels = {label for samples in scraped(done).values() for label, *_ in filter(None, samples)}

    outputs = {key for key in labels if "/" in key}
    assert outputs <= {*TABLES, *(output.key for output in metrics.OUTPUTS)}
    assert labels - outputs - {*PARTS} <= {"reviews", "products", "streamed_reviews"}


def test_a_failed_check_and_a_partition_that_waits_are_counted(done):
    done.lakehouse.record("silver/reviews", checks={"partition_2": {"accounted": False}})
    done.add_file("amazon_reviews", "partition_1", review())
    assert done.materialize("bronze/reviews", partitions=["partition_1"]).success

    found = scraped(done)

    assert found["failed_checks"]["silver/reviews",] == 1
    # The partition that failed is built again too.
    assert found["pending_outputs"]["silver/reviews",] == 2
    assert found["pending_outputs"]["bronze/reviews",] == 0


def test_a_damaged_table_is_an_error_of_its_own(done):
    log = Path(done.lakehouse.uri("silver/products"), "_delta_log")
    for commit in log.glob("*.json"):
        commit.write_text("{")
    Path(done.lakehouse.uri("gold/pipeline_runs"), "_delta_log").mkdir(parents=True)
    Path(done.lakehouse.uri("gold/pipeline_runs"), "_delta_log", f"{0:020d}.json").write_text("{")

    found = scraped(done)

    assert found["damaged"]["silver/products",] == 1
    assert ("silver/products",) not in found["rows"]
    assert found["rows"]["gold/reviews",] > 0
    assert found["collection_errors"] == {
        ("tables",): 0,
        ("plan",): 0,
        ("stream",): 0,
        ("runs",): 1,
    }


def test_stream_and_runs_are_those_of_the_marts_about_the_pipeline(empty):
    hub = {"hub": "namespace/hub", "last_sequence_number": 9, "newest_event_at": DAY}
    rows = [
        {**hub, "hub_partition": "0", "events": 7, "lost": 2, "lag_events": 3, "lag_seconds": 9.5},
        {**hub, "hub_partition": "1", "events": 5, "lost": 1, "lag_events": 1, "lag_seconds": 20.0},
    ]
    write(empty, PIPELINE_STREAM.key, [row | {"looked_at": DAY} for row in rows])
    run = {"job": "__ASSET_JOB", "started_at": DAY, "ended_at": DAY, "status": "SUCCESS"}
    runs = [
        {**run, "run_id": "b", "assets": "gold/reviews", "seconds": 3.0},
        {**run, "run_id": "a", "assets": "of/nobody, gold/products", "seconds": 5.0},
        {**run, "run_id": "c", "assets": "gold/products", "seconds": None, "status": "FAILURE"},
    ]
    write(empty, PIPELINE_RUNS.key, runs)

    empty.lakehouse.ensure(BRONZE_EVENT_GAPS.key)

    found = scraped(empty)

    assert {f"amazon_reviews_{name}" for name in found} == described_metrics()
    assert found["stream_open_gaps"] == {(): 0}
    assert found["stream_lag_events"] == {(): 4}
    assert found["stream_lag_seconds"] == {(): 20}
    assert found["stream_lost_events"] == {(): 3}
    assert found["stream_lag_timestamp_seconds"] == {(): DAY.timestamp()}
    assert found["stream_newest_event_timestamp_seconds"] == {(): DAY.timestamp()}
    assert found["run_seconds"] == {("gold/reviews",): 3, ("gold/products",): 5}
    assert not any(found["collection_errors"].values())


def test_every_scrape_while_a_table_is_written_sees_whole_commits(empty, monkeypatch):
    monkeypatch.setattr(metrics, "_CACHE_SECONDS", 0)
    monkeypatch.setattr(metrics, "_PAUSE", 0)
    row = {"run_id": "a", "job": "j", "assets": "gold/reviews", "status": "SUCCESS"}
    rows = [row | {"started_at": DAY, "ended_at": DAY, "seconds": 1.0}] * 3
    written = threading.Thread(
        target=lambda: [write(empty, PIPELINE_RUNS.key, rows, add=True) for _ in range(10)]
    )

    with served(empty) as address:
        written.start()
        seen = []
        while written.is_alive() or len(seen) < 2:
            found = scrape(address)
            assert not any(found["collection_errors"].values())
            seen.append(found["rows"].get((PIPELINE_RUNS.key,), 0))
        written.join()
        assert scrape(address)["rows"][PIPELINE_RUNS.key,] == 30

    assert all(number % 3 == 0 for number in seen)
    assert seen == sorted(seen)


def test_scrapes_of_the_same_seconds_are_answered_from_the_cache(empty):
    with served(empty) as address:
        before = scrape(address)
        write(empty, PIPELINE_RUNS.key, [])
        assert scrape(address) == before


def test_a_scrape_does_not_wait_for_metrics_that_take_long_to_collect(empty, monkeypatch):
    monkeypatch.setattr(metrics, "_CACHE_SECONDS", 0)
    monkeypatch.setattr(metrics, "_PAUSE", 0)
    goes_on = threading.Event()
    with served(empty) as address:
        before = scrape(address)
        monkeypatch.setattr(metrics, "_WAIT_SECONDS", 0.05)
        monkeypatch.setattr(metrics, "observe", lambda *_, **__: goes_on.wait())

        assert scrape(address) == before
        goes_on.set()


def test_metrics_are_served_to_other_machines_only_with_public():
    result = CliRunner().invoke(main, ["metrics", "--host", "0.0.0.0"])

    assert result.exit_code == 2
    assert "--public" in result.output


@pytest.mark.long
def test_the_command_serves_until_it_is_ended(empty):
    write(empty, PIPELINE_RUNS.key, [])
    port = free_port()
    command = (sys.executable, "-m", "amazon_reviews.cli", "metrics", "--port", str(port))
    with subprocess.Popen(
        command, env=os.environ | environment(empty.root), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            # The line comes when the server listens.
            assert process.stderr.readline() == f"http://127.0.0.1:{port}/metrics\n"
            found = scrape(f"http://127.0.0.1:{port}/metrics")
        finally:
            process.terminate()
        assert process.wait(30) == 143

    assert found["rows"][PIPELINE_RUNS.key,] == 0


def test_alert_rules_of_the_documentation_use_metrics_that_exist():
    (scrape_configuration, rules) = map(
        yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    )

    assert scrape_configuration["scrape_configs"][0]["static_configs"]
    for rule in rules["groups"][0]["rules"]:
        assert rule.keys() <= {"alert", "expr", "for", "annotations"}
        used = set(re.findall(r"amazon_reviews_\w+", rule["expr"]))
        assert used
        assert used <= described_metrics()


def described_metrics() -> set[str]:
    """Return the names in the first column of the table of metrics."""
    rows = re.findall(r"^\|([^|]+)\|[^|]*\|[^|]+\|$", PAGE.read_text(), re.MULTILINE)
    return set(re.findall(r"`(amazon_reviews_\w+)`", "".join(rows)))


def write(project: Project, key: str, rows: list, *, add: bool = False) -> None:
    table = pa.Table.from_pylist(rows, TABLES[key].arrow_schema)
    replacing = None if add else ALL_ROWS
    project.lakehouse.write(table, key, replacing=replacing, built={WHOLE: {}})
