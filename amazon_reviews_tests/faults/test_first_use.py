"""A process killed at the first use of a place: what it left is completed or made again."""

import signal
import sqlite3
from contextlib import closing
from shutil import rmtree

import dagster as dg
import pytest

from amazon_reviews.cli.common import dagster_databases
from amazon_reviews.cli.common.dagster_databases import create_databases
from amazon_reviews.devtools.sample_data import generate
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews_tests.faults import first_use
from amazon_reviews_tests.faults.commands import Commands, finish, killed
from amazon_reviews_tests.faults.first_use import BUILT, RUN, SAMPLE, SMALL, schema
from amazon_reviews_tests.sample_data.counting import digest

IN_THE_MIGRATIONS = """
import alembic.command
alembic.command.upgrade = die
"""
BEFORE_THE_STORE_IS_PLACED = """
from amazon_reviews.resources import mlflow_registry
mlflow_registry.replace_file = die
"""
BETWEEN_TWO_DATABASES = """
link = os.link
def link_once(*arguments):
    link(*arguments)
    os.link = die
os.link = link_once
"""


@pytest.fixture(scope="module")
def new_schema(tmp_path_factory):
    return first_use.new_schema(tmp_path_factory.mktemp("new"))


def assert_killed(process):
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_store_that_is_half_made_is_created_again(tmp_path):
    """An earlier release created it at its place, this one in a folder beside it."""
    (tmp_path / ".new.left").mkdir()
    for folder in (tmp_path, tmp_path / ".new.left"):
        with closing(sqlite3.connect(folder / "mlflow.db")) as half_made:
            for name in ("experiments", "_alembic_tmp_experiments"):
                half_made.execute(f"CREATE TABLE {name} (experiment_id INTEGER, name VARCHAR)")

    ModelStore(tmp_path).record("some", BUILT)

    assert ModelStore(tmp_path).records() == {"some": BUILT}
    assert not [name for name in names(tmp_path) if name.startswith(".new.")]


@pytest.mark.long
@pytest.mark.parametrize("point", [IN_THE_MIGRATIONS, BEFORE_THE_STORE_IS_PLACED])
def test_store_of_a_killed_process_is_created_again(tmp_path, point):
    program = first_use.recording(point)
    assert_killed(Commands(tmp_path / "project").start_python(*program, str(tmp_path)))
    assert not (tmp_path / "mlflow.db").exists()

    ModelStore(tmp_path).record("some", BUILT)

    assert ModelStore(tmp_path).records() == {"some": BUILT}


def test_databases_of_a_killed_process_are_created_again(tmp_path, new_schema):
    program = first_use.creating(BETWEEN_TWO_DATABASES)
    assert_killed(Commands(tmp_path / "project").start_python(*program, str(tmp_path)))
    assert (tmp_path / "history" / "runs.db").exists()
    assert not (tmp_path / "schedules" / "schedules.db").exists()

    create_databases(tmp_path)

    assert schema(tmp_path) == new_schema
    assert not [name for name in names(tmp_path) if name.startswith(".new.")]


@pytest.fixture
def half_made(tmp_path, monkeypatch):
    """Databases as Dagster leaves them when it is killed while it creates them."""
    monkeypatch.setattr(dagster_databases, "_SILENT_SECONDS", 0)
    dg.DagsterInstance.local_temp(str(tmp_path)).dispose()
    with closing(sqlite3.connect(tmp_path / "history" / "runs.db")) as database, database:
        database.execute("DELETE FROM alembic_version")
    with closing(sqlite3.connect(tmp_path / "schedules" / "schedules.db")) as database, database:
        database.execute("DROP TABLE secondary_indexes")
    return tmp_path


def test_databases_that_dagster_left_half_made_are_replaced(half_made, new_schema):
    create_databases(half_made)

    assert schema(half_made) == new_schema


def test_damaged_database_is_set_aside(half_made, new_schema):
    database = half_made / "history" / "runs" / "index.db"
    database.write_bytes(b"no database" * 1000)

    create_databases(half_made)

    assert schema(half_made) == new_schema
    assert database.with_name("index.db.damaged").read_bytes().startswith(b"no database")


def test_database_in_use_is_never_replaced(half_made):
    database = half_made / "history" / "runs.db"
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("INSERT INTO runs (run_id, status) VALUES ('some', 'SUCCESS')")

    create_databases(half_made)

    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("SELECT run_id FROM runs").fetchall() == [("some",)]


def test_storage_of_the_users_own_needs_no_databases(tmp_path):
    (tmp_path / "dagster.yaml").write_text("storage:\n  postgres:\n    postgres_url: some\n")

    create_databases(tmp_path)

    assert names(tmp_path) == {"dagster.yaml"}


def record(commands):
    return commands.start_python(*first_use.recording(), str(commands.root / "models"))


def first_run(commands):
    if not (commands.root / "landing").exists():
        generate(SMALL, commands.root / "landing")
    return commands.start(*RUN)


def sample(commands):
    return commands.start(*SAMPLE)


@pytest.fixture(scope="module")
def seconds_of(tmp_path_factory):
    """Return a function that measures a first use undisturbed, once."""
    known = {}

    def measure(start):
        if start not in known:
            folder = tmp_path_factory.mktemp("undisturbed")
            known[start] = finish(start(Commands(folder / "project")))
        return known[start]

    return measure


@pytest.fixture
def interrupted(tmp_path, seconds_of):
    """Return a function that kills a first use at a moment, and then does it to the end."""

    def interrupt(start, moment):
        commands = Commands(tmp_path / "project")
        seconds = moment * seconds_of(start)
        while not killed(start(commands), after=seconds):
            # The machine is faster than before.
            seconds *= 0.8
            rmtree(commands.root)
        finish(start(commands))
        return commands

    return interrupt


@pytest.mark.long
@pytest.mark.fault("kill at first use: model store", share=0.1)
def test_store_is_complete_after_a_kill(interrupted, moment):
    commands = interrupted(record, moment)

    assert ModelStore(commands.root / "models").records() == {"some": BUILT}


@pytest.mark.long
@pytest.mark.fault("kill at first use: Dagster instance and first table", share=0.1)
def test_instance_is_complete_after_a_kill(interrupted, moment, new_schema):
    commands = interrupted(first_run, moment)

    assert schema(commands.root / "dagster") == new_schema
    first_use.assert_every_line_is_once_in_bronze(commands)


@pytest.mark.long
@pytest.mark.fault("kill at first use: sample", share=0.05)
def test_sample_is_complete_after_a_kill(interrupted, moment, tmp_path):
    commands = interrupted(sample, moment)

    generate(SMALL, tmp_path / "undisturbed")
    assert digest(commands.root / "landing") == digest(tmp_path / "undisturbed")
