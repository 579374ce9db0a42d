"""SQLite files that libraries create in many steps: recognized when half made or damaged."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from amazon_reviews.shown_text import visible_text

_BUSY_SECONDS = 30


def answers(database: Path, queries: Iterable[str]) -> list[int] | None:
    """Return the number that each query returns; None if the file or a table cannot be read.

    Raises:
        sqlite3.OperationalError: the file is locked for long, or cannot be opened.
    """
    if not database.is_file():
        return None
    address = f"{database.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, timeout=_BUSY_SECONDS, uri=True)) as opened:
        try:
            return [opened.execute(query).fetchone()[0] for query in queries]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise
        # The file is damaged, or another program's.
        except sqlite3.DatabaseError:
            return None


def damage_of_database(database: Path) -> str:
    """Return what is wrong in a SQLite file, "" if nothing is or there is none.

    SQLite compares its pages and indexes with each other. It keeps no checksums of the contents.
    """
    if not database.is_file():
        return ""
    address = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, timeout=_BUSY_SECONDS, uri=True)) as opened:
            found = opened.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return visible_text(error)
    # The first of several lines says which database of the connection it is.
    return "" if found == "ok" else visible_text(found.splitlines()[-1])


def set_aside(database: Path) -> None:
    """Move a database away: to the same name with the suffix `.damaged`, over an older one."""
    # SQLite would apply them to the next database of the name.
    for suffix in ("-wal", "-shm", "-journal"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    if database.exists():
        os.replace(database, f"{database}.damaged")
