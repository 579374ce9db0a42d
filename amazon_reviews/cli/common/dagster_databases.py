"""Dagster's SQLite databases under DAGSTER_HOME, complete or not there.

Dagster creates a database in many steps. After a kill between two of them, or if two processes do
it at once, it cannot be used. So all are created aside, and placed when they are complete.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import yaml

from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.sqlite_file import answers, damage_of_database, set_aside

# Each with a table that is empty until the database is used.
_DATABASES = {
    "history/runs.db": "runs",
    "history/runs/index.db": "event_logs",
    "schedules/schedules.db": "job_ticks",
}
_STORAGES = {"storage", "run_storage", "event_log_storage", "schedule_storage"}
_ASIDE = ".new."
# Dagster writes several times a second to a database that it creates.
_SILENT_SECONDS = 10.0
_POLL_SECONDS = 0.1


def create_databases(home: Path) -> None:
    """Create the databases that are missing, half made or damaged; the caller holds a lock.

    A storage of the user's own in dagster.yaml, such as PostgreSQL, replaces them.

    Raises:
        OSError: the folder cannot be written.
    """
    if _has_other_storage(home / "dagster.yaml"):
        return
    for stale in home.glob(f"{_ASIDE}*"):
        shutil.rmtree(stale, ignore_errors=True)
    if all(_is_complete(home / name, table) for name, table in _DATABASES.items()):
        return
    with temporary_folder(prefix=_ASIDE, dir=home) as aside:
        dg.DagsterInstance.local_temp(aside).dispose()
        for name, table in _DATABASES.items():
            _place(Path(aside) / name, home / name, table)


def damaged_databases(home: Path) -> Iterator[str]:
    """Yield a line for each damaged SQLite file of Dagster, also those of single runs."""
    for database in sorted(home.glob("*/**/*.db")):
        if reason := damage_of_database(database):
            yield (
                f"Dagster: {database} is damaged ({reason}); end all processes of Dagster and "
                "delete it: it holds the history of runs only"
            )


def _has_other_storage(file: Path) -> bool:
    try:
        settings = yaml.safe_load(file.read_bytes())
    except (FileNotFoundError, yaml.YAMLError):
        # Dagster itself explains what is wrong in the file.
        return False
    return isinstance(settings, dict) and not _STORAGES.isdisjoint(settings)


def _place(new: Path, target: Path, table: str) -> None:
    with closing(sqlite3.connect(new)) as database:
        # Otherwise rows may be in a second file beside the database.
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # A connection that is still open to the file would write the log of its old name into it.
    copied = new.with_name(f"{new.name}.copy")
    shutil.copyfile(new, copied)
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            # A renaming would replace what `dagster dev`, which knows no lock, has begun meanwhile.
            os.link(copied, target)
        except FileExistsError:
            if _becomes_complete(target, table):
                return
            set_aside(target)
        else:
            return


def _becomes_complete(database: Path, table: str) -> bool:
    """Return True as soon as the database is complete, False if no process goes on with it."""
    seen, since = 0, time.monotonic()
    while not _is_complete(database, table):
        # The files beside it change when it is only read.
        changed = database.stat().st_mtime_ns
        if changed != seen:
            seen, since = changed, time.monotonic()
        elif time.monotonic() - since > _SILENT_SECONDS:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _is_complete(database: Path, table: str) -> bool:
    """Return True if the database was used, or has what each new one has."""
    queries = (
        f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)",
        "SELECT count(*) FROM alembic_version",
        "SELECT count(*) FROM secondary_indexes",
    )
    match answers(database, queries):
        case [used, versions, migrations]:
            return bool(used or (versions == 1 and migrations))
        case _:
            return False
