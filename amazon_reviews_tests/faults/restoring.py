"""A restoration that is killed between two of its commits."""

import signal

from amazon_reviews_tests.faults.commands import Commands

_PROGRAM = """
import os, signal, sys
from amazon_reviews import config
from amazon_reviews.defs.resources import places_of
from amazon_reviews.pipeline.restore import restore
from amazon_reviews.resources.lakehouse import restore as restoration
from amazon_reviews.resources.lakehouse import tables

key, version, commits = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def mortal(commit):
    def wrapped(*arguments, **options):
        global commits
        if not commits:
            os.kill(os.getpid(), signal.SIGKILL)
        commits -= 1
        return commit(*arguments, **options)

    return wrapped


class Mortal(tables.DeltaTable):
    create_write_transaction = mortal(tables.DeltaTable.create_write_transaction)
    restore = mortal(tables.DeltaTable.restore)


tables.DeltaTable = Mortal
tables.write_deltalake = mortal(tables.write_deltalake)
restoration.record_checksums = mortal(restoration.record_checksums)
restore(places_of(config.load()), key, version)
"""


def restore_and_kill(commands: Commands, key: str, version: int, commits: int) -> bool:
    """Restore a table in a process that is killed after some commits.

    What follows the last commit counts as one too. Return False if there are no more.
    """
    process = commands.start_python("-c", _PROGRAM, key, str(version), str(commits))
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode != 0
