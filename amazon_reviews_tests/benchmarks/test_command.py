"""The command of the benchmarks: options, errors and prices."""

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import batch
from benchmarks.checksums import ChecksumError


def test_benchmark_ends_with_1_if_its_data_is_not_the_kept(monkeypatch):
    def bench(*_):
        raise ChecksumError("expected SHA-256 a, found b")

    monkeypatch.setattr(command, "bench", bench)

    result = CliRunner().invoke(command.main, [])

    assert result.exit_code == 1
    assert "expected SHA-256 a, found b" in result.output


def test_unknown_peer_is_named():
    result = CliRunner().invoke(command.main, "--peers duckdb,pandas".split())

    assert result.exit_code == 2
    assert "'pandas' is not one of duckdb, polars, clickhouse, spark" in result.output


def test_price_is_that_of_all_cores_for_the_seconds_of_the_run():
    options = batch.Options(core_hour=0.05)

    assert options.dollars(3_600, 100_000_000, 2) == pytest.approx(0.10)
    assert options.dollars(36, 1_000_000, 4) == pytest.approx(0.20)


def test_bench_is_a_command_of_the_console_script():
    from amazon_reviews.cli import main

    output = CliRunner().invoke(main, ["--help"]).output
    assert "bench" in output
