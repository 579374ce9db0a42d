"""The runs that the landing sensor and its schedules ask for, executed as they are asked for."""

import shutil
from dataclasses import replace

import dagster as dg

from amazon_reviews.defs import landing_sensor as module
from amazon_reviews.defs import requests
from amazon_reviews.defs.landing_sensor import daily_landing, landing_sensor
from amazon_reviews.defs.resources import places_of
from amazon_reviews.pipeline.datasets import REVIEW_DATASETS
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.state import observe
from amazon_reviews.planner.plan import make_plan
from amazon_reviews_tests.dagster.project import requested, start_run
from amazon_reviews_tests.helpers import files_of, review, rows

PARTITIONS = [f"partition_{number}" for number in range(1, 6)]


def tick(project, cursor=None):
    return project.tick(landing_sensor, cursor)


def follow(project, result):
    """Execute what is asked for; returns whether the runs succeeded."""
    return [project.execute(request).success for request in result.run_requests]


def test_new_folders_become_partitions_and_one_run_for_each_table(project):
    result = tick(project)

    assert requested(result.run_requests) == [
        "bronze/reviews partition_1..partition_5",
        "bronze/products partition_1..partition_1",
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
    assert second.skip_message == "nothing is pending"


def test_long_cursor_is_kept_outside_of_the_ticks(project, monkeypatch):
    long, before = "x" * 50_000, []

    def ask(instance, observed, keys, cursor, now):
        before.append(cursor)
        return replace(requests.ask(instance, observed, keys, None, now), cursor=long)

    monkeypatch.setattr(module, "ask", ask)

    first = tick(project)
    second = tick(project, first.cursor)

    assert before == ["", long]
    assert second.cursor == first.cursor
    assert len(first.cursor) < 1_000


def test_missing_data_file_is_read_again_in_the_first_tick_of_an_hour(done):
    quiet = tick(done)
    for file in files_of(done.lakehouse, "bronze/reviews", "partition_3"):
        file.unlink()

    later = tick(done, quiet.cursor)
    next_hour = tick(done, quiet.cursor.replace(quiet.cursor[:13], "earlier"))

    assert not later.run_requests
    (request,) = next_hour.run_requests
    assert requested([request]) == ["bronze/reviews partition_3..partition_3"]
    assert request.tags["amazon_reviews/reason"].endswith("a data file is missing")


def test_damage_of_bronze_is_not_lost_as_long_as_the_landing_zone_was_not_looked_at(done):
    for file in files_of(done.lakehouse, "bronze/reviews", "partition_3"):
        file.unlink()

    observed = observe(places_of(done.settings), data_files=True, arrivals=())

    assert observed.state.found["bronze/reviews"].damage
    assert not make_plan(OUTPUTS, observed.state).lost


def test_requested_partitions_are_not_requested_again_while_they_run(project):
    start_run(project.instance, "bronze/reviews", "bronze/products")

    assert not tick(project).run_requests


def test_unlistable_dataset_does_not_hold_up_the_others(project):
    shutil.rmtree(project.folder("amazon_metadata", ""))
    project.folder("amazon_metadata", "").write_text("no folder")

    first = tick(project)

    assert requested(first.run_requests) == ["bronze/reviews partition_1..partition_5"]
    follow(project, first)
    second = tick(project, first.cursor)
    assert "amazon_metadata is not a folder" in second.skip_message


def test_partitions_come_in_natural_order(empty):
    for number in (10, 2, 1):
        empty.add_file("amazon_reviews", f"partition_{number}", review())

    result = tick(empty)

    assert requested(result.run_requests) == ["bronze/reviews partition_1..partition_10"]
    assert empty.instance.get_dynamic_partitions("amazon_reviews") == [
        "partition_1",
        "partition_2",
        "partition_10",
    ]


def test_changed_folder_is_requested_again(project):
    first = tick(project)
    follow(project, first)
    project.add_file("amazon_reviews", "partition_3", review())

    second = tick(project, first.cursor)

    assert requested(second.run_requests) == ["bronze/reviews partition_3..partition_3"]
    assert follow(project, second) == [True]
    assert not tick(project, second.cursor).run_requests


def test_folders_that_are_not_consecutive_get_one_run(project):
    first = tick(project)
    follow(project, first)
    for name in ("partition_1", "partition_2", "partition_4"):
        project.add_file("amazon_reviews", name, review())

    result = tick(project, first.cursor)

    assert requested(result.run_requests) == [
        "bronze/reviews partition_1..partition_2 partition_4",
    ]


def test_ranges_have_a_limit(project, monkeypatch):
    monkeypatch.setattr(requests, "PARTITIONS_A_RUN", 2)

    assert requested(tick(project).run_requests) == [
        "bronze/reviews partition_1..partition_2",
        "bronze/reviews partition_3..partition_4",
        "bronze/reviews partition_5..partition_5",
        "bronze/products partition_1..partition_1",
    ]


def test_failed_folder_is_requested_again_only_after_a_change(project, sample):
    project.break_off("amazon_reviews", "partition_2")
    first = tick(project)
    assert follow(project, first) == [False, True]

    second = tick(project, first.cursor)
    assert not second.run_requests
    assert "failed" in second.skip_message
    assert "bronze/reviews[partition_2]" in second.skip_message
    assert "partition_3" not in second.skip_message

    shutil.copytree(
        sample[0] / "amazon_reviews" / "partition_2",
        project.folder("amazon_reviews", "partition_2"),
        dirs_exist_ok=True,
    )
    third = tick(project, second.cursor)
    assert requested(third.run_requests) == ["bronze/reviews partition_2..partition_2"]
    assert follow(project, third) == [True]
    assert tick(project, third.cursor).skip_message == "nothing is pending"


def test_what_is_not_read_becomes_no_partition_and_is_named(empty):
    empty.folder("amazon_reviews", "partition_1").mkdir(parents=True)
    empty.add_file("amazon_reviews", "partition_2", review(), file="_SUCCESS")
    empty.add_file("amazon_reviews", "partition_3", review(), file="a.json.xz")
    empty.add_file("events", "partition_4", review())
    empty.add_file("reviews", "partition_5", review())

    result = tick(empty)

    assert not result.run_requests
    assert result.skip_message == (
        "nothing is pending; in the landing zone: amazon_reviews/partition_1, "
        "amazon_reviews/partition_2 are not read: folder without files; put its files there, or "
        "remove it, amazon_reviews/partition_3/a.json.xz is not read: unknown extension; read are "
        ".json, .jsonl, .ndjson, .csv, .tsv, .txt, .parquet, .avro, also with .gz, .zst, .bz2; "
        "convert or remove it, reviews is not read: folder that is not the folder of a dataset; "
        "rename it to amazon_reviews"
    )


def test_partitions_of_any_name_are_requested_and_built(empty):
    names = ("2023/08/01", "a...b", "stream", "Home & Kitchen", "50%", "a:b", "[x],y", "büro")
    for name in names:
        empty.add_file("amazon_reviews", name, review(reviewerID=name))
    keys = [*empty.landing.partitions("amazon_reviews")]

    result = tick(empty)

    assert len(keys) == len(names)
    assert requested(result.run_requests) == [f"bronze/reviews {keys[0]}..{keys[-1]}"]
    assert follow(empty, result) == [True]
    outcome = empty.run("key:silver/reviews or key:gold/reviews or key:gold/products")
    assert not outcome.failures
    assert {partition for (partition,) in rows(empty.lakehouse, "gold/reviews", "partition")} == {
        *keys
    }
    assert empty.run("key:silver/reviews or key:gold/reviews").nothing_new
    rebuilt = empty.run("key:silver/reviews", {"silver/reviews": ["a%3Ab", "%73tream"]})
    assert {name for stage, _ in rebuilt.stages for name in stage.partitions} == {
        "a%3Ab",
        "%73tream",
    }


def test_disappeared_folder_is_reported_and_keeps_its_rows(project):
    first = tick(project)
    follow(project, first)
    rows = project.lakehouse.version("bronze/reviews")
    shutil.rmtree(project.folder("amazon_reviews", "partition_4"))

    result = tick(project, first.cursor)

    assert not result.run_requests
    assert "amazon_reviews/partition_4" in result.skip_message
    assert project.lakehouse.version("bronze/reviews") == rows


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
            resources={"places": places_of(project.settings)},
        ) as context:
            return daily_landing(dataset)(context)

    for dataset in REVIEW_DATASETS:
        requests = evaluate(dataset)
        assert [
            project.execute(request, f"__anonymous_asset_job_daily_{dataset.name}").success
            for request in requests
        ] == [True]
    assert project.materialized("bronze/reviews") == dict.fromkeys(PARTITIONS, 1)
    assert project.materialized("bronze/products") == {"partition_1": 1}

    for dataset in REVIEW_DATASETS:
        assert evaluate(dataset).skip_message == "nothing is pending"
