"""The jobs without assets."""

from amazon_reviews.pipeline.renamed_tables import old_tables
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.dagster.project import MARTS, Project
from amazon_reviews_tests.helpers import review
from amazon_reviews_tests.renamed import OLD, write_old_table


def test_the_maintenance_job_removes_old_tables(empty):
    warehouse = open_warehouse(empty.settings.warehouse)
    write_old_table(empty.lakehouse, warehouse)
    assert old_tables(empty.lakehouse, warehouse) == [OLD]

    job = empty.defs.resolve_job_def("maintain_tables")
    assert job.execute_in_process(instance=empty.instance).success

    assert old_tables(empty.lakehouse, warehouse) == []


def test_the_maintenance_job_removes_old_runs(tmp_path, spark):
    project = Project(tmp_path, AMAZON_REVIEWS_KEEP_RUNS="1")
    job = project.defs.resolve_job_def("maintain_tables")
    first, second = (job.execute_in_process(instance=project.instance) for _ in range(2))

    assert first.success
    assert second.success
    # The second run has not ended while it removes others.
    assert [run.run_id for run in project.instance.get_runs()] == [second.run_id]


def test_marts_that_differ_from_a_full_build_are_named(tmp_path, spark):
    project = Project(tmp_path)
    project.add_file("amazon_reviews", "partition_1", review())
    assert not project.run(MARTS).failures
    job = project.defs.resolve_job_def("compare_marts")
    assert job.execute_in_process(instance=project.instance).success

    project.lakehouse.delta("partials/lengths").update(updates={"words": "words + 1"})
    result = job.execute_in_process(instance=project.instance, raise_on_error=False)

    (failure,) = [event for event in result.all_events if event.is_step_failure]
    text = failure.event_specific_data.user_failure_data.description
    assert text == (
        "2 rows differ from a full build; amazon-reviews run --rebuild gold/length_counts"
    )
    project.run(MARTS, rebuild={"gold/length_counts": [""]})
    assert job.execute_in_process(instance=project.instance).success
