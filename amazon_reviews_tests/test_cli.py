"""The console script: its output on stdout and stderr, and its exit codes."""

import json
import logging
import pkgutil
import re
import shutil
import subprocess
import sys
from collections import Counter
from contextvars import Context
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote

import click
import dagster as dg
import dagster._cli as dagster_cli
import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable
from pyspark.sql import functions as F

from amazon_reviews import cli as commands_package
from amazon_reviews.cli import COMMANDS, main
from amazon_reviews.cli.common import dagster_dev
from amazon_reviews.defs.assets import datasets as silver_assets
from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews.pipeline.marts import MARTS
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.bigquery_emulator import BigQueryEmulator
from amazon_reviews_tests.bigquery_warehouse.common import DATASET
from amazon_reviews_tests.dagster.project import LAYERS, Project, environment
from amazon_reviews_tests.damage import flip, wipe_page
from amazon_reviews_tests.helpers import review, rows
from amazon_reviews_tests.renamed import NEW, OLD, write_old_table
from amazon_reviews_tests.rights import WITHOUT_RIGHTS

OPTIONS = "--reviews 1500 --products 20 --users 20 --partitions 3 --events 5 --seed 3".split()
HOLD_WAREHOUSE = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""
PARTITIONS = ["partition_1", "partition_2", "partition_3"]


def cli(root, *arguments):
    """Run the console script in this process on the project in `root`."""
    env = environment(root) | {"COLUMNS": "200"}
    # In the context of another test Dagster may refer to an instance that is gone.
    return Context().run(CliRunner().invoke, main, arguments, env=env)


