"""What the sensor and the schedule ask for, and that it can be executed as it is asked for."""

import json
import shutil

import dagster as dg
import pytest

from amazon_reviews.defs import landing_sensor as module
from amazon_reviews.defs.landing_sensor import consecutive, daily_landing, landing_sensor
from amazon_reviews.pipeline.datasets import REVIEW_DATASETS
from amazon_reviews_tests.helpers import review

PARTITIONS = [f"partition_{number}" for number in range(1, 6)]


def tick(project, cursor=None):
    """One evaluation, after which the daemon adds the partitions that are asked for."""
    with dg.build_sensor_context(
        instance=project.instance,
        cursor=cursor,
        resources={"landing": project.landing, "lakehouse": project.lakehouse},
    ) as context:
        result = landing_sensor(context)
    for request in result.dynamic_partitions_requests or ():
        project.instance.add_dynamic_partitions(
            request.partitions_def_name, list(request.partition_keys)
        )
    return result


def asked(result):
    """Job, first and last partition of the runs that are asked for."""
    return [
        (
            request.job_name,
            request.tags["dagster/asset_partition_range_start"],
            request.tags["dagster/asset_partition_range_end"],
        )
        for request in result.run_requests
    ]


def follow(project, result):
    """Execute what is asked for; returns whether the runs succeeded."""
    return [project.execute(request).success for request in result.run_requests]


def test_new_folders_become_partitions_and_one_run_for_each_table(project):
    result = tick(project)

    assert asked(result) == [
        ("read_reviews", "partition_1", "partition_5"),
        ("read_products", "partition_1", "partition_1"),
    ]
    assert project.instance.get_dynamic_partitions("amazon_reviews") == PARTITIONS
    assert project.instance.get_dynamic_partitions("amazon_metadata") == ["partition_1"]
    assert follow(project, result) == [True, True]
    assert project.materialized("bronze/reviews") == dict.fromkeys(PARTITIONS, 1)


def test_unchanged_landing_zone_requests_no_run(project):
    first = tick(project)
    follow(project, first)

    second = tick(project, first.cursor)

    assert not second.run_requests
    assert not second.dynamic_partitions_requests
    assert second.skip_reason.skip_message == "nothing new in the landing zone"
    assert json.loads(second.cursor) == {}


def test_requested_partitions_are_not_requested_again_while_they_run(project):
    first = tick(project)

    second = tick(project, first.cursor)

    assert not second.run_requests
    assert "requested already" in second.skip_reason.skip_message
    assert second.cursor == first.cursor


def test_unlistable_dataset_does_not_hold_up_the_others(project):
    shutil.rmtree(project.folder("amazon_metadata", ""))
    project.folder("amazon_metadata", "").write_text("no folder")

    first = tick(project)

    assert asked(first) == [("read_reviews", "partition_1", "partition_5")]
    follow(project, first)
    second = tick(project, first.cursor)
    assert "amazon_metadata is not a folder" in second.skip_reason.skip_message


def test_partitions_come_in_natural_order(empty):
    for number in (10, 2, 1):
        empty.add_file("amazon_reviews", f"partition_{number}", review())

    result = tick(empty)

    assert asked(result) == [("read_reviews", "partition_1", "partition_10")]
    assert empty.instance.get_dynamic_partitions("amazon_reviews") == [
        "partition_1",
        "partition_2",
        "partition_10",
    ]


def test_changed_folder_is_requested_with_a_new_run_key(project):
    first = tick(project)
    follow(project, first)
    project.add_file("amazon_reviews", "partition_3", review())

    second = tick(project, first.cursor)

    assert asked(second) == [("read_reviews", "partition_3", "partition_3")]
    keys = [request.run_key for request in (*first.run_requests, *second.run_requests)]
    assert len(set(keys)) == 3
    assert follow(project, second) == [True]
    assert not tick(project, second.cursor).run_requests


def test_folders_that_are_not_consecutive_get_separate_runs(project):
    first = tick(project)
    follow(project, first)
    for name in ("partition_1", "partition_2", "partition_4"):
        project.add_file("amazon_reviews", name, review())

    result = tick(project, first.cursor)

    assert asked(result) == [
        ("read_reviews", "partition_1", "partition_2"),
        ("read_reviews", "partition_4", "partition_4"),
    ]


