"""Removal of old runs, on a Dagster instance in SQLite files, and on PostgreSQL."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus

from amazon_reviews.defs.dagster_tables import event_tables, execute, schedule_tables
from amazon_reviews.defs.run_history import Retention, prune
from amazon_reviews_tests.dagster.project import QUIET, start_run
from amazon_reviews_tests.deploy.postgres import programs, running_postgres

NOW = datetime.now(UTC)
KEEP_ALL = Retention(run_days=90, runs=1000, ticks=1000)
KEEP_ONE = Retention(run_days=90, runs=1, ticks=1)
TABLE, OTHER = dg.AssetKey("table"), dg.AssetKey("other")


@dg.asset(
    key=TABLE,
    partitions_def=dg.StaticPartitionsDefinition(["a", "b"]),
    check_specs=[dg.AssetCheckSpec("sound", asset=TABLE)],
    config_schema={"fails": dg.Field(bool, default_value=False)},
)
def table(context):
    if context.op_execution_context.op_config["fails"]:
        raise dg.Failure("broken")
    return dg.MaterializeResult(
        metadata={"preview": dg.MetadataValue.md("|" * 3_000), "rejected": 3},
        check_results=[dg.AssetCheckResult(passed=True, description="all are sound")],
    )


@dg.asset(key=OTHER)
def other():
    return None


JOB = dg.Definitions(assets=[table, other]).resolve_implicit_global_asset_job_def()


@pytest.fixture
def instance():
    """An instance in memory, which has the tables of SQLite files."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """An instance in SQLite files, which takes longer."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("home"))) as instance:
        yield instance


def run(instance, key, partition=None, *, fails=False, tags=None):
    """Build an asset, and return the id of the run."""
    config = {"ops": {"table": {"config": {"fails": True}}}} if fails else {}
    result = JOB.execute_in_process(
        asset_selection=[key],
        instance=instance,
        partition_key=partition,
        run_config=config | QUIET,
        tags=tags,
        raise_on_error=False,
    )
    return result.run_id


def left(instance):
    return {run.run_id for run in instance.get_runs()}


def events(instance, key, event_type="ASSET_MATERIALIZATION"):
    """The runs of the stored events of an asset, by partition."""
    records = instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType(event_type), asset_key=key), ascending=True
    )
    return [(record.partition_key, record.run_id) for record in records]


def checks(instance):
    """The runs of the results of the check, the newest first."""
    (key,) = table.check_keys
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
    return [record.run_id for record in records]


@pytest.fixture(scope="module")
def postgres():
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running_postgres() as address:
        yield address


def on_postgres(address, folder):
    storage = {"postgres": {"postgres_url": address}}
    return dg.DagsterInstance.local_temp(str(folder), overrides={"storage": storage})


def check_newest_events_outlive_their_runs(instance):
    old_a, a, b = (run(instance, TABLE, partition) for partition in "aab")
    unpartitioned = [run(instance, OTHER) for _ in range(2)]
    newest = run(instance, TABLE, "b")
    snapshot = instance.get_run_by_id(unpartitioned[0]).job_snapshot_id
    assert instance.has_job_snapshot(snapshot)

    removed = prune(instance, KEEP_ONE, NOW)

    assert left(instance) == {newest}
    assert removed.runs == 5
    assert events(instance, TABLE) == [("a", a), ("b", newest)]
    assert events(instance, OTHER) == [(None, unpartitioned[1])]
    assert instance.get_materialized_partitions(TABLE) == {"a", "b"}
    assert checks(instance)[0] == newest
    assert not {old_a, b} & {*checks(instance)}
    assert events(instance, TABLE, "ASSET_MATERIALIZATION_PLANNED") == [("b", newest)]
    record = instance.get_asset_records([TABLE])[0].asset_entry
    assert record.last_materialization.run_id == newest
    assert instance.get_historical_job(instance.get_run_by_id(newest).job_snapshot_id)
    assert not instance.has_job_snapshot(snapshot)
    assert str(prune(instance, KEEP_ONE, NOW)) == "history of runs: nothing to remove"

    again = run(instance, TABLE, "a")
    prune(instance, KEEP_ONE, NOW)
    # Without its run, the earlier event of the partition was only the newest one.
    assert events(instance, TABLE) == [("b", newest), ("a", again)]
    assert checks(instance) == [again]


