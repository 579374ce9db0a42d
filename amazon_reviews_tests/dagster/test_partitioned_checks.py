"""The checks of partitioned tables: a result and a verdict for each partition."""

import dagster as dg
import pytest

from amazon_reviews.defs.assets import datasets as silver_assets
from amazon_reviews.headless import runner
from amazon_reviews.resources.lakehouse.tables import partition_rows
from amazon_reviews_tests.dagster.project import failed_steps
from amazon_reviews_tests.helpers import review

SILVER, GOLD = "silver/reviews", "gold/reviews"
# Both have the same reviews, which the earlier partition keeps.
DAMAGED, GOOD = "partition_1", "partition_2"


@pytest.fixture
def small(empty):
    """A project with two partitions of reviews in bronze."""
    for name in (GOOD, DAMAGED):
        empty.add_file("amazon_reviews", name, *(review(summary=f"{n}") for n in range(3)))
    empty.add_all_partitions()
    assert empty.materialize("bronze/reviews", partitions=[DAMAGED, GOOD]).success
    return empty


def lose_rows(patch, project, partition):
    """Let the next builds of silver/reviews lose a row of a partition."""
    build_silver = silver_assets.build_silver

    def losing(*arguments):
        done = list(build_silver(*arguments))
        if partition in dict(done):
            delta = project.lakehouse.delta(SILVER)
            delta.delete(f"partition = '{partition}' AND line = 1")
        return done

    patch.setattr(silver_assets, "build_silver", losing)


def check_key(key, name):
    return dg.AssetCheckKey(dg.AssetKey(key.split("/")), name)


def rows_of(project, key):
    return partition_rows(project.lakehouse.delta(key))


def statuses(project, key, name):
    """Return the status of the check of each partition, as the page of the check shows it."""
    storage = project.instance.event_log_storage
    infos = storage.get_asset_check_partition_info([check_key(key, name)])
    assert all(info.is_current for info in infos)
    return {info.partition_key: info.latest_execution_status.value for info in infos}


def test_checks_of_builds_have_the_partitions_of_their_table(empty):
    for key in empty.graph.asset_check_keys:
        of_table = empty.graph.get(key.asset_key).partitions_def
        is_of_a_build = key.name in ("accounted", "rows_kept", "complete")
        assert empty.graph.get(key).partitions_def == (of_table if is_of_a_build else None), key


def test_run_over_partitions_records_a_result_for_each(small, monkeypatch):
    lose_rows(monkeypatch, small, DAMAGED)

    result = small.materialize(SILVER, GOLD, partitions=[DAMAGED, GOOD])

    assert statuses(small, SILVER, "accounted") == {GOOD: "SUCCEEDED", DAMAGED: "FAILED"}
    assert statuses(small, SILVER, "rows_kept") == {GOOD: "SUCCEEDED", DAMAGED: "SUCCEEDED"}
    found = {e.partition: e for e in result.get_asset_check_evaluations()}
    kept = {name: evaluation.metadata["kept_share"].value for name, evaluation in found.items()}
    assert kept == {DAMAGED: 0.6667, GOOD: 1.0}
    assert set(small.materialized(SILVER)) == {GOOD, DAMAGED}
    assert len(failed_steps(result)) == 1
    assert not small.materialized(GOLD)


@pytest.mark.long
def test_headless_run_holds_back_the_failed_partition_alone(small, monkeypatch):
    def built(outcome, key):
        return [stage.partitions for stage, _ in outcome.stages if stage.name == key]

    with monkeypatch.context() as patch:
        lose_rows(patch, small, DAMAGED)
        broken = small.run()

    assert built(broken, SILVER) == [(DAMAGED, GOOD)]
    assert built(broken, GOLD) == [(GOOD,)]
    assert rows_of(small, GOLD) == {GOOD: 3}
    assert broken.failures == [f"{SILVER}: check accounted failed: unbalanced: {DAMAGED}"]
    repaired = small.run()
    assert built(repaired, SILVER) == built(repaired, GOLD) == [(DAMAGED,)]
    assert not repaired.failures
    assert rows_of(small, GOLD) == {DAMAGED: 3}
    assert small.run().nothing_new
    assert statuses(small, SILVER, "accounted") == {GOOD: "SUCCEEDED", DAMAGED: "SUCCEEDED"}


@pytest.mark.long
def test_headless_run_takes_so_many_partitions_at_once(small, monkeypatch):
    monkeypatch.setattr(runner, "PARTITIONS_A_RUN", 1)

    outcome = small.run("key:silver/reviews")

    assert [stage.partitions for stage, _ in outcome.stages] == [(DAMAGED,), (GOOD,)]