def test_requests_above_the_limit_wait_for_the_next_tick(project, monkeypatch):
    monkeypatch.setattr(module, "_PARTITIONS_A_RUN", 2)
    monkeypatch.setattr(module, "_RUNS_A_TICK", 2)

    first = tick(project)
    second = tick(project, first.cursor)
    third = tick(project, second.cursor)

    assert asked(first) == [
        ("read_reviews", "partition_1", "partition_2"),
        ("read_reviews", "partition_3", "partition_4"),
    ]
    assert asked(second) == [
        ("read_reviews", "partition_5", "partition_5"),
        ("read_products", "partition_1", "partition_1"),
    ]
    assert not third.run_requests


def test_failed_folder_is_requested_again_only_after_a_change(project, sample):
    project.break_off("amazon_reviews", "partition_2")
    first = tick(project)
    assert follow(project, first) == [False, True]

    second = tick(project, first.cursor)
    assert not second.run_requests
    assert "amazon_reviews/partition_2" in second.skip_reason.skip_message
    assert "partition_3" not in second.skip_reason.skip_message

    shutil.copytree(
        sample[0] / "amazon_reviews" / "partition_2",
        project.folder("amazon_reviews", "partition_2"),
        dirs_exist_ok=True,
    )
    third = tick(project, second.cursor)
    assert asked(third) == [("read_reviews", "partition_2", "partition_2")]
    assert follow(project, third) == [True]
    assert json.loads(tick(project, third.cursor).cursor) == {}


def test_empty_and_foreign_folders_become_no_partitions(empty):
    empty.folder("amazon_reviews", "partition_1").mkdir(parents=True)
    empty.add_file("amazon_reviews", "partition_2", review(), file="_SUCCESS")
    empty.add_file("amazon_reviews", "partition_3", review(), file=".part-0.json.gz.tmp")
    empty.add_file("amazon_reviews", "archive", review())
    empty.add_file("events", "partition_4", review())

    result = tick(empty)

    assert not result.run_requests
    assert not result.dynamic_partitions_requests
    assert result.skip_reason.skip_message == "nothing new in the landing zone"


def test_disappeared_folder_is_reported_and_keeps_its_rows(project):
    first = tick(project)
    follow(project, first)
    rows = project.lakehouse.version("bronze/reviews")
    shutil.rmtree(project.folder("amazon_reviews", "partition_4"))

    result = tick(project, first.cursor)

    assert not result.run_requests
    assert "amazon_reviews/partition_4" in result.skip_reason.skip_message
    assert project.lakehouse.version("bronze/reviews") == rows


def test_commit_of_a_killed_run_without_a_record_is_read_again(project, monkeypatch):
    first = tick(project)
    follow(project, first)
    project.add_file("amazon_reviews", "partition_3", review())
    lost = tick(project, first.cursor)
    with monkeypatch.context() as patch:
        patch.delattr("amazon_reviews.defs.assets.datasets.partitioned_result")
        assert follow(project, lost) == [False]

    again = tick(project, None)

    assert asked(again) == [("read_reviews", "partition_3", "partition_3")]


def test_schedules_and_landing_sensor_are_off_by_default(empty):
    schedules = {schedule.name: schedule for schedule in empty.defs.schedules}
    for name in ("daily_reviews", "daily_products"):
        schedule = schedules[name]
        assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
        assert schedule.cron_schedule == "0 3 * * *"
    assert landing_sensor in empty.defs.sensors
    assert landing_sensor.default_status == dg.DefaultSensorStatus.STOPPED


def test_schedules_request_the_same_runs_as_the_sensor(project, tmp_path):
    project.instance = dg.DagsterInstance.local_temp(str(tmp_path))

    def evaluate(dataset):
        with dg.build_schedule_context(
            instance=project.instance,
            resources={"landing": project.landing, "lakehouse": project.lakehouse},
        ) as context:
            return daily_landing(dataset)(context)

    for dataset in REVIEW_DATASETS:
        requests = evaluate(dataset)
        assert [
            project.execute(request, f"read_{dataset.name}").success for request in requests
        ] == [True]
    assert project.materialized("bronze/reviews") == dict.fromkeys(PARTITIONS, 1)
    assert project.materialized("bronze/products") == {"partition_1": 1}

    for dataset in REVIEW_DATASETS:
        assert evaluate(dataset).skip_message == "nothing new in the landing zone"


@pytest.mark.parametrize(
    ("wanted", "limit", "groups"),
    [
        ("", 9, []),
        ("abcd", 9, ["abcd"]),
        ("abcd", 3, ["abc", "d"]),
        ("acd", 9, ["a", "cd"]),
        ("bd", 9, ["b", "d"]),
        ("xc", 9, ["c"]),
    ],
)
def test_groups_of_consecutive_partitions(wanted, limit, groups):
    assert ["".join(group) for group in consecutive(wanted, "abcd", limit)] == groups