def test_newest_events_outlive_their_runs(instance):
    check_newest_events_outlive_their_runs(instance)


@pytest.mark.long
def test_newest_events_outlive_their_runs_in_postgresql(postgres, tmp_path):
    with on_postgres(postgres, tmp_path) as instance:
        check_newest_events_outlive_their_runs(instance)
        assert not [*tmp_path.rglob("*.db")]


def test_runs_older_than_the_limit_go(instance):
    run(instance, OTHER)
    later = NOW + timedelta(days=91)

    assert prune(instance, KEEP_ALL, later - timedelta(days=2)).runs == 0
    assert prune(instance, KEEP_ALL, later).runs == 1
    assert len(events(instance, OTHER)) == 1


def test_what_has_not_ended_stays(instance):
    parent = run(instance, OTHER)
    backfill = PartitionBackfill(
        "under_way",
        BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=NOW.timestamp(),
    )
    instance.add_backfill(backfill)
    of_backfill = run(instance, OTHER, tags={"dagster/backfill": "under_way"})
    states = [dg.DagsterRunStatus(name) for name in ("QUEUED", "STARTING", "STARTED", "CANCELING")]
    unfinished = {
        start_run(instance, tags={"dagster/parent_run_id": parent}, status=state)
        for state in states
    }
    newest = run(instance, OTHER)

    prune(instance, KEEP_ONE, NOW)

    assert left(instance) == {parent, of_backfill, newest, *unfinished}
    instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    prune(instance, KEEP_ONE, NOW)
    assert left(instance) == {parent, newest, *unfinished}
    assert prune(instance, KEEP_ALL, NOW + timedelta(days=91)).backfills == 1
    assert not instance.get_backfills()


def test_newest_failed_run_stays_until_the_partition_is_built(instance):
    run(instance, TABLE, "a")
    earlier, failed = (run(instance, TABLE, "a", fails=True) for _ in range(2))
    run(instance, TABLE, "b")
    newest = run(instance, OTHER)

    prune(instance, KEEP_ONE, NOW)
    assert left(instance) == {failed, newest}
    assert earlier not in left(instance)

    run(instance, TABLE, "a")
    newest = run(instance, OTHER)
    prune(instance, KEEP_ONE, NOW)
    assert left(instance) == {newest}


def materializations(instance):
    records = instance.fetch_materializations(TABLE, limit=9).records
    return {record.partition_key: record.event_log_entry for record in records}


def test_events_without_their_run_are_short_and_say_the_same(instance):
    """The newest event of the asset stays as it is."""
    a, _ = (run(instance, TABLE, partition) for partition in "ab")
    before = materializations(instance)
    statement = "UPDATE asset_check_executions SET partition = 'a' WHERE run_id = :run"
    with event_tables(instance) as connection:
        execute(connection, statement, run=a)
    (key,) = table.check_keys

    def results():
        history = instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
        return [result.event.dagster_event for result in history]

    verdicts = results()
    run(instance, OTHER)

    prune(instance, KEEP_ONE, NOW)

    after = materializations(instance)
    assert after["b"] == before["b"]
    assert {*after["a"].asset_materialization.metadata} == {"rejected"}
    assert after["a"].asset_materialization.tags == before["a"].asset_materialization.tags
    assert after["a"].message == before["a"].message == "Materialized value table."
    assert len(dg.serialize_value(after["a"])) < len(dg.serialize_value(before["a"])) - 3_000
    # The result without a partition stays as it is, too.
    assert [result.logging_tags == {} for result in results()] == [False, True]
    assert [r.event_specific_data for r in results()] == [r.event_specific_data for r in verdicts]


def test_files_of_ended_runs_are_small_and_readable(stored):
    ended = run(stored, OTHER)
    file = Path(stored.event_log_storage.path_for_shard(ended))
    log, size = stored.all_logs(ended), file.stat().st_size

    prune(stored, KEEP_ALL, NOW)

    assert file.stat().st_size < size / 2
    assert stored.all_logs(ended) == log
    assert str(prune(stored, KEEP_ALL, NOW)) == "history of runs: nothing to remove"
    # The other tests count their own runs.
    stored.delete_run(ended)


