"""The order of partitions in Dagster, and runs over partitions that are not consecutive."""

import dagster as dg
import pytest

from amazon_reviews.defs.partitions import (
    GOLD_REVIEW_PARTITIONS,
    PARTITIONS,
    add_missing,
    consecutive,
    known_partitions,
    range_tags,
)
from amazon_reviews_tests.dagster.project import QUIET, failed_steps

SILVER = "silver/reviews"


@pytest.fixture(params=["memory", "SQLite"])
def instance(request, tmp_path):
    """An instance of Dagster with each of its storages that needs no server."""
    if request.param == "memory":
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance
    else:
        with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
            yield instance


def test_partitions_that_come_later_take_their_natural_place_before_the_stream(instance):
    def order():
        return known_partitions(instance, GOLD_REVIEW_PARTITIONS)

    add_missing(instance, GOLD_REVIEW_PARTITIONS, ["stream"])
    add_missing(instance, GOLD_REVIEW_PARTITIONS, ["week_10", "week_2"])
    assert order() == ["week_2", "week_10", "stream"]

    add_missing(instance, GOLD_REVIEW_PARTITIONS, ["week_11", "week_3", "week_2"])
    assert order() == ["week_2", "week_3", "week_10", "week_11", "stream"]


def test_partitions_in_the_order_of_an_earlier_release_are_sorted(instance):
    other = PARTITIONS["products"]
    instance.add_dynamic_partitions("amazon_metadata", ["b", "a"])
    instance.add_dynamic_partitions("gold_reviews", ["week_10", "stream", "week_9"])

    add_missing(instance, GOLD_REVIEW_PARTITIONS, [])

    assert known_partitions(instance, GOLD_REVIEW_PARTITIONS) == ["week_9", "week_10", "stream"]
    assert known_partitions(instance, other) == ["b", "a"]


@pytest.mark.parametrize(
    ("wanted", "groups"),
    [("", []), ("abcd", ["abcd"]), ("acd", ["a", "cd"]), ("bd", ["b", "d"]), ("xc", ["c"])],
)
def test_groups_of_consecutive_partitions(wanted, groups):
    assert ["".join(group) for group in consecutive(wanted, "abcd")] == groups


def run_with(project, more, *, step="silver__reviews"):
    """Run the step for partition_1 and these partitions."""
    return project.job.execute_in_process(
        asset_selection=[dg.AssetKey(SILVER.split("/"))],
        instance=project.instance,
        tags=range_tags(["partition_1"]),
        run_config=QUIET | {"ops": {step: {"config": {"more_partitions": more}}}},
        raise_on_error=False,
    )


def test_run_with_more_partitions_builds_and_records_each_of_them(done):
    before = done.materialized(SILVER)
    versions = done.lakehouse.versions(SILVER)

    assert run_with(done, ["partition_4", "partition_3", "partition_4"]).success

    built = {name for name, new in done.lakehouse.versions(SILVER).items() if new != versions[name]}
    assert built == {"partition_1", "partition_3", "partition_4", ""}
    assert done.materialized(SILVER) - before == {
        "partition_1": 1,
        "partition_3": 1,
        "partition_4": 1,
    }
    assert {"lines", "dagster/row_count"} <= done.metadata(SILVER)["partition_3"].keys()


def test_run_with_an_unknown_partition_names_it_and_builds_nothing(done):
    versions = done.lakehouse.versions(SILVER)

    result = run_with(done, ["partition_3", "partition_33"])

    assert failed_steps(result) == {
        "silver__reviews": "more_partitions: silver/reviews has no partition partition_33; "
        "it has partition_1 to partition_5"
    }
    assert done.lakehouse.versions(SILVER) == versions


@pytest.mark.long
def test_headless_run_builds_partitions_with_gaps_in_one_run(done):
    names = ["partition_1", "partition_3", "partition_5"]

    outcome = done.run(f"key:{SILVER}", {SILVER: names})

    assert [list(stage.partitions) for stage, _ in outcome.stages] == [names]
    newest, *_ = done.instance.get_run_records(limit=1)
    events = done.instance.fetch_materializations(dg.AssetKey(SILVER.split("/")), limit=3)
    assert {record.partition_key for record in events.records} == {*names}
    assert {record.run_id for record in events.records} == {newest.dagster_run.run_id}


def test_only_the_failed_partitions_of_a_run_are_shown_as_failed(done):
    key = dg.AssetKey(["bronze", "reviews"])
    # Dagster plans the largest range: partition_5 is outside of it.
    for name in ("partition_2", "partition_5"):
        done.break_off("amazon_reviews", name)

    outcome = done.run("key:bronze/reviews", {"bronze/reviews": ["partition_1", "partition_3"]})

    assert len(outcome.stages) == 1
    storage = done.instance.event_log_storage
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations
    assert attempts(key).keys() == {"partition_2", "partition_5"}
