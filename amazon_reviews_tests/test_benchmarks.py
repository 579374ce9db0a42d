"""Benchmarks on small samples: project and peers must do the same work."""

import json
import os
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from deltalake import write_deltalake

from benchmarks import batch, marts, profiles, report
from benchmarks.agreement import compare
from benchmarks.measure import CommandError, measure
from benchmarks.runs import TO_GOLD, Project, run_peer

ALLOCATE = "import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"
CHILD = """
import time
memory = bytearray(150 << 20)
while time.process_time() < 0.8:
    pass
"""


@pytest.mark.long
def test_project_and_duckdb_build_the_same_gold(tmp_path):
    landing = batch.landing_zone(tmp_path / "landing", 2_000, 2, lambda _: None)
    project = Project(landing.folder, tmp_path / "project").run("to gold", TO_GOLD)
    peer = run_peer("duckdb_sql", "DuckDB SQL", landing.folder, tmp_path / "duckdb")
    truth = json.loads((landing.folder / "truth.json").read_text())
    assert project.rows == peer.rows == truth["gold"]["reviews"] == landing.gold_rows
    agreement = compare(project.gold, peer.gold, project.rows)
    assert agreement.ids == landing.gold_rows
    assert agreement.complete, agreement
    rejected = f"{tmp_path}/duckdb/silver/rejected/reviews/*/*.parquet"
    reasons = duckdb.execute(f"SELECT reason, count(*) FROM '{rejected}' GROUP BY 1").fetchall()
    assert dict(reasons) == _sum(truth["reviews"], "rejected")
    assert project.steps[0][0] == "start"
    assert {"bronze/reviews", "silver/reviews", "gold/reviews"} <= {s[0] for s in project.steps}
    for run in (project, peer):
        assert run.seconds > 0
        assert run.cpu_seconds > 0
        assert run.peak_bytes > 10 << 20
        assert sum(seconds for _, seconds, _ in run.steps) <= run.seconds * 1.01


def _sum(partitions, name):
    total = {}
    for partition in partitions.values():
        for reason, count in partition[name].items():
            total[reason] = total.get(reason, 0) + count
    return total


def test_comparison_reports_different_values_and_ids(tmp_path):
    rows = {
        "review_id": ["00", "11", "22"],
        "review_text": ["one", "two", "three"],
        "summary": ["a", None, "c"],
        "word_count": [1, 1, 1],
        "overall": [5.0, 4.0, None],
        "reviewed_on": [None, None, None],
        "vote": [1, None, 2],
    }
    ours = pa.table(rows).cast(_schema())
    write_deltalake(str(tmp_path / "ours"), ours)
    (tmp_path / "theirs").mkdir()
    changed = rows | {"review_id": ["00", "11", "33"], "review_text": ["one", "2", "three"]}
    theirs = pa.table(changed).cast(_schema())
    pq.write_table(theirs, tmp_path / "theirs" / "a.parquet")
    agreement = compare(tmp_path / "ours", tmp_path / "theirs", 3)
    assert (agreement.ids, agreement.only_in_one) == (2, 2)
    assert {name for name, n in agreement.differing.items() if n} == {"review_text"}
    assert not agreement.complete


def _schema():
    texts = [(name, pa.string()) for name in ("review_id", "review_text", "summary")]
    others = [("word_count", pa.int32()), ("overall", pa.float64())]
    return pa.schema([*texts, *others, ("reviewed_on", pa.date32()), ("vote", pa.int32())])


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
    run = batch.Run(name, seconds, 2 * seconds, 1 << 30, lines, Path(), [("step", seconds, 1.0)])
    return run.as_dict(lines) | more


def _size(reviews, ours, theirs, spark):
    agreement = {"ids": 10, "only_in_one": 0, "differing": {"vote": 0}, "complete": True}
    peers = [("DuckDB SQL", theirs), ("JVM Spark", spark)]
    return {
        "reviews": reviews,
        "products": 10,
        "partitions": 2,
        "landing_bytes": 1 << 20,
        "expected_rows": reviews,
        "project": _run("to gold", ours, reviews),
        "warehouse": _run("gold to warehouse", 1.0, reviews),
        "nothing_new": _run("nothing new", 6.0, reviews, reported=True, commits=False),
        "peers": [
            _run(name, took, reviews, times_our_seconds=took / ours, agreement=agreement)
            for name, took in peers
        ],
    }


def _figures():
    return {
        "machine": {"cpu": "C", "cores": 2, "memory_gib": 8, "load_before": 0, "python": "3"},
        "sizes": [_size(1_000_000, 10.0, 5.0, 40.0), _size(5_000_000, 50.0, 50.0, 100.0)],
        "skipped": ["JVM Spark at 5: because"],
        "small": _run("s", 20.0, 100_000, reviews=100_000, expected_rows=1),
        "partition": _run("p", 12.0, 100_000, reviews=100_000, expected_rows=1),
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
        "Where the DuckDB job does less",
        "skipped: JVM Spark at 5: because",
        "Targets",
    ):
        assert line in text
    wrong = _figures()
    wrong["sizes"][0]["peers"][0]["rows"] = 1
    assert "OTHER ROWS THAN EXPECTED" in report.text(wrong, "x")


@pytest.mark.long
def test_profiles_are_compared_on_the_same_reviews(tmp_path):
    figures = profiles.bench(2_000, tmp_path / "profiles", 1, lambda _: None)

    base, compared = figures["profiles"]
    assert (base["name"], compared["name"]) == ("amazon_2018", "amazon_2023")
    for each in figures["profiles"]:
        assert [run["rows"] for run in each["runs"]] == [each["expected_rows"]]
    seconds = [each["runs"][0]["seconds"] for each in (base, compared)]
    assert figures["ratios"] == [pytest.approx(seconds[0] / seconds[1], abs=1e-3)]
    assert not (tmp_path / "profiles").exists()


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


def test_bench_is_a_command_of_the_console_script():
    from amazon_reviews.cli import main

    output = CliRunner().invoke(main, ["--help"]).output
    assert "bench" in output


@pytest.mark.long
def test_project_and_duckdb_build_the_same_marts(tmp_path):
    figures = marts.bench(500, tmp_path, lambda _: None, turns=1)

    assert figures["project"]["rows"] == figures["duckdb"]["rows"]
    assert figures["project"]["rows"]["gold/totals"] == 1
    assert list(tmp_path.iterdir()) == []
    text = "\n".join(marts.lines(figures))
    assert f"all marts of {figures['gold_rows']:,} reviews in gold" in text
    assert "marts have as many rows as DuckDB's results" in text


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
    dashboard = {"cold": 2.0, "warm": 1.5, "filter by stars": 0.2, "filter by years": 0.45}
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