def test_old_verdicts_without_a_run_go_but_the_newest(stored):
    key = next(iter(table.check_keys))
    index, runless = (Path(stored.event_log_storage.path_for_shard(name)) for name in ("index", ""))
    for passed in (True, False, True):
        evaluation = dg.AssetCheckEvaluation(key.asset_key, key.name, passed=passed, metadata={})
        stored.report_runless_asset_event(evaluation)

    def verdicts():
        history = stored.event_log_storage.get_asset_check_execution_history(key, limit=9)
        results = [result.event.dagster_event.event_specific_data.passed for result in history]
        query = "SELECT count(*) FROM event_logs WHERE run_id = ''"
        counts = []
        for path in (index, runless):
            with closing(sqlite3.connect(path)) as database:
                counts += database.execute(query).fetchone()
        return results, counts

    prune(stored, KEEP_ALL, NOW)
    assert verdicts() == ([True, False, True], [3, 3])
    prune(stored, KEEP_ALL, NOW + timedelta(days=91))
    assert verdicts() == ([True], [0, 0])


def test_files_of_removed_runs_go_and_databases_shrink(stored):
    home = Path(stored.root_directory)
    index = home / "history" / "runs" / "index.db"
    runs = [run(stored, OTHER) for _ in range(3)]
    # The UI deletes the rows of a run, not its file.
    stored.run_storage.delete_run(runs[0])
    with closing(sqlite3.connect(index)) as database:
        event = "INSERT INTO event_logs (run_id, event) VALUES (?, ?)"
        database.execute(event, (runs[1], "x" * 2_000_000))
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = index.stat().st_size

    def files(folder, suffix):
        names = {path.name.removesuffix(suffix) for path in (home / folder).iterdir()}
        return names & {*runs}

    assert files("history/runs", ".db") == {*runs}
    removed = prune(stored, KEEP_ONE, NOW)

    assert files("history/runs", ".db") == {runs[2]}
    assert runs[1] not in files("storage", "")
    assert index.stat().st_size < size - 1_900_000
    assert removed.size > 1_900_000
    assert str(removed).startswith("history of runs: 1 runs, ")


def test_newest_ticks_of_each_sensor_stay(stored):
    def tick(name, age):
        stored.create_tick(
            TickData(
                name,
                name,
                InstigatorType.SENSOR,
                TickStatus.SKIPPED,
                (NOW - timedelta(days=age)).timestamp(),
                selector_id=name,
            )
        )

    for age in (300, 200, 100):
        tick("rare", age)
    for age in (3, 2, 1):
        tick("frequent", age)

    def ages(name):
        ticks = stored.get_ticks(name, name)
        return [round((NOW.timestamp() - tick.timestamp) / 86_400) for tick in ticks]

    assert prune(stored, Retention(90, 1000, 2), NOW).ticks == 3
    assert ages("rare") == [100]
    assert ages("frequent") == [1, 2]


def test_newest_logs_of_ticks_stay(stored):
    logs = Path(stored.storage_directory()) / "__repository__amazon_reviews" / "some_sensor"
    logs.mkdir(parents=True)
    for age in (100, 3, 2, 1):
        (logs / f"{age}.err").touch()
        written = (NOW - timedelta(days=age)).timestamp()
        os.utime(logs / f"{age}.err", (written, written))

    prune(stored, KEEP_ALL, NOW)
    assert {path.name for path in logs.iterdir()} == {"1.err", "2.err", "3.err"}
    prune(stored, Retention(90, 1000, 2), NOW)
    assert {path.name for path in logs.iterdir()} == {"1.err", "2.err"}


def test_old_evaluations_of_an_earlier_release_go(stored):
    """They are those of automation conditions, which Dagster evaluated every 30 seconds."""
    insert = (
        "INSERT INTO asset_daemon_asset_evaluations (evaluation_id, create_timestamp) "
        "VALUES (:id, :at)"
    )
    with schedule_tables(stored) as connection:
        for age in (100, 1):
            execute(connection, insert, id=age, at=NOW - timedelta(days=age))

    prune(stored, KEEP_ALL, NOW)

    with schedule_tables(stored) as connection:
        kept = execute(connection, "SELECT evaluation_id FROM asset_daemon_asset_evaluations")
        assert kept.fetchall() == [(1,)]
