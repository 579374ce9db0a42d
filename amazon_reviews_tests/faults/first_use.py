"""Small commands, programs that die, and schemas, for the tests of first use."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg

from amazon_reviews.devtools.sample_data import SampleOptions
from amazon_reviews.schemas.built import Built
from amazon_reviews_tests.dagster.project import Project
from amazon_reviews_tests.faults.commands import Commands
from amazon_reviews_tests.helpers import content

SMALL = SampleOptions(
    reviews=60, products=20, users=9, partitions=2, events=5, titles=0, title_ratings=0
)
RUN = ("run", "--select", "bronze/products")
SAMPLE = (
    *("sample", "--reviews=60", "--products=20", "--users=9", "--partitions=2", "--events=5"),
    *("--titles=0", "--title-ratings=0"),
)
BUILT = Built(7 << 19, {"gold/reviews": 3}, {"balanced": True})

_PROGRAM = """
import os, signal, sys
from pathlib import Path
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
"""
_RECORD = """
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews_tests.faults.first_use import BUILT
ModelStore(Path(sys.argv[1])).record("some", BUILT)
"""
_CREATE = """
from amazon_reviews.cli.common.dagster_databases import create_databases
create_databases(Path(sys.argv[1]))
"""


def recording(patch: str = "") -> tuple[str, str]:
    """Return the arguments of a Python that records a model in the store of a folder.

    The code `patch` runs before. It may use `die`, which kills the process.
    """
    return "-c", f"{_PROGRAM}{patch}{_RECORD}"


def creating(patch: str = "") -> tuple[str, str]:
    """Return the arguments of a Python that creates Dagster's databases in a folder."""
    return "-c", f"{_PROGRAM}{patch}{_CREATE}"


def schema(home: Path) -> dict[str, list[Any]]:
    """Return tables, version and migrations of each of Dagster's databases."""
    queries = (
        "SELECT name FROM sqlite_master ORDER BY name",
        "SELECT version_num FROM alembic_version",
        "SELECT name FROM secondary_indexes ORDER BY name",
    )
    found = {}
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        with closing(sqlite3.connect(home / name)) as database:
            found[name] = [database.execute(query).fetchall() for query in queries]
    return found


def new_schema(folder: Path) -> dict[str, list[Any]]:
    """Return the schema of databases that Dagster creates undisturbed in an empty folder."""
    dg.DagsterInstance.local_temp(str(folder)).dispose()
    return schema(folder)


def assert_every_line_is_once_in_bronze(commands: Commands) -> None:
    """Compare the rows of bronze/products with the lines of the sample."""
    truth = json.loads((commands.root / "landing" / "truth.json").read_text())
    rows = content(Project(commands.root).lakehouse, "bronze/products")
    assert set(rows.values()) == {1}
    assert len(rows) == sum(partition["lines"] for partition in truth["products"].values())