def as_process(root, *command):
    """Run Python in a new process on the project in `root`."""
    return subprocess.run(
        [sys.executable, *command],
        env=environment(root) | {"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory, spark, empty_store):
    """A project that `sample` and `run` brought up to date, with the result of `run`."""
    root = tmp_path_factory.mktemp("cli")
    empty_store(root / "models")
    sampled = cli(root, "sample", *OPTIONS)
    assert (sampled.exit_code, sampled.stdout) == (0, f"{root}/landing\n")
    result = cli(root, "run")
    assert result.exit_code == 0, result.output
    return root, result


@pytest.fixture(scope="module")
def truth(finished):
    return json.loads((finished[0] / "landing" / "truth.json").read_text())


@pytest.fixture
def root(finished, tmp_path):
    """A copy of the project that is up to date."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def one_line(result):
    """Return stderr, which must be one line."""
    (line,) = result.stderr.splitlines()
    return line


def test_run_builds_the_rows_of_the_truth(finished, truth):
    root, result = finished
    assert result.exit_code == 0
    project = Project(root)
    contents = {key: sum(rows.values()) for key, rows in project.content().items()}
    assert contents == {
        "gold/reviews": truth["gold"]["reviews"],
        "gold/products": truth["gold"]["products"],
        "silver/rejected": rejected_lines(truth).total(),
    }
    lines = sum(counts["lines"] for counts in truth["reviews"].values())
    assert re.search(rf"bronze/reviews +{lines:,} +{lines:,} +0 +0", result.stdout)
    assert re.search(rf"gold/reviews +{truth['gold']['reviews']:,} *$", result.stdout, re.MULTILINE)
    assert "make ui" in result.stdout


def rejected_lines(truth):
    """Return the number of rejected lines by reason."""
    return sum((Counter(counts["rejected"]) for counts in truth["reviews"].values()), Counter())


def test_progress_is_one_plain_line_per_stage_if_stderr_is_no_terminal(finished):
    lines = finished[1].stderr.splitlines()

    stages = [re.sub(r" +[\d.]+ s$", "", line).rstrip() for line in lines]
    assert len(stages) == len(set(stages)) > 14
    assert {
        f"{'bronze/products':36} 1 partition",
        f"{'bronze/reviews':36} 3 partitions",
        f"{'silver/products':36} 1 partition",
        f"{'silver/reviews':36} 3 partitions",
        f"{'gold/reviews':36} 3 partitions",
        "gold/products",
        "silver/rejected",
    } < set(stages)
    marts = rf"gold/\w+, gold/\w+ and {len(MARTS) - 2} more"
    assert any(re.fullmatch(marts, stage) for stage in stages)
    assert any(re.fullmatch(r"warehouse/\w+, warehouse/\w+ and \d+ more", s) for s in stages)
    assert {"report/reviews", "model/sentiment"} < set(stages)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", finished[1].stderr)


def test_a_second_run_prints_nothing_new_and_commits_nothing(root):
    before = Project(root).versions()

    result = cli(root, "run")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "nothing new\n", "")
    assert Project(root).versions() == before


def test_a_run_with_nothing_new_imports_no_engine(root):
    code = (
        "import sys, amazon_reviews.cli as cli\n"
        "try: cli.main(['run'])\n"
        "finally: print(*sorted({'pysail', 'pandas', 'grpc'} & set(sys.modules)))\n"
    )
    result = as_process(root, "-c", code)

    assert result.stdout == "nothing new\n\n", result.stderr


def test_a_changed_partition_rebuilds_only_dependent_tables(root):
    Project(root).add_file("amazon_reviews", "partition_2", review())

    result = cli(root, "run", "--select", LAYERS, "--json")

    report = json.loads(result.stdout)
    assert result.exit_code == 0
    built = {stage["assets"]: stage["partitions"] for stage in report["stages"]}
    layers = ("bronze/reviews", "silver/reviews", "silver/rejected", "gold/reviews")
    assert [built.get(name) for name in layers] == [1, 1, 0, 1]
    assert not {"bronze/products", "silver/products", "gold/products"} & set(built)
    assert (report["nothing_new"], report["failures"], report["disappeared"]) == (False, [], [])


def test_run_with_json_prints_only_json_on_stdout(root):
    result = as_process(root, "-m", "amazon_reviews.cli", "run", "--json")

    report = json.loads(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    assert report["nothing_new"] is True
    assert {"gold/reviews", "gold/products", "gold/totals"} < set(report["warehouse"])


def test_a_broken_file_is_named_and_other_partitions_are_built(root):
    project = Project(root)
    project.add_file("amazon_reviews", "partition_1", review())
    project.add_file("amazon_reviews", "partition_3", review(summary="another"))
    project.break_off("amazon_reviews", "partition_3")
    before = project.versions()

    result = cli(root, "run", "--select", LAYERS)

    assert result.exit_code == 1
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed")]
    assert len(failed) == 1
    assert "partition_3/later.json.gz" in failed[0]
    assert project.versions()["gold/reviews"] > before["gold/reviews"]


def test_a_failed_blocking_check_exits_with_1_and_the_next_run_repairs_it(root, monkeypatch):
    project = Project(root)
    project.add_file("amazon_reviews", "partition_2", review())
    before = project.versions()
    build_silver = silver_assets.build_silver

    def build_and_lose_rows(*arguments):
        report = list(build_silver(*arguments))
        project.lakehouse.delta("silver/reviews").delete("partition = 'partition_2' AND line = 3")
        return report

    with monkeypatch.context() as patch:
        patch.setattr(silver_assets, "build_silver", build_and_lose_rows)
        result = cli(root, "run", "--select", LAYERS)
    assert result.exit_code == 1
    assert "failed silver/reviews: check accounted failed" in result.stderr
    assert project.versions()["gold/reviews"] == before["gold/reviews"]
    assert cli(root, "reconcile").exit_code == 1

    assert cli(root, "run", "--select", LAYERS).exit_code == 0
    assert project.versions()["gold/reviews"] > before["gold/reviews"]
    assert cli(root, "reconcile").exit_code == 0


@pytest.mark.long
def test_a_killed_run_is_reported_and_the_next_run_does_its_work(root, finished):
    project = Project(root)
    project.add_file("amazon_reviews", "partition_2", review())
    code = (
        "import os, signal\n"
        "from amazon_reviews.defs.assets import datasets as silver\n"
        "from amazon_reviews.cli import main\n"
        "silver.build_silver = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)\n"
        "main(['run'])\n"
    )
    assert as_process(root, "-c", code).returncode == -9

    result = cli(root, "run", "--select", LAYERS)

    assert result.exit_code == 0
    assert "had died and is reported as failed" in result.stderr
    with dg.DagsterInstance.local_temp(str(root / "dagster")) as instance:
        statuses = {run.status for run in instance.get_runs()}
    assert statuses == {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
    assert cli(root, "run", "--select", LAYERS).stdout == "nothing new\n"


def test_tables_of_one_step_are_rebuilt_together(root):
    shutil.rmtree(root / "lakehouse" / "gold" / "recommender_users", ignore_errors=True)

    result = cli(root, "run", "--select", "gold/recommender_users", "--json")

    assert result.exit_code == 0, result.output
    (stage,) = json.loads(result.stdout)["stages"]
    assert stage["assets"] == "gold/recommender_categories, gold/recommender_products and 2 more"


def test_run_with_select_builds_only_the_selected_tables(root):
    project = Project(root)
    project.add_file("amazon_reviews", "partition_2", review())
    before = project.versions()

    assert cli(root, "run", "--select", "group:bronze").exit_code == 0

    after = project.versions()
    assert [key for key in after if after[key] != before[key]] == ["bronze/reviews"]


@pytest.mark.parametrize("selection", ["nosuch", "group:nosuch", "((", "silver"])
def test_a_selection_without_assets_ends_with_2_in_one_line(finished, selection):
    result = cli(finished[0], "run", "--select", selection)

    assert result.exit_code == 2
    assert repr(selection) in one_line(result)
    assert result.stdout == ""


def test_reconcile_prints_lines_of_every_table_and_partition(finished, truth):
    result = cli(finished[0], "reconcile", "--json")

    rows = json.loads(result.stdout)
    assert result.exit_code == 0
    columns = ["layer", "table", "partition", "lines", "kept", "duplicates", "rejected"]
    assert all(list(row) == columns for row in rows)
    assert all(row["lines"] == row["kept"] + row["duplicates"] + row["rejected"] for row in rows)
    partitions_of_tables = [(row["layer"], row["table"], row["partition"]) for row in rows]
    tables = {
        "reviews": PARTITIONS,
        "products": PARTITIONS[:1],
        "titles": ["amazon", "disney", "hulu", "netflix"],
        "title_ratings": ["1", "2"],
    }
    assert partitions_of_tables == [
        (layer, table, partition)
        for layer in ("bronze", "silver", "gold")
        for table, partitions in tables.items()
        for partition in partitions
        if (layer, table) != ("gold", "title_ratings")
    ]
    silver = {
        row["partition"]: row
        for row in rows
        if row["table"] == "reviews" and row["layer"] == "silver"
    }
    for name, counts in truth["reviews"].items():
        assert (silver[name]["lines"], silver[name]["kept"], silver[name]["duplicates"]) == (
            counts["lines"],
            counts["distinct"],
            counts["duplicates_within"],
        )
        assert silver[name]["rejected"] == sum(counts["rejected"].values())
    table = cli(finished[0], "reconcile").stdout.splitlines()
    assert table[0].split() == columns
    assert len(table) == len(rows) + 1


@pytest.mark.parametrize(
    "key", ["silver/reviews", "silver/rejected", "gold/reviews", "gold/duplicates"]
)
def test_reconcile_exits_with_1_if_a_row_was_lost(root, key):
    delta = Project(root).lakehouse.delta(key)
    lost = delta.to_pyarrow_table(columns=["partition"])["partition"][0].as_py()
    delta.delete(f"partition = '{lost}'")

    result = cli(root, "reconcile", "--json")

    assert result.exit_code == 1
    assert f"{lost} does not reconcile" in result.stderr
    assert json.loads(result.stdout)


def test_an_empty_lakehouse_has_no_reconciliation_and_no_rejected_lines(tmp_path):
    for command in (("reconcile",), ("rejected", "list")):
        result = cli(tmp_path, *command, "--json")
        assert (result.exit_code, json.loads(result.stdout)) == (0, [])
        assert cli(tmp_path, *command).exit_code == 0


def test_rejected_list_counts_lines_by_reason(finished, truth):
    result = cli(finished[0], "rejected", "list", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == [
        {"table": "reviews", "reason": reason, "lines": count}
        for reason, count in sorted(rejected_lines(truth).items())
    ]


def test_replay_moves_rejected_lines_to_silver_once(finished, root, monkeypatch):
    project = Project(root)
    expected = project.content()
    for name in PARTITIONS[:2]:
        file = next(project.folder("amazon_reviews", name).iterdir())
        file.touch()
    type_lines = REVIEWS.type_lines

    def stricter(lines, profile):
        low = F.when(F.col("stars") <= 2, F.lit("out_of_range"))
        return type_lines(lines, profile).withColumn("reason", F.coalesce("reason", low))

    with monkeypatch.context() as patch:
        patch.setitem(vars(REVIEWS), "type_lines", stricter)
        strict_run = cli(root, "run", "--select", LAYERS)
        assert strict_run.exit_code == 0, strict_run.output
    before = sum(project.content()["silver/rejected"].values())
    assert cli(root, "run", "--select", LAYERS).stdout == "nothing new\n"

    result = cli(root, "rejected", "replay", "--select", LAYERS)

    after = sum(expected["silver/rejected"].values())
    assert before > after
    assert (result.exit_code, result.stdout) == (
        0,
        f"{before} lines were rejected before, {after} are rejected now\n",
    )
    assert project.content() == expected


def test_sample_writes_the_numbers_of_its_options(finished, truth):
    landing = finished[0] / "landing"
    assert sorted(folder.name for folder in (landing / "amazon_reviews").iterdir()) == PARTITIONS
    assert len((landing / "events" / "events.jsonl").read_text().splitlines()) == 5
    assert truth["seed"] == 3
    assert sum(counts["lines"] for counts in truth["reviews"].values()) == 1500
    assert truth["gold"]["products"] == 20


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--reviews", "0"], "reviews"),
        (["--reviews", "2", "--partitions", "3"], "partitions"),
    ],
)
def test_sample_with_impossible_options_names_them_in_one_line(tmp_path, options, named):
    result = cli(tmp_path, "sample", *options, "--out", str(tmp_path / "out"))

    assert result.exit_code == 2
    assert named in one_line(result)


def test_sample_has_the_files_of_its_profile(tmp_path):
    result = cli(tmp_path, "sample", *OPTIONS, "--profile", "yelp", "--out", str(tmp_path / "out"))

    assert result.exit_code == 0
    (file, _) = sorted((tmp_path / "out" / "amazon_reviews" / "partition_1").iterdir())
    assert file.name == "yelp_academic_dataset_review.json"


def test_sample_with_an_unknown_profile_names_the_known_ones(tmp_path):
    result = cli(tmp_path, "sample", "--profile", "amazon_2019", "--out", str(tmp_path / "out"))

    assert result.exit_code == 2
    assert "amazon_2023" in result.stderr


def test_sample_if_empty_leaves_an_earlier_sample(tmp_path):
    arguments = ("sample", *OPTIONS, "--if-empty", "--out", str(tmp_path / "out"))
    assert cli(tmp_path, *arguments).exit_code == 0
    (tmp_path / "out" / "truth.json").write_text("{}")

    result = cli(tmp_path, *arguments)

    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/out\n")
    assert (tmp_path / "out" / "truth.json").read_text() == "{}"


def test_sample_overwrites_no_other_files(tmp_path):
    Project(tmp_path).add_file("amazon_reviews", "partition_1", review())

    result = cli(tmp_path, "sample", *OPTIONS)

    assert result.exit_code == 2
    assert str(tmp_path) in one_line(result)


def commands(command=main, path=()):
    """Yield the path of every command and group."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


@pytest.mark.parametrize("path", [path for path in commands() if path != ("bench",)], ids=" ".join)
def test_every_command_has_help(tmp_path, path):
    result = cli(tmp_path, *path, "--help")

    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert result.stderr == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_the_help_of_each(name):
    command = main.get_command(click.Context(main), name)

    assert command.hidden == (not COMMANDS[name])
    if COMMANDS[name]:
        assert command.get_short_help_str(100).rstrip(".") == COMMANDS[name].rstrip(".")


def test_every_module_of_the_commands_is_in_their_list():
    modules = {module.name for module in pkgutil.iter_modules(commands_package.__path__)}

    assert modules - {"__main__", "common"} == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"]])
def test_help_imports_neither_dagster_nor_the_settings(tmp_path, command):
    code = (
        "import sys, amazon_reviews.cli as cli\n"
        f"try: cli.main({command})\n"
        "finally: print(*sorted({'dagster', 'pydantic', 'rich'} & set(sys.modules)))\n"
    )
    result = as_process(tmp_path, "-c", code)

    assert result.stdout.startswith("Usage: ")
    assert result.stdout.endswith("\n\n"), result.stdout


def test_the_version_is_that_of_the_package(tmp_path):
    result = cli(tmp_path, "--version")
    assert (result.exit_code, result.stdout) == (0, f"{version('amazon-reviews')}\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMAZON_REVIEWS_ENGINE", "flink"),
        ("AMAZON_REVIEWS_ENGINE_MEMORY", "lots"),
        ("AMAZON_REVIEWS_BATCH_ROWS", "-1"),
        ("AMAZON_REVIEWS_WAREHOUSE", "sqlite:///x"),
        ("AMAZON_REVIEWS_LANDING", "/nowhere/at/all"),
        ("DAGSTER_HOME", "/dev/null/home"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(tmp_path, name, value):
    (tmp_path / "landing").mkdir()
    env = environment(tmp_path) | {name: value}

    result = CliRunner().invoke(main, ["run"], env=env)

    assert result.exit_code == 2
    assert name in one_line(result)


def test_a_dataset_that_is_no_folder_fails_and_the_other_datasets_are_read(tmp_path):
    (tmp_path / "landing" / "amazon_metadata" / "partition_1").mkdir(parents=True)
    (tmp_path / "landing" / "amazon_metadata" / "partition_1" / "a.json").write_text("{}\n")
    (tmp_path / "landing" / "amazon_reviews").write_text("no folder")

    result = cli(tmp_path, "run", "--select", "group:bronze")

    assert result.exit_code == 1
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed")]
    assert failed == [
        f"failed {tmp_path}/landing/amazon_reviews is not a folder; AMAZON_REVIEWS_LANDING must "
        "hold one"
    ]
    assert "bronze/products" in result.stdout


@pytest.mark.skipif(not WITHOUT_RIGHTS, reason="root, and no setpriv to give up its rights")
def test_a_folder_without_read_permission_fails_alone(tmp_path):
    for name in ("partition_1", "partition_31"):
        folder = tmp_path / "landing" / "amazon_reviews" / name
        folder.mkdir(parents=True)
        (folder / "a.json").write_text(f"{json.dumps(review())}\n")
    folder.chmod(0)

    command = [*WITHOUT_RIGHTS, sys.executable, "-m", "amazon_reviews.cli", "run"]
    run = subprocess.run(
        [*command, "--select", "bronze/reviews"],
        env=environment(tmp_path) | {"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.returncode == 1
    (failed,) = [line for line in run.stderr.splitlines() if line.startswith("failed")]
    assert failed.startswith(f"failed {folder} cannot be listed (Permission denied); ")
    assert "Traceback" not in run.stderr
    lakehouse = Lakehouse(location=str(tmp_path / "lakehouse"))
    assert rows(lakehouse, "bronze/reviews", "partition") == [("partition_1",)]


@pytest.mark.long
def test_a_warehouse_locked_by_another_process_is_reported_beside_the_stages(root):
    (root / "landing" / "amazon_reviews" / "partition_9").mkdir()
    file = root / "landing" / "amazon_reviews" / "partition_9" / "a.json"
    file.write_text(f"{json.dumps(review())}\n")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_WAREHOUSE, f"{root}/warehouse.duckdb"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        keys = ["bronze/reviews", "silver/reviews", "gold/reviews"]
        select = " or ".join(f'key:"{key}"' for key in keys)
        printed = cli(root, "run", "--select", select)
        file.write_text(f"{json.dumps(review(reviewText='other'))}\n")
        as_json = cli(root, "run", "--select", select, "--json")
    finally:
        holder.communicate()

    assert printed.exit_code == as_json.exit_code == 0
    (problem,) = [line for line in printed.stderr.splitlines() if "cannot be read" in line]
    assert str(holder.pid) in problem
    assert "gold/reviews" in printed.stdout
    assert "Traceback" not in printed.stderr
    report = json.loads(as_json.stdout)
    assert [stage["assets"] for stage in report["stages"]] == keys
    assert str(holder.pid) in report["warehouse_error"]


def test_maintain_lists_tables_and_does_not_change_the_reconciliation(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    before = cli(tmp_path, "reconcile", "--json").stdout

    result = cli(tmp_path, "maintain")

    assert result.exit_code == 0
    assert "gold/reviews" in result.stdout
    assert cli(tmp_path, "reconcile", "--json").stdout == before


def test_doctor_finds_no_problem_in_a_finished_project(finished):
    result = cli(finished[0], "doctor")

    assert result.exit_code == 0, result.stdout
    assert "!!" not in result.stdout
    assert f"amazon-reviews             {version('amazon-reviews')}" in result.stdout
    assert "partitions of amazon_reviews: 3" in result.stdout
    assert re.search(r"\b\d{2} tables", result.stdout)


def test_deep_verification_of_a_finished_project_finds_no_damage(finished):
    result = cli(finished[0], "doctor", "--deep")

    assert (result.exit_code, "!!" in result.stdout) == (0, False), result.stdout
    assert "every stored file is as it was written" in result.stdout


def test_deep_verification_names_each_damaged_file_and_what_makes_it_again(root):
    tables = root / "lakehouse"
    shutil.rmtree(root / "landing" / "amazon_reviews" / "partition_3")
    expected = {}
    for key, partition, remedy in DATA_FILES:
        file = data_file(tables / key, partition)
        flip(file)
        name = f"{key}[{partition}]" if partition else key
        expected[name] = (str(file), remedy)
    log = min((tables / "gold/years/_delta_log").glob("*.json"))
    landed = next((root / "landing" / "amazon_metadata").rglob("*.json.gz"))
    for file, name, remedy in (
        (log, "gold/years", f"delete the folder {tables}/gold/years, and `amazon-reviews run`"),
        (root / "report.html", "report/reviews", "`amazon-reviews run --rebuild report/reviews`"),
        (landed, "bronze/products[partition_1]", "upload it again"),
    ):
        flip(file)
        expected[name] = (file.name, remedy)
    for file, name, remedy in (
        (root / "models" / "mlflow.db", "model", "`amazon-reviews run` trains the models again"),
        (root / "dagster" / "history" / "runs.db", "Dagster", "it holds the history of runs only"),
    ):
        wipe_page(file)
        expected[name] = (f"{file} is damaged", remedy)

    results = [cli(root, "doctor", "--deep"), cli(root, "reconcile", "--deep")]

    assert [result.exit_code for result in results] == [1, 1]
    printed = [line[4:] for line in results[0].stdout.splitlines() if line.startswith("!!")]
    lines = {line.partition(": ")[0]: line for line in printed}
    assert len(printed) == len(lines)
    assert lines.keys() == expected.keys()
    for name, texts in expected.items():
        assert all(text in lines[name] for text in texts), (lines[name], texts)
    assert all(line in results[1].stderr.splitlines() for line in printed)


DATA_FILES = [
    (
        "bronze/reviews",
        "partition_1",
        "`amazon-reviews run --rebuild bronze/reviews:partition_1` makes it again from the landing",
    ),
    ("bronze/reviews", "partition_3", "cannot be made again"),
    (
        "silver/reviews",
        "partition_2",
        "`amazon-reviews run --rebuild silver/reviews:partition_2` makes it again from",
    ),
    ("silver/rejected", "partition_2", "--rebuild silver/reviews:partition_2` makes it again"),
    ("gold/duplicates", "partition_2", "`amazon-reviews run --rebuild gold/reviews` makes it"),
    (
        "gold/reviews",
        "partition_1",
        "`amazon-reviews run --rebuild gold/reviews:partition_1` makes",
    ),
    (
        "gold/brands",
        "",
        "`amazon-reviews run --rebuild gold/brands` makes it again from gold/products, "
        "gold/product_ratings, gold/review_counts",
    ),
]


def data_file(folder, partition):
    """Return a data file of a table, of rows of reviews in a partition if one is named."""
    actions = pa.table(DeltaTable(folder).get_add_actions()).to_pylist()
    return next(
        folder / unquote(row["path"])
        for row in actions
        if not partition
        or (row["partition"]["partition"], row["partition"].get("table", "reviews"))
        == (partition, "reviews")
    )


def test_ui_leaves_out_a_warning_that_does_not_apply():
    source = Path(dagster_cli.__file__).with_name("dev.py").read_text()
    assert dagster_dev.NOT_USED in source

    def is_shown(text):
        return dagster_dev.applies(logging.LogRecord("dagster", 30, "", 0, text, (), None))

    assert not is_shown(f"{dagster_dev.NOT_USED} (dagster.yaml) in the current folder")
    assert is_shown("Launching Dagster services...")


def test_doctor_reports_an_old_table_and_maintain_removes_it(root):
    warehouse = open_warehouse(f"duckdb:///{root}/warehouse.duckdb")
    write_old_table(Project(root).lakehouse, warehouse)

    before = cli(root, "doctor")
    maintained = cli(root, "maintain")
    after = cli(root, "doctor")

    assert before.exit_code == maintained.exit_code == after.exit_code == 0
    report = before.stdout[before.stdout.index(OLD) :].splitlines()
    assert report[0].split(maxsplit=1) == [OLD, f"old table of {NEW}"]
    assert "`amazon-reviews maintain`" in report[1]
    removed, history = maintained.stderr.splitlines()
    assert removed == f"{OLD} was removed: it is called {NEW} now"
    assert history.startswith("history of runs: nothing to remove")
    assert OLD not in after.stdout


def test_doctor_checks_bigquery(finished):
    url = {"AMAZON_REVIEWS_WAREHOUSE": "bigquery://test-project/reviews?location=EU"}
    with BigQueryEmulator() as server:
        at = environment(finished[0]) | url | {"BIGQUERY_EMULATOR_HOST": server.url}
        reached = CliRunner().invoke(main, ["doctor"], env=at)
        server.catalogue.create_dataset(DATASET | {"location": "US"})
        elsewhere = CliRunner().invoke(main, ["doctor"], env=at)

    assert "bigquery://test-project/reviews?location=EU (0 tables)" in reached.stdout
    assert reached.exit_code == 0
    assert "reviews is in US, not in EU; correct ?location= in AMAZON_REV" in elsewhere.stdout
    assert elsewhere.exit_code == 2


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("AMAZON_REVIEWS_LANDING", "/nowhere/at/all", "amazon-reviews sample"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "/dev/null/lakehouse", "not a folder that can be written to"),
        ("DAGSTER_HOME", "/dev/null/home", "not a folder that can be written to"),
        ("AMAZON_REVIEWS_WAREHOUSE", "duckdb:////etc/passwd", "cannot be used"),
        ("AMAZON_REVIEWS_ENGINE", "sc://127.0.0.1:1/;token=secret", "cannot be used"),
        # The vendor's client tries for some seconds.
        pytest.param(
            "AMAZON_REVIEWS_EVENT_HUB",
            "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=reader;SharedAccessKey=secret;"
            "EntityPath=reviews;UseDevelopmentEmulator=true",
            "127.0.0.1:1/reviews",
            marks=pytest.mark.long,
        ),
    ],
)
def test_doctor_names_the_wrong_setting_and_shows_no_secret(finished, name, value, advice):
    result = CliRunner().invoke(main, ["doctor"], env=environment(finished[0]) | {name: value})

    assert result.exit_code == 2
    wrong = result.stdout[result.stdout.index("!!") :]
    assert wrong.split()[1] == name
    assert advice in wrong
    assert "secret" not in result.output
