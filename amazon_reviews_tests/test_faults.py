"""Errors that no command expects: one line for people, and the details in a log file."""

import errno
import sqlite3
import stat

import click
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import DatabaseError

from amazon_reviews import error_log
from amazon_reviews.cli import main
from amazon_reviews_tests.dagster.project import environment

ENGINE_TEXT = "JVM stacktrace:\n  at a.b\n" * 500


@pytest.fixture
def fails(tmp_path, monkeypatch):
    """Return a function that runs `reconcile` with this error in it."""

    def run(error, **variables):
        def fail(_):
            raise error

        monkeypatch.setattr("amazon_reviews.cli.reconcile.reconcile_all", fail)
        env = environment(tmp_path) | variables
        return CliRunner().invoke(main, ["reconcile"], env=env)

    return run


def error_of(result, code=1):
    """Return the only line on stderr."""
    assert (result.exit_code, result.stdout) == (code, "")
    (line,) = result.stderr.splitlines()
    return line


def test_unexpected_error_is_one_line_with_the_log_file(fails, tmp_path):
    line = error_of(fails(RuntimeError(f"the engine\nfailed\n{ENGINE_TEXT}")))

    log = tmp_path / "dagster" / "logs" / "errors.log"
    assert line.startswith("Error: RuntimeError: the engine failed JVM stacktrace: at a.b")
    assert len(line) < 1_000
    assert line.endswith(f"; this is a fault of the project: the details are in {log}")
    text = log.read_text()
    assert "Traceback (most recent call last)" in text
    assert ENGINE_TEXT.strip() in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_log_file_is_elsewhere_where_its_folder_cannot_be_written(fails, tmp_path, monkeypatch):
    (tmp_path / "dagster").write_text("a file")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))

    line = error_of(fails(KeyError("x")))

    (log,) = (tmp_path / "tmp").glob("amazon_reviews_*/errors.log")
    assert line.endswith(str(log))


def test_log_file_has_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "not-for-the-log")

    log = error_log.write(tmp_path, "the server rejected not-for-the-log")

    assert log is not None
    assert "the server rejected ***" in log.read_text()


def test_log_file_is_bounded(tmp_path):
    for _ in range(8):
        error_log.write(tmp_path, "x" * 600_000)
    files = sorted((tmp_path / "logs").iterdir())
    assert [file.name for file in files] == ["errors.log", "errors.log.1"]
    assert all(file.stat().st_size < 2_000_000 for file in files)


def test_full_disk_is_named_with_its_setting(fails, tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "models" / "x"))
    line = error_of(fails(error))
    assert line.startswith(f"Error: AMAZON_REVIEWS_MODELS: {tmp_path} is too full (")
    assert " free); free some space, or name another folder, and repeat the command (the" in line


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.UsageError("no"), 2),
        (click.exceptions.Exit(7), 7),
        (click.Abort(), 1),
        (OSError(errno.EPIPE, "Broken pipe"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_that_click_handles_are_left_to_it(fails, tmp_path, error, code):
    assert fails(error).exit_code == code
    assert not (tmp_path / "dagster").exists()


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("file is not a database", "move the folder away"),
        ("database is locked", "wait for its end"),
    ],
)
def test_unusable_database_of_dagster_is_named(fails, tmp_path, text, advice):
    cause = sqlite3.DatabaseError(text)
    for error in (DatabaseError("SELECT 1", {}, cause), cause):
        line = error_of(fails(error))
        assert line.startswith(f"Error: DAGSTER_HOME: {tmp_path / 'dagster'} has a database that")
        assert text in line
        assert advice in line


def test_engine_client_prints_no_log(monkeypatch, capfd, spark):
    # MLflow and Alembic do this to all loggers.
    import logging.config

    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    monkeypatch.delenv("SPARK_CONNECT_LOG_LEVEL", raising=False)
    from amazon_reviews.resources.spark.engine import silence_client

    silence_client()
    with pytest.raises(Exception, match="no_such_table"):
        spark.table("no_such_table").collect()
    assert capfd.readouterr().err == ""
