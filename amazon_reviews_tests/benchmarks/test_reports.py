"""Reports of the benchmarks from known figures, and the measurement of a command."""

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import batch, cluster, report
from benchmarks.measure import CommandError, measure

ALLOCATE = "import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"
CHILD = """
import time
memory = bytearray(150 << 20)
while time.process_time() < 0.8:
    pass
"""


def test_measurement_includes_child_processes(tmp_path):
    command = [sys.executable, "-c", ALLOCATE.format(code=CHILD)]
    took = measure(command, os.environ, tmp_path)
    assert took.peak_bytes > 150 << 20
    assert 0.4 < took.cpu_seconds < took.seconds * 2
    assert took.cpu_until(took.seconds) <= took.cpu_seconds
    assert took.seconds > 0.8


def test_failed_command_is_an_error_with_its_output(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('out of luck')"]
    with pytest.raises(CommandError, match="out of luck"):
        measure(command, os.environ, tmp_path)


def _run(name, seconds, lines, **more):
    written = {"bronze": 1 << 20, "silver": 2 << 20, "gold": 4 << 20}
    run = batch.Run(
        name,
        seconds,
        2 * seconds,
        1 << 30,
        lines,
        Path(),
        [("step", seconds, 1.0)],
        written=written,
    )
    return run.as_dict(lines) | more


def _size(reviews, ours, theirs, spark):
    agreement = {"ids": 10, "only_in_one": 0, "differing": {"vote": 0}, "complete": True}
    peers = [("DuckDB SQL", theirs), ("JVM Spark", spark)]
    return {
        "reviews": reviews,
        "products": 10,
        "partitions": 2,
        "landing_bytes": 1 << 20,
        "checksum": "0f1e, as kept",
        "expected_rows": reviews,
        "project": _run("to gold", ours, reviews, dollars_per_100_million=0.25),
        "warehouse": _run("gold to warehouse", 1.0, reviews, dollars_per_100_million=0.125),
        "nothing_new": _run("nothing new", 6.0, reviews, reported=True, commits=False),
        "peers": [
            _run(
                name,
                took,
                reviews,
                times_our_seconds=took / ours,
                agreement=agreement,
                requirements=["duckdb==2"],
                differences=["reads less"],
                dollars_per_100_million=1.5,
            )
            for name, took in peers
        ],
    }


def _figures():
    return {
        "machine": {"cpu": "C", "cores": 2, "memory_gib": 8, "load_before": 0, "python": "3"},
        "sizes": [_size(1_000_000, 10.0, 5.0, 40.0), _size(5_000_000, 50.0, 50.0, 100.0)],
        "core_hour": 0.05,
        "faults": [],
        "skipped": ["JVM Spark at 5: because"],
        "small": _run("s", 20.0, 100_000, reviews=100_000),
        "partition": _run("p", 12.0, 100_000, reviews=100_000),
    }


def test_report_has_a_verdict_on_each_target():
    verdicts = {target.text: target.verdict for target in report.targets(_figures())}
    assert list(verdicts.values()) == [
        "met (100,000)",
        "met (1.00)",
        "missed by 33 % (2.00)",
        "met (1,024)",
        "met (1.00)",
        "missed by 20 % (6.00)",
        "met (0.00)",
        "missed by 20 % (12.00)",
        "met (20.00)",
    ]


def test_report_has_all_runs_and_marks_wrong_row_counts():
    text = report.text(_figures(), "amazon-reviews bench")
    for line in (
        "$ amazon-reviews bench",
        "CPU: C, 2 cores; memory: 8 GiB",
        "1,000,000 reviews, 10 products, 2 partitions",
        "project, to gold ",
        "project, to warehouse ",
        "project, nothing new ",
        "DuckDB SQL: the rows that are expected; of 10 reviews compared all values agree",
        "JVM Spark ",
        "SHA-256 of the decompressed files: 0f1e, as kept",
        "project, to gold          10.0    100,000   20.0     1,024            7   0.250",
        "project, to warehouse     11.0     90,909   22.0     1,024            7   0.375",
        "  DuckDB SQL: bronze 1, silver 2, gold 4",
        "at an assumed $0.05 per core hour: seconds times 2 cores",
        "peers, in their own environments: duckdb==2",
        "  - DuckDB SQL, JVM Spark: reads less",
        "Correctness gate\n  passed",
        "skipped: JVM Spark at 5: because",
        "Targets",
    ):
        assert line in text
    wrong = _figures()
    wrong["sizes"][0]["peers"][0]["rows"] = 1
    wrong["faults"] = ["1,000,000 reviews, DuckDB SQL: gold reviews: expected 2, found 1"]
    text = report.text(wrong, "x")
    assert "OTHER ROWS THAN EXPECTED" in text
    assert f"Correctness gate\n  FAILED\n  - {wrong['faults'][0]}" in text
    assert "passed" not in text


@pytest.mark.parametrize(("faults", "code"), [([], 0), (["Polars: vote: 1 of 2"], 1)])
def test_benchmark_ends_with_1_if_its_gate_fails(monkeypatch, faults, code):
    monkeypatch.setattr(command, "bench", lambda *_: _figures() | {"faults": faults})
    monkeypatch.setattr(command.landing_zone, "is_possible", lambda: False)

    result = CliRunner().invoke(command.main, "--profiles 0 --events 0 --marts 0".split())

    assert result.exit_code == code
    assert all(fault in result.output for fault in faults)


def _by_profile(*seconds):
    runs = {name: [_run("to gold", took, 1_000_000) for took in seconds] for name in "ab"}
    return {
        "reviews": 1_000_000,
        "profiles": [
            {"name": name, "expected_rows": 1_000_000, "runs": each} for name, each in runs.items()
        ],
        "ratios": [0.7, 0.95, 0.96],
    }


def test_report_has_both_rates_and_the_median_ratio_of_the_profiles():
    figures = _figures() | {"sizes": [], "profiles": _by_profile(10.0, 30.0, 20.0)}

    assert [target.verdict for target in report.targets(figures)] == ["met (0.95)"]
    text = report.text(figures, "amazon-reviews bench")
    for line in ("a           20.0     50,000", "b           20.0     50,000", "0.70, 0.95, 0.96"):
        assert line in text
    figures["profiles"]["profiles"][1]["expected_rows"] += 1
    assert "b: OTHER ROWS THAN EXPECTED (1,000,001)" in report.text(figures, "x")


def _received(rate, peak, rows):
    return {
        "seconds": 10.0,
        "events_per_second": rate,
        "rates": [rate - 1, rate, rate + 1],
        "cpu_seconds": 9.0,
        "hub_cpu_seconds": 1.0,
        "peak_mib": peak,
        "rows": rows,
    }


def _streamed():
    sizes = [
        {
            "events": events,
            "expected_gold_rows": events - 5,
            "client": _received(10_000, 50, events),
            "bronze": _received(5_000, 300 if events > 30_000 else 100, events),
            "gold": _received(1_000, 500, events - 5)
            | {"steps": {"gold/reviews": {"seconds": 1.0, "cpu_seconds": 2.0}}},
        }
        for events in (30_000, 300_000)
    ]
    late = {
        "gold_rows": 1_000_000,
        "start_seconds": 20.0,
        "events": 480,
        "events_per_second": 4.0,
        "median": 3.0,
        "p95": 10.0,
        "max": 25.0,
        "after_pauses": [10.0, 12.0, 14.0],
        "stream_runs": 4,
        "daemon_ended_cleanly": True,
    }
    client = {"max_batch_size": 1_000, "prefetch": 5_000}
    return {"hub_partitions": 4, "client": client, "sizes": sizes, "latency": late}


def test_report_has_verdicts_on_stream_and_landing_zone():
    azure = {"10 files": {"mebibytes": 200.0, "client": 1.0, "project": 2.0}}
    figures = _figures() | {"sizes": [], "stream": _streamed(), "landing_zone": azure}

    assert [target.verdict for target in report.targets(figures)] == [
        "missed by 38 % (0.50)",
        "missed by 100 % (3.00)",
        "met (1.00)",
        "met (3.00)",
        "missed by 25 % (10.00)",
        "met (14.00)",
        "missed by 33 % (2.00)",
    ]
    text = report.text(figures, "amazon-reviews bench")
    for line in (
        "300,000 events in the 4 partitions",
        "project, to bronze: the median of 4,999, 5,000, 5,001 events/s",
        "caught up with 300,000 events in 10.0 s",
        "480 single events while the daemon runs, 4 a second",
        "median 3.0 s, 95 % 10.0 s, slowest 25.0 s; after pauses 10.0, 12.0, 14.0 s; 4 stream runs",
        "the daemon stopped on SIGINT",
        "10 files                      200      100",
    ):
        assert line in text
    assert "OTHER ROWS" not in text
    figures["stream"]["sizes"][1]["gold"]["rows"] -= 1
    assert "OTHER ROWS THAN EXPECTED (299,995)" in report.text(figures, "x")


def _mart_run(seconds, rows):
    key = "gold/totals"
    return {
        "seconds": seconds,
        "turns": [seconds],
        "cpu_seconds": 1.0,
        "peak_mib": 100,
        "marts": {key: seconds},
        "rows": {key: rows},
    }


def test_report_has_verdicts_on_marts():
    dashboard = {"cold": 2.0, "warm": 1.5, "filter by stars": 0.2, "filter by months": 0.45}
    mart_figures = {
        "reviews": 5_000_000,
        "gold_rows": 9,
        "project": _mart_run(72.0, 1),
        "dashboard": dashboard,
    }
    figures = _figures() | {"sizes": [], "marts": mart_figures | {"duckdb": _mart_run(36.0, 2)}}

    verdicts = [target.verdict for target in report.targets(figures)]

    assert verdicts == [
        "missed by 20 % (72.00)",
        "missed by 33 % (2.00)",
        "met (2.00)",
        "missed by 50 % (1.50)",
        "missed by 50 % (0.45)",
    ]
    message = "ROWS DIFFER (project, DuckDB SQL): {'gold/totals': (1, 2)}"
    assert message in report.text(figures, "amazon-reviews bench")


def task(launched, finished, run_seconds, cpu_seconds):
    """Return the event of a task in an event log of Spark."""
    return {
        "Event": "SparkListenerTaskEnd",
        "Task Info": {"Launch Time": launched * 1_000, "Finish Time": finished * 1_000},
        "Task Metrics": {
            "Executor Run Time": run_seconds * 1_000,
            "Executor CPU Time": cpu_seconds * 1_000_000_000,
        },
    }


def test_time_of_tasks_that_overlap_counts_once():
    events = [
        task(1, 9, 8, 8),
        {"Event": "SparkListenerStageCompleted"},
        task(10, 14, 4, 3),
        task(12, 15, 3, 1),
        task(20, 21, 1, 1),
    ]

    assert cluster.tasks_since(10, iter(events)) == cluster.Tasks(3, 8, 5, 6)


def test_projection_of_a_cluster_follows_from_the_time_without_tasks():
    one = {"seconds": 100.0, "tasks": {"busy_seconds": 90.0}}
    two = {"seconds": 62.5, "tasks": {"busy_seconds": 50.0}}

    figures = cluster.scaling(one, two)

    assert figures == pytest.approx(
        {
            "speedup": 1.6,
            "speedup_of_tasks": 1.8,
            "serial_share": 0.1,
            "projected_speedup_16": 6.4,
        }
    )
