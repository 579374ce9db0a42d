"""Connections to Dagster's SQLite files that stay open."""

import os
import subprocess
import sys

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from amazon_reviews.cli.common.dagster_databases import create_databases, damaged_databases
from amazon_reviews.defs.kept_connections import close_connections, keep_connections
from amazon_reviews.resources.warehouse.duckdb.previous import is_open_here

keep_connections()


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("home"))) as instance:
        yield instance


@pytest.fixture
def opened():
    """The files that are opened while the test runs."""
    files = []

    def add(connection, _):
        files.append(connection.execute("PRAGMA database_list").fetchone()[2])

    event.listen(Engine, "connect", add)
    yield files
    event.remove(Engine, "connect", add)


def log(instance, run_id, message):
    instance.handle_new_event(dg.EventLogEntry(None, 20, message, run_id, 1.0))


def messages(instance, run_id):
    return [entry.user_message for entry in instance.all_logs(run_id)]


def shard(instance, run_id):
    return instance.event_log_storage.path_for_shard(run_id)


def test_events_of_a_run_need_one_connection(instance, opened):
    log(instance, "first", "creates the file of runs without events")
    opened.clear()

    for number in range(20):
        log(instance, "second", str(number))
        instance.get_runs()

    assert opened.count(shard(instance, "second")) == 1
    assert len(opened) <= 2
    assert messages(instance, "second") == [str(number) for number in range(20)]


def test_a_commit_does_not_wait_for_the_disk(instance):
    with instance.event_log_storage.run_connection("empty") as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_another_process_reads_and_writes_between_events(instance):
    log(instance, "run", "here")
    code = f"""
import dagster as dg
with dg.DagsterInstance.local_temp({instance.root_directory!r}) as i:
    assert [entry.user_message for entry in i.all_logs("run")] == ["here"]
    i.handle_new_event(dg.EventLogEntry(None, 20, "there", "run", 2.0))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    log(instance, "run", "here again")

    assert messages(instance, "run") == ["here", "there", "here again"]


def test_the_file_of_a_run_that_was_deleted_is_created_again(instance):
    log(instance, "deleted", "old")
    for suffix in ("", "-wal", "-shm"):
        os.unlink(f"{shard(instance, 'deleted')}{suffix}")

    log(instance, "deleted", "new")

    assert messages(instance, "deleted") == ["new"]


def test_a_table_is_looked_up_while_an_event_is_stored(instance):
    storage = instance.event_log_storage

    with storage.index_connection():
        assert storage.has_table("asset_keys")
        assert not storage.has_table("other")


def test_new_databases_are_open_under_no_other_name(tmp_path):
    """SQLite would write the log of that name into a file that others use by now."""
    create_databases(tmp_path)

    databases = [*tmp_path.glob("*/**/*.db")]
    assert len(databases) == 3
    assert not any(map(is_open_here, databases))
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for number in range(300):
            log(instance, f"{number % 3}", f"event {number}")
            instance.add_dynamic_partitions("names", [f"{number}"])
        close_connections()
        assert not [*damaged_databases(tmp_path)]
