"""Files of the landing zone that are not read, as people get to know them."""

import json
from contextvars import Context

from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.pipeline.datasets import DATASETS
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.helpers import review

BRONZE = "key:bronze/reviews"
NOT_READ = (
    "amazon_reviews/partition_1/b\\n.md is not read: unknown extension; read are .json, .jsonl, "
    ".ndjson, .csv, .tsv, .txt, .parquet, .avro, also with .gz, .zst, .bz2; convert or remove it"
)
MISPLACED = (
    "file outside the folders of the datasets; move it into a folder of its dataset, such as "
    "amazon_reviews/partition_1; the datasets are amazon_reviews, amazon_metadata, titles, "
    "title_ratings"
)


def test_files_of_which_none_was_ever_read_fail_the_run(empty):
    empty.add_file("", "", review(), file="All_Beauty.jsonl")
    expected = "the landing zone holds files, but none of them is read"

    for outcome in (empty.run(BRONZE), empty.run(BRONZE)):
        assert [failure.startswith(expected) for failure in outcome.failures] == [True]
        assert outcome.warnings == [f"All_Beauty.jsonl is not read: {MISPLACED}"]
    assert empty.run("key:gold/products").failures == []

    empty.add_file("amazon_reviews", "partition_1", review())
    assert empty.run(BRONZE).failures == []
    empty.folder("amazon_reviews", "partition_1").rename(empty.folder("", "partition_1"))
    outcome = empty.run(BRONZE)

    assert outcome.failures == []
    assert outcome.nothing_new
    assert outcome.disappeared == ["amazon_reviews/partition_1"]


def test_empty_folders_alone_are_no_failure(empty):
    empty.folder("amazon_reviews", "partition_1").mkdir(parents=True)

    outcome = empty.run(BRONZE)

    assert outcome.failures == []
    assert [text.partition(":")[0] for text in outcome.warnings] == [
        "amazon_reviews/partition_1 is not read"
    ]


def test_check_of_each_dataset_names_its_files_and_that_of_reviews_the_others(empty):
    empty.add_file("amazon_reviews", "partition_1", review(), file="a.md")
    empty.add_file("amazon_metadata", "partition_1", review(), file="<b>.md")
    empty.add_file("", "", review(), file="c.jsonl")

    def names(key):
        (found,) = empty.check(key, names=["every_file_read"]).values()
        assert not found.blocking
        assert found.severity.name == "WARN"
        return found.passed, found.metadata["not_read"].value, found.description

    passed, count, text = names("bronze/reviews")
    assert (passed, count) == (False, 2)
    assert "amazon_reviews/partition_1/a.md is not read" in text
    assert "c.jsonl is not read" in text
    passed, count, text = names("bronze/products")
    assert (passed, count) == (False, 1)
    assert "<b>.md is not read" in text
    assert names("bronze/titles") == (True, 0, None)


def test_every_dataset_has_the_check(empty):
    checks = {key for key in empty.graph.asset_check_keys if key.name == "every_file_read"}

    assert {key.asset_key.to_user_string() for key in checks} == {d.bronze for d in DATASETS}


def test_commands_name_what_is_not_read_and_succeed(empty):
    empty.add_file("amazon_reviews", "partition_1", review())
    empty.add_file("amazon_reviews", "partition_1", review(), file="b\n.md")

    def cli(*arguments):
        # In the context of another test Dagster may refer to an instance that is gone.
        return Context().run(CliRunner().invoke, main, arguments, env=environment(empty.root))

    first, second = (cli("run", "--select", "bronze/reviews") for _ in range(2))
    plan = cli("run", "--plan", "--select", "bronze/reviews")
    as_json = cli("run", "--json", "--select", "bronze/reviews")
    reconciled = cli("reconcile", "--json")

    for result in (first, second, plan, as_json):
        assert result.exit_code == 0, result.stderr
    for result in (first, second, as_json, reconciled):
        assert f"warning {NOT_READ}" in result.stderr.splitlines()
    assert NOT_READ in plan.stderr.splitlines()
    assert second.stdout == "nothing new\n"
    (row,) = json.loads(as_json.stdout)["unmatched"]
    assert (row["reason"], row["count"]) == ("unknown extension", 1)
    assert row["examples"] == "amazon_reviews/partition_1/b\\n.md"
    assert [(row["layer"], row["kept"]) for row in json.loads(reconciled.stdout)] == [
        ("bronze", 1),
        ("silver", 0),
    ]
    lines = cli("doctor").stdout.splitlines()
    assert any(
        line.startswith("ok  not read") and "1: unknown extension, such as" in line
        for line in lines
    )
