"""Restoration of the rows of an earlier version of a table, as a new version that is pinned.

One commit adds the rows, the pin, and build records that are true of both: what the commit changed
has a new version, so that what is built from it follows. It was built from inputs that are none of
the present ones, so that it is built again when the table is unpinned.
"""

from collections.abc import Mapping

from amazon_reviews.resources.lakehouse.build_records import commit_of
from amazon_reviews.resources.lakehouse.checksums import record_checksums, recorded_checksums
from amazon_reviews.resources.lakehouse.log import (
    PIN_ID,
    check_id,
    input_id,
    log_at,
    version_id,
)
from amazon_reviews.resources.lakehouse.object_store import explained_write, filesystem
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.built import WHOLE, Records, code_of, new_version

BUILD_AGAIN = 1
"""Stands for a version of an input that no input has: what was built from it is pending."""

_UNPINNED = -1


def restore_version(
    lakehouse: Lakehouse,
    key: str,
    version: int,
    pin: int,
    transaction_versions: Mapping[str, int],
) -> None:
    """Commit the rows of an earlier version again, and pin the table to the version `pin`.

    `transaction_versions` are recorded in the same commit.
    """
    with explained_write(lakehouse.location, key), lakehouse.writer_lock(key):
        files = filesystem(lakehouse.location)
        table = lakehouse.open(key)
        now, then = log_at(files, key, table.version()), log_at(files, key, version)
        records = _restored_records(now.records, then.records)
        commit = commit_of(records | {PIN_ID: pin} | dict(transaction_versions))
        checksums, _ = recorded_checksums(files, key)
        table.restore(version, commit_properties=commit)
        record_checksums(files, key, lakehouse.delta(key).version(), checksums)


def pin_present_rows(lakehouse: Lakehouse, key: str, version: int) -> None:
    """Pin a table to a version whose rows it has."""
    lakehouse.record(key, transaction_versions={PIN_ID: version})


def unpin(lakehouse: Lakehouse, key: str) -> bool:
    """Let runs build a table again; return False if it was not pinned."""
    log = lakehouse.log(key)
    if log is None or log.pinned is None:
        return False
    lakehouse.record(key, transaction_versions={PIN_ID: _UNPINNED})
    return True


def changed_partitions(now: Records, then: Records) -> set[str]:
    """Return the partitions, and `WHOLE`, that were written between two states of a table."""
    return {name for name, version in now.versions.items() if then.versions.get(name) != version}


def _restored_records(now: Records, then: Records) -> dict[str, int]:
    """Return the records of a table that has the rows of then, as transactions.

    Partitions that came later have no rows.
    """
    changed = changed_partitions(now, then)
    whole = code_of(then.versions[WHOLE])
    new = {
        name: new_version(code_of(then.versions[name]) if name in then.versions else whole)
        for name in changed
    }
    versions = {name: new.get(name, version) for name, version in now.versions.items()}
    restored = {version_id(name): version for name, version in new.items()}
    for key, by_partition in now.inputs.items():
        restored |= {input_id(name, key): BUILD_AGAIN for name in changed & by_partition.keys()}
    for check in now.checks.keys() | then.checks.keys():
        judged = then.checks.get(check, {})
        for name in judged.keys() | now.checks.get(check, {}).keys():
            if name in versions:
                verdict = _verdict(judged.get(name, 0), then.versions.get(name, 0))
                restored[check_id(name, check)] = verdict * versions[name]
    return restored


def _verdict(judged: int, version: int) -> int:
    """Return 1 if a check passed a version, or there was none, -1 if it failed, else 0."""
    if not version or judged == version:
        return 1
    return -1 if judged == -version else 0
