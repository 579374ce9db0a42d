"""The headless run: it builds stale partitions once, and later those that had to wait."""

import shutil
import subprocess
import sys

import dagster as dg
import pytest
from sqlalchemy.exc import IntegrityError

from amazon_reviews.defs import partitions
from amazon_reviews.defs.assets import datasets as silver_assets
from amazon_reviews.headless.dead_runs import PROCESS_TAG, living_process, report_dead_runs
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews_tests.helpers import files_of, product, review

PARTITIONS = [f"partition_{number}" for number in range(1, 6)]


def stages(outcome):
    return {stage.name: stage.partitions for stage, _ in outcome.stages}


def test_one_run_brings_all_tables_up_to_date(all_done, truth):
    assert all_done.run().nothing_new
    accounts = all_done.content()
    assert sum(accounts["gold/reviews"].values()) == truth["gold"]["reviews"]
    assert all(account.balanced for account in reconcile_all(all_done.lakehouse))


def test_a_run_without_input_creates_empty_tables_once(empty):
    outcome = empty.run()

    assert not outcome.failures
    assert "gold/products" in stages(outcome)
    assert {"gold/products", "silver/rejected"} <= set(empty.versions())
    assert empty.run().nothing_new


def test_a_changed_partition_rebuilds_only_its_downstream_partitions(done):
    done.add_file("amazon_reviews", "partition_4", review())

    outcome = done.run()

    assert stages(outcome) == {
        "bronze/reviews": ("partition_4",),
        "silver/reviews": ("partition_4",),
        "silver/review_products": ("partition_4",),
        "silver/rejected": (),
        "gold/reviews": ("partition_4",),
        "warehouse/reviews": (),
    }
    assert done.run().nothing_new


def test_changed_products_rebuild_all_partitions_of_gold_reviews(done):
    done.add_file("amazon_metadata", "partition_2", product())

    outcome = done.run()

    assert stages(outcome) == {
        "bronze/products": ("partition_2",),
        "silver/products": ("partition_2",),
        "gold/products": (),
        "silver/rejected": (),
        "gold/reviews": tuple(PARTITIONS),
        "warehouse/products, warehouse/reviews": (),
    }


def test_a_broken_landing_file_fails_only_its_partition(project, truth):
    file = project.break_off("amazon_reviews", "partition_2")

    outcome = project.run()

    (failure,) = outcome.failures
    assert failure.startswith("bronze/reviews: partition_2: ")
    assert f"partition_2/{file}" in failure
    good = dict.fromkeys([name for name in PARTITIONS if name != "partition_2"], 1)
    assert project.materialized("gold/reviews") == good
    assert project.materialized("warehouse/reviews")
    again = project.run()
    assert stages(again) == {"bronze/reviews": ("partition_2",)}
    assert again.failures == outcome.failures


@pytest.mark.long
def test_a_damaged_table_file_fails_only_its_partition(project):
    project.run('key:"bronze/reviews"')
    for file in files_of(project.lakehouse, "bronze/reviews", "partition_2"):
        file.write_bytes(bytes(file.stat().st_size))

    outcome = project.run()

    failure, of_products = sorted(outcome.failures, reverse=True)
    assert failure.startswith("silver/reviews: partition_2: ")
    assert of_products.startswith("silver/review_products: partition_2: ")
    good = dict.fromkeys([name for name in PARTITIONS if name != "partition_2"], 1)
    assert project.materialized("silver/reviews") == good
    assert project.materialized("gold/reviews") == good
    assert project.materialized("warehouse/reviews")
    again = project.run()
    assert stages(again) == dict.fromkeys(
        ("silver/reviews", "silver/review_products"), ("partition_2",)
    )
    assert again.failures == outcome.failures


def test_a_partition_name_that_is_too_long_is_named_and_the_others_are_read(project):
    long = "partition_" + "x" * 240
    project.add_file("amazon_reviews", long, review())

    outcome = project.run()

    (warning,) = outcome.warnings
    assert warning.startswith(f"amazon_reviews/{long} is not read: ")
    assert "at most 240 characters" in warning
    assert not outcome.failures
    assert project.materialized("gold/reviews") == dict.fromkeys(PARTITIONS, 1)


def test_a_partition_without_kept_rows_fails_every_run_until_its_file_is_fixed(project):
    project.add_file("amazon_metadata", "partition_2", "no object", file="a.json.gz")

    first, second = project.run(), project.run()

    expected = "silver/products partition_2: 0 of 1 lines could be used (not_an_object 1)"
    assert [failure.partition(";")[0] for failure in first.failures] == [expected]
    assert second.failures == first.failures
    assert not second.stages
    project.add_file("amazon_metadata", "partition_2", product(), file="a.json.gz")
    assert not project.run().failures


