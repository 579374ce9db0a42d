"""Damaged and deleted outputs, a new warehouse and lost files: the next run puts them right."""

import re
import shlex
import shutil
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from amazon_reviews.cli.common.plan import parse_rebuild
from amazon_reviews.defs.resources import places_of
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.verification import verify
from amazon_reviews_tests.dagster.project import MARTS, Project, failed_steps
from amazon_reviews_tests.damage import flip
from amazon_reviews_tests.helpers import content, review

PARTITIONS = [f"partition_{number}" for number in range(1, 6)]


@pytest.fixture(scope="module")
def finished(all_done, tmp_path_factory):
    """A project with marts, warehouse and reports."""
    root = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(all_done.root, root)
    project = Project(root)
    assert not project.run(MARTS).failures
    assert project.run(MARTS).nothing_new
    return project


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project, with a Dagster instance that knows nothing."""
    shutil.copytree(finished.root, tmp_path / "project")
    return Project(tmp_path / "project")


def table(project, key):
    return Path(project.settings.lakehouse) / key


def newest_commit(project, key):
    return max((table(project, key) / "_delta_log").glob("*.json"))


def data_file(project, key):
    delta = DeltaTable(table(project, key))
    (name, *_) = sorted(uri.removeprefix("file://") for uri in delta.file_uris())
    return Path(name)


def warehouse(project):
    return project.root / "warehouse.duckdb"


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


DAMAGE = {
    "a mart deleted": lambda p: shutil.rmtree(table(p, "gold/brands")),
    "silver deleted": lambda p: shutil.rmtree(table(p, "silver/reviews")),
    "gold deleted": lambda p: shutil.rmtree(table(p, "gold/reviews")),
    "bronze deleted": lambda p: shutil.rmtree(table(p, "bronze/reviews")),
    "rejected lines deleted": lambda p: shutil.rmtree(table(p, "silver/rejected")),
    "duplicates in silver deleted": lambda p: shutil.rmtree(table(p, "silver/duplicates")),
    "duplicates in gold deleted": lambda p: shutil.rmtree(table(p, "gold/duplicates")),
    "a file of bronze deleted": lambda p: data_file(p, "bronze/reviews").unlink(),
    "a file of silver deleted": lambda p: data_file(p, "silver/reviews").unlink(),
    "a file of gold deleted": lambda p: data_file(p, "gold/reviews").unlink(),
    "a file of a mart deleted": lambda p: data_file(p, "gold/brands").unlink(),
    "a file of duplicates deleted": lambda p: data_file(p, "gold/duplicates").unlink(),
    "column profile deleted": lambda p: shutil.rmtree(table(p, "silver/reviews_columns")),
    "a file of a column profile deleted": lambda p: data_file(
        p, "silver/products_columns"
    ).unlink(),
    "newest commit cut": lambda p: cut(newest_commit(p, "silver/reviews"), 200),
    "first commit deleted": lambda p: (
        table(p, "silver/reviews") / "_delta_log" / f"{0:020d}.json"
    ).unlink(),
    "a commit in between deleted": lambda p: (
        table(p, "gold/brands") / "_delta_log" / f"{1:020d}.json"
    ).unlink(),
    "warehouse deleted": lambda p: warehouse(p).unlink(),
    "warehouse cut": lambda p: cut(warehouse(p), 100_000),
    "warehouse garbage": lambda p: warehouse(p).write_bytes(bytes(range(256)) * 200),
    "report deleted": lambda p: p.settings.report.unlink(),
    "report cut": lambda p: cut(p.settings.report, 2_000),
}
SHORT = ("gold deleted", "warehouse cut")
KEYS = (
    "bronze/reviews",
    "silver/reviews",
    "silver/reviews_columns",
    "silver/products_columns",
    "gold/reviews",
    "gold/brands",
    "gold/duplicates",
    "gold/source_columns",
)


def assert_repaired(project, finished, damage):
    DAMAGE[damage](project)

    pending = project.headless(MARTS).plan()
    outcome = project.run(MARTS)

    assert pending.work
    assert not outcome.failures
    for key in KEYS:
        assert content(project.lakehouse, key) == content(finished.lakehouse, key)
    assert project.content().keys() == finished.content().keys()
    assert all(account.balanced for account in reconcile_all(project.lakehouse))
    assert rows_of_warehouse(project) == rows_of_warehouse(finished)
    assert project.settings.report.read_text().rstrip().endswith("</html>")
    assert project.run(MARTS).nothing_new


def rows_of_warehouse(project):
    with duckdb.connect(str(warehouse(project)), read_only=True) as connection:
        names = connection.execute("SELECT name FROM main._loads ORDER BY name").fetchall()
        return {
            name: connection.execute(f"SELECT count(*) FROM {name.replace('/', '.')}").fetchone()
            for (name,) in names
            if name != "gold/pipeline_runs"
        }


@pytest.mark.fault("damaged or deleted files")
@pytest.mark.parametrize("damage", SHORT)
def test_the_next_run_repairs(project, finished, damage):
    assert_repaired(project, finished, damage)


@pytest.mark.long
@pytest.mark.fault("damaged or deleted files")
@pytest.mark.parametrize("damage", [damage for damage in DAMAGE if damage not in SHORT])
def test_the_next_run_repairs_every_other_damage(project, finished, damage):
    assert_repaired(project, finished, damage)


FLIPPED = {
    **{key: lambda p, key=key: data_file(p, key) for key in (*KEYS, "silver/rejected")},
    "log of bronze": lambda p: newest_commit(p, "bronze/products"),
    "log of silver": lambda p: newest_commit(p, "silver/reviews"),
    "log of silver/duplicates": lambda p: newest_commit(p, "silver/duplicates"),
    "log of gold": lambda p: newest_commit(p, "gold/reviews"),
    "log of a mart": lambda p: newest_commit(p, "gold/totals"),
    "warehouse": warehouse,
    "report": lambda p: p.settings.report,
}


def follow(project, line):
    """Do what a line of the deep verification advises."""
    if deleted := re.search(r"delete (?:the folder )?(/\S+),", line):
        path = Path(deleted[1])
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    command = re.search(r"`amazon-reviews run([^`]*)`", line)[1]
    requests = [word for word in shlex.split(command) if word != "--rebuild"]
    assert not project.run(MARTS, parse_rebuild(requests)).failures


@pytest.mark.long
@pytest.mark.parametrize("name", FLIPPED)
def test_a_changed_byte_is_named_and_the_advice_makes_all_equal_again(project, finished, name):
    assert not damages(project)
    path = FLIPPED[name](project)
    flip(path)

    (line,) = damages(project)
    assert str(path) in line
    follow(project, line)

    assert damages(project) == []
    assert project.run(MARTS).nothing_new
    for key in KEYS:
        assert content(project.lakehouse, key) == content(finished.lakehouse, key)
    assert project.content() == finished.content()
    assert rows_of_warehouse(project) == rows_of_warehouse(finished)


def damages(project):
    return [*map(str, verify(places_of(project.settings), lambda name, done, whole: None))]


def test_a_mart_does_not_shrink_when_gold_is_gone_and_one_folder_changes(project):
    shutil.rmtree(table(project, "gold/reviews"))
    project.add_file("amazon_reviews", "partition_3", review())

    assert not project.run(MARTS).failures

    assert project.lakehouse.versions("gold/reviews").keys() == {"", *PARTITIONS}
    (totals,) = project.lakehouse.delta("gold/totals").to_pyarrow_table().to_pylist()
    assert totals["reviews"] == sum(content(project.lakehouse, "gold/reviews").values())


def test_a_mart_made_by_hand_is_not_emptied_by_a_missing_table(project):
    before = content(project.lakehouse, "gold/totals")
    shutil.rmtree(table(project, "gold/reviews"))

    result = project.materialize("gold/totals")

    assert not result.success
    assert "gold/reviews is missing" in str(failed_steps(result))
    assert content(project.lakehouse, "gold/totals") == before


def test_a_new_warehouse_is_filled(project, finished):
    warehouse(project).rename(project.root / "other.duckdb")

    outcome = project.run(MARTS)

    assert not outcome.failures
    assert {key.to_user_string().split("/")[0] for key in outcome.stages[0][0].keys} == {
        "warehouse"
    }
    assert rows_of_warehouse(project) == rows_of_warehouse(finished)


def test_bronze_without_its_files_is_named_and_nothing_below_it_changes(project):
    before = project.content()
    data_file(project, "bronze/reviews").unlink()
    for name in PARTITIONS:
        shutil.rmtree(project.folder("amazon_reviews", name))

    outcome = project.run(MARTS)

    (failure,) = outcome.failures
    assert failure.startswith("bronze/reviews[partition_")
    assert "a data file is missing, and its files are not in the landing zone" in failure
    assert not outcome.stages
    assert project.content() == before


def test_a_damaged_log_of_bronze_with_lost_files_is_left_as_it_is(project):
    cut(newest_commit(project, "bronze/reviews"), 100)
    shutil.rmtree(project.folder("amazon_reviews", "partition_2"))
    files = sorted(table(project, "bronze/reviews").rglob("*.parquet"))

    outcome = project.run(MARTS)

    assert outcome.failures
    assert any("bronze/reviews[partition_2] cannot be built" in text for text in outcome.failures)
    assert sorted(table(project, "bronze/reviews").rglob("*.parquet")) == files


def test_a_new_instance_finds_nothing_new(project):
    assert project.run(MARTS).nothing_new
