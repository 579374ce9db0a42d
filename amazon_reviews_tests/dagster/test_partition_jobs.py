"""The jobs over partitions that a person names: build in one run, remove."""

import shutil

import dagster as dg
import pytest

from amazon_reviews.defs.partitions import RANGE_END, RANGE_START
from amazon_reviews.defs.requests import STARTED_BY_TAG
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews_tests.dagster.project import QUIET, Project, failed_steps
from amazon_reviews_tests.helpers import rows

SILVER, GOLD = "silver/reviews", "gold/reviews"
STEPS = {
    "build_partitions": "build_listed_partitions",
    "remove_partitions": "remove_listed_partitions",
}


def execute(project, job, **options):
    """Execute a job with these options of its step."""
    return project.defs.resolve_job_def(job).execute_in_process(
        instance=project.instance,
        run_config=QUIET | {"ops": {STEPS[job]: {"config": options}}},
        raise_on_error=False,
    )


def test_listed_partitions_of_a_table_are_built_in_one_run(done):
    before = done.materialized(SILVER)

    names = ["partition_5", "partition_2", "partition_3"]
    assert execute(done, "build_partitions", table=SILVER, partitions=names).success

    assert done.materialized(SILVER) - before == dict.fromkeys(names, 1)
    runs = done.instance.get_runs(dg.RunsFilter(job_name="__ASSET_JOB"))
    newest = [run for run in runs if run.tags.get(STARTED_BY_TAG, "").startswith("run ")]
    assert [run.asset_selection for run in newest] == [{dg.AssetKey(["silver", "reviews"])}]
    assert (newest[0].tags[RANGE_START], newest[0].tags[RANGE_END]) == (
        "partition_2",
        "partition_3",
    )


def test_unknown_partition_of_a_list_is_named_and_nothing_is_built(done):
    versions = done.lakehouse.versions(SILVER)

    result = execute(done, "build_partitions", table=SILVER, partitions=["partition_2", "p_7"])

    assert failed_steps(result)[STEPS["build_partitions"]].startswith(
        "silver/reviews has no partition p_7"
    )
    assert done.lakehouse.versions(SILVER) == versions


@pytest.mark.parametrize(
    ("job", "options"),
    [
        ("build_partitions", {"table": "gold/products", "partitions": ["partition_1"]}),
        ("build_partitions", {"table": SILVER, "partition": ["partition_1"]}),
        ("remove_partitions", {"dataset": "review", "partitions": ["partition_1"]}),
        ("remove_partitions", {"dataset": "reviews", "partitions": ["a"], "remove": "soon"}),
    ],
)
def test_options_that_do_not_exist_are_refused(empty, job, options):
    with pytest.raises(dg.DagsterInvalidConfigError):
        execute(empty, job, **options)


def disappeared(project, *names):
    """Remove the folders of these partitions of reviews."""
    for name in names:
        shutil.rmtree(project.folder("amazon_reviews", name))
    return {"dataset": "reviews", "partitions": [*names]}


def test_removal_shows_what_would_go_and_removes_nothing_without_confirmation(done):
    before, versions = done.content(), done.versions()

    result = execute(done, "remove_partitions", **disappeared(done, "partition_2"))

    assert result.success
    (metadata,) = (e.step_output_data.metadata for e in result.all_events if e.is_successful_output)
    assert "partition_2" in metadata["rows"].value
    assert (done.content(), done.versions()) == (before, versions)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["partition_3"], "amazon_reviews/partition_3 is in the landing zone"),
        (["partition_33"], "bronze/reviews has no partition partition_33"),
    ],
)
def test_what_is_in_the_landing_zone_or_unknown_is_not_removed(done, names, text):
    versions = done.versions()

    options = {"dataset": "reviews", "partitions": names, "remove": True}
    result = execute(done, "remove_partitions", **options)

    assert failed_steps(result)[STEPS["remove_partitions"]].startswith(text)
    assert done.versions() == versions


@pytest.mark.long
def test_removed_partition_leaves_what_a_project_without_it_would_have(done, sample, tmp_path):
    names = ("partition_1", "partition_4")
    gone = disappeared(done, *names)
    shutil.copytree(done.root / "landing", tmp_path / "other" / "landing")
    other = Project(tmp_path / "other")

    assert execute(done, "remove_partitions", **gone, remove=True).success
    assert not done.run().failures
    assert not other.run().failures

    assert done.content() == other.content()
    assert all(row.balanced for row in reconcile_all(done.lakehouse))
    assert reconcile_all(done.lakehouse) == reconcile_all(other.lakehouse)
    assert done.run().nothing_new
    assert not done.run().disappeared


@pytest.mark.long
def test_removed_partition_is_gone_from_dagster_and_comes_back_with_its_folder(done, sample):
    gone = disappeared(done, "partition_4")
    assert execute(done, "remove_partitions", **gone, remove=True).success
    for name in ("amazon_reviews", "gold_reviews"):
        assert "partition_4" not in done.instance.get_dynamic_partitions(name)
    for key in ("bronze/reviews", SILVER, GOLD):
        assert "partition_4" not in done.materialized(key)
        assert "partition_3" in done.materialized(key)

    shutil.copytree(
        sample[0] / "amazon_reviews" / "partition_4", done.folder("amazon_reviews", "partition_4")
    )
    assert not done.run().failures
    assert ("partition_4",) in rows(done.lakehouse, GOLD, "partition")


@pytest.mark.long
def test_interrupted_removal_is_finished_by_the_next_one(done, monkeypatch):
    gone = disappeared(done, "partition_4")
    with monkeypatch.context() as patch:
        patch.setattr("amazon_reviews.pipeline.removal.build_gold_reviews", None)
        assert not execute(done, "remove_partitions", **gone, remove=True).success
    # Nothing builds again what is half gone.
    assert not done.run(f"key:{SILVER} or key:{GOLD}").stages

    assert execute(done, "remove_partitions", **gone, remove=True).success
    assert not done.run().failures
    assert all(row.balanced for row in reconcile_all(done.lakehouse))