def test_tables_below_a_failed_blocking_check_wait_and_are_built_later(done, monkeypatch):
    done.add_file("amazon_reviews", "partition_4", review())
    with monkeypatch.context() as patch:
        patch.setattr(silver_assets, "build_silver", losing_rows(done))
        broken = done.run()
        still = done.run()

    for outcome in (broken, still):
        assert outcome.failures == [
            "silver/reviews: check accounted failed: unbalanced: partition_4"
        ]
        built = set(stages(outcome))
        assert not any(name.startswith(("gold/", "warehouse/")) for name in built)
    repaired = done.run()
    assert not repaired.failures
    assert {"silver/reviews", "gold/reviews", "warehouse/reviews"} <= set(stages(repaired))
    assert done.run().nothing_new


def losing_rows(project):
    build_silver = silver_assets.build_silver

    def build_and_lose_rows(*args):
        report = list(build_silver(*args))
        project.lakehouse.delta("silver/reviews").delete("partition = 'partition_4' AND line = 3")
        return report

    return build_and_lose_rows


def test_tables_below_a_crashed_check_wait_and_are_built_later(done, monkeypatch):
    done.add_file("amazon_reviews", "partition_4", review())
    with monkeypatch.context() as patch:
        patch.setattr("amazon_reviews.defs.checks.tables.rule_checks", lambda *_: 1 / 0)
        outcome = done.run()
    assert any("division by zero" in failure for failure in outcome.failures)
    assert "warehouse/reviews" not in stages(outcome)

    repaired = done.run()

    assert not repaired.failures
    assert {"gold/reviews", "warehouse/reviews"} <= set(stages(repaired))
    assert done.run().nothing_new


def test_a_selection_builds_no_other_tables(project):
    assert stages(project.run("bronze/reviews")) == {"bronze/reviews": tuple(PARTITIONS)}
    assert stages(project.run("silver/reviews")) == {"silver/reviews": tuple(PARTITIONS)}
    assert set(project.versions()) == {
        "bronze/reviews",
        "silver/reviews",
        "silver/reviews_columns",
        "silver/duplicates",
        "silver/rejected",
    }


def test_a_disappeared_partition_keeps_its_rows_and_is_reported(done):
    before = done.content()
    shutil.rmtree(done.folder("amazon_reviews", "partition_5"))

    outcome = done.run()

    assert outcome.disappeared == ["amazon_reviews/partition_5"]
    assert outcome.nothing_new
    assert done.content() == before


def test_a_new_instance_builds_the_same_content_from_an_existing_lakehouse(forgotten):
    before = forgotten.content()

    outcome = forgotten.run()

    assert not outcome.failures
    assert forgotten.instance.get_dynamic_partitions("amazon_reviews") == PARTITIONS
    assert forgotten.content() == before
    assert forgotten.run().nothing_new


def test_a_partition_committed_before_its_step_failed_is_built_downstream(done, monkeypatch):
    done.add_file("amazon_reviews", "partition_4", review())
    with monkeypatch.context() as patch:
        patch.delattr("amazon_reviews.defs.assets.datasets.partitioned_result")
        assert done.run('key:"bronze/reviews"').failures

    outcome = done.run()

    assert not outcome.failures
    assert stages(outcome)["gold/reviews"] == ("partition_4",)


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def start_run(instance, tags):
    """Create a run that has started and not ended; return its id."""

    @dg.job
    def endless():
        pass

    run = instance.create_run_for_job(endless, status=dg.DagsterRunStatus.STARTED, tags=tags)
    return run.run_id


def test_a_run_of_a_killed_process_is_reported_as_failed(instance, empty):
    empty.instance = instance
    code = (
        "import os, signal, sys, dagster as dg\n"
        "from amazon_reviews.headless.dead_runs import living_process\n"
        "with dg.DagsterInstance.local_temp(sys.argv[1]) as instance:\n"
        "    with living_process(instance) as tags:\n"
        "        print(*tags.values(), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", code, instance.root_directory]
    name = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    dead = start_run(instance, {PROCESS_TAG: name})

    outcome = empty.run()

    assert outcome.dead_runs == [dead]
    assert instance.get_run_by_id(dead).status == dg.DagsterRunStatus.FAILURE
    assert empty.run().dead_runs == []


def test_runs_of_living_processes_and_runs_without_tag_stay_unchanged(instance):
    with living_process(instance) as tags:
        alive = start_run(instance, tags)
        others = start_run(instance, {})
        assert report_dead_runs(instance) == []
    assert report_dead_runs(instance) == [alive]
    assert instance.get_run_by_id(others).status == dg.DagsterRunStatus.STARTED


def test_a_partition_that_another_process_adds_meanwhile_is_no_failure(empty, monkeypatch):
    reviews = partitions.PARTITIONS["reviews"]
    add = empty.instance.add_dynamic_partitions

    def overtaken(name, keys):
        monkeypatch.undo()
        add(name, ["a"])
        raise IntegrityError("INSERT", keys, ValueError("UNIQUE constraint failed"))

    monkeypatch.setattr(empty.instance, "add_dynamic_partitions", overtaken)

    partitions.add_missing(empty.instance, reviews, ["b", "a"])

    assert partitions.known_partitions(empty.instance, reviews) == ["a", "b"]
