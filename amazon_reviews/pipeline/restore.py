"""Restoration of an earlier version of a table of the project.

A table whose build writes lines into other tables too is restored together with these lines. A
process may die between the commits: before the first one, the checks of the table are marked as
failed, so that the next run builds it again. The last commit has the rows and the pin.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from amazon_reviews.errors import UsageError
from amazon_reviews.pipeline.datasets import DATASETS, PRODUCTS, REVIEWS, STREAM
from amazon_reviews.pipeline.outputs import BUILT_WITH_OTHERS, OUTPUTS
from amazon_reviews.pipeline.state import Places
from amazon_reviews.planner.verdicts import failed_check, unpassed_partitions, unrun_check
from amazon_reviews.resources.lakehouse.data_files import missing_files
from amazon_reviews.resources.lakehouse.history import Commit, commits, row_changes, version_at
from amazon_reviews.resources.lakehouse.log import TableLog, log_at, log_files
from amazon_reviews.resources.lakehouse.object_store import filesystem
from amazon_reviews.resources.lakehouse.restore import (
    BUILD_AGAIN,
    changed_partitions,
    pin_present_rows,
    restore_version,
)
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES, recommender
from amazon_reviews.schemas.built import WHOLE, Records
from amazon_reviews.schemas.layers import (
    BRONZE_EVENT_GAPS,
    GOLD_DUPLICATES,
    GOLD_PRODUCTS,
    GOLD_REVIEWS,
    SILVER_DUPLICATES,
    SILVER_REJECTED,
)

_EXAMPLES = 3
# A file is open for each partition that is written.
_PARTITIONS_A_COMMIT = 100
_OUTPUTS = {output.key: output for output in OUTPUTS}
_OF_STREAM = (
    "an event is read once, and the position in the hub is part of the commit that adds it; "
    "bronze only grows, so that an earlier version holds nothing else"
)
_MATRICES = (
    recommender.RECOMMENDER_USERS,
    recommender.RECOMMENDER_PRODUCTS,
    recommender.RECOMMENDER_RATINGS,
    recommender.RECOMMENDER_CATEGORIES,
)
_NUMBERED = (
    f"it shares its numbers with other tables; restore {recommender.RECOMMENDER_INTERACTIONS.key}, "
    "which they are all built from"
)
_WITH_OTHERS = "its rows are written with those of other tables; restore one of these"
_REFUSED = {
    STREAM.bronze: _OF_STREAM,
    BRONZE_EVENT_GAPS.key: _OF_STREAM,
    STREAM.silver: f"`amazon-reviews run --rebuild {STREAM.silver}` builds it from all events",
    **dict.fromkeys((*BUILT_WITH_OTHERS, SILVER_REJECTED.key), _WITH_OTHERS),
    **dict.fromkeys((table.key for table in _MATRICES), _NUMBERED),
}


@dataclass(frozen=True)
class _Companion:
    """The lines that the build of a table writes into another one, under a `dataset`.

    They are written before the rows of the table, or else after them.
    """

    key: str
    dataset: str
    is_first: bool


_COMPANIONS: Mapping[str, tuple[_Companion, ...]] = {
    **{
        dataset.silver: (
            _Companion(SILVER_REJECTED.key, dataset.name, is_first=True),
            _Companion(SILVER_DUPLICATES.key, dataset.name, is_first=True),
        )
        for dataset in DATASETS
    },
    GOLD_REVIEWS.key: (_Companion(GOLD_DUPLICATES.key, REVIEWS.name, is_first=False),),
    GOLD_PRODUCTS.key: (_Companion(GOLD_DUPLICATES.key, PRODUCTS.name, is_first=False),),
}


_BUILD_LOCKS = {
    **{dataset.silver: f"build_silver.{dataset.silver}" for dataset in DATASETS},
    GOLD_REVIEWS.key: "build_gold.reviews",
}
"""The locks of builds that write several tables."""


def check_table(lakehouse: Lakehouse, key: str) -> None:
    """Raise UsageError if there is no such table, or it does not exist yet."""
    if key not in TABLES:
        near = get_close_matches(key, TABLES, n=1)
        hint = f"did you mean {near[0]}?" if near else "try gold/reviews"
        raise UsageError(f"there is no table {key!r}; {hint}")
    if not lakehouse.exists(key):
        raise UsageError(f"{key} was not built yet; `amazon-reviews run` builds it")


def history(lakehouse: Lakehouse, key: str) -> Iterator[Commit]:
    """Yield the versions of a table that can be read and changed rows, the newest first."""
    files = filesystem(lakehouse.location)
    found = commits(files, key, log_files(files, key).versions[::-1])
    return (commit for commit in found if commit.changes_rows)


def version_of(lakehouse: Lakehouse, key: str, time: datetime) -> int:
    """Return the version of a table that was the newest one at a time.

    Raises:
        UsageError: it is no longer in the log.
    """
    version = version_at(filesystem(lakehouse.location), key, time)
    if version is None:
        raise UsageError(f"{key} has no version of {time:%F %T} UTC; its first is a later one")
    return version


def restore(places: Places, key: str, version: int) -> None:
    """Give a table the rows of an earlier version again, and pin it.

    Raises:
        UsageError: the table cannot be restored, or not to this version; the text says why.
        TableInUseError: a run writes the table now.
    """
    lakehouse = places.lakehouse
    check_table(lakehouse, key)
    if key in _REFUSED:
        raise UsageError(f"{key} cannot be restored: {_REFUSED[key]}")
    with ExitStack() as held:
        if key in _BUILD_LOCKS:
            held.enter_context(lakehouse.lock(_BUILD_LOCKS[key], wait=False))
        # A run that begins after this finds the pin when it wants to write.
        with lakehouse.lock(key, wait=False):
            pass
        _restore(places, key, version)


def _restore(places: Places, key: str, version: int) -> None:
    lakehouse = places.lakehouse
    _check_is_there(lakehouse, key, version)
    files = filesystem(lakehouse.location)
    first, last = row_changes(files, key, version)
    log = lakehouse.log(key)
    then = log_at(files, key, last)
    if log is None or WHOLE not in then.records.versions:
        raise UsageError(f"version {version} of {key} is from before its first build")
    _check_passed(key, version, then)
    times = [commit.time for commit in commits(files, key, [first, last])]
    others = [
        _Lines(lakehouse, companion, times[0 if companion.is_first else -1])
        for companion in _COMPANIONS.get(key, ())
    ]
    for lines in others:
        lines.check_are_there()
    transactions = _landing_fingerprints(places, key, log, then)
    changes = [lines for lines in others if lines.partitions]
    if last == log.version and not changes:
        pin_present_rows(lakehouse, key, version)
        return
    if changes:
        _fail_checks(lakehouse, key, log)
    for lines in changes:
        lines.restore()
    if key == GOLD_REVIEWS.key:
        _build_segments_again(lakehouse)
    restore_version(lakehouse, key, last, version, transactions)


def _check_is_there(lakehouse: Lakehouse, key: str, version: int) -> None:
    """Raise UsageError if a version is not in the log, or its data files are gone."""
    there = log_files(filesystem(lakehouse.location), key).versions
    if version not in there:
        raise UsageError(
            f"{key} has no version {version}; there are {there.start} to {there.stop - 1}, which "
            f"`amazon-reviews restore --table {key} --list` shows"
        )
    _check_files(lakehouse, key, lakehouse.delta(key, version))


def _check_files(lakehouse: Lakehouse, key: str, table: DeltaTable) -> None:
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions()).read_all()
    paths = [unquote(path) for path in actions["path"].to_pylist()]
    missing = [paths[n] for n in missing_files(lakehouse.location, key, paths)]
    if missing:
        raise UsageError(
            f"version {table.version()} of {key} cannot be restored: {len(missing):,} of its "
            f"{len(paths):,} data files are gone, such as {', '.join(missing[:_EXAMPLES])}; "
            f"versions stay complete for {lakehouse.time_travel_days} days"
        )


def _check_passed(key: str, version: int, then: TableLog) -> None:
    """Raise UsageError if a version failed a blocking check.

    Before the checks, the tables that are written together may not fit to each other.
    """
    output, records = _OUTPUTS[key], then.records
    verdicts = [
        *unpassed_partitions(output, records).values(),
        failed_check(output.table_checks, records),
        unrun_check(output.table_checks, records),
    ]
    wrong = (why for why in verdicts if why.endswith("failed") or (why and key in _COMPANIONS))
    if why := next(wrong, ""):
        raise UsageError(
            f"version {version} of {key} is not a state to restore: its {why}; another one is in "
            f"`amazon-reviews restore --table {key} --list`"
        )


def _landing_fingerprints(
    places: Places, key: str, log: TableLog, then: TableLog
) -> dict[str, int]:
    """Return transactions by which the changed partitions of bronze are read again when unpinned.

    Raises:
        UsageError: the files of such a partition are no longer in the landing zone.
    """
    datasets = [dataset for dataset in DATASETS if dataset.bronze == key]
    changed = sorted(changed_partitions(log.records, then.records) - {WHOLE})
    if not (datasets and changed):
        return {}
    (dataset,) = datasets
    landed = places.landing.listing(dataset.folder, dataset.layout).partitions
    if gone := [name for name in changed if name not in landed]:
        raise UsageError(
            f"{key} was read after this version from {', '.join(gone[:_EXAMPLES])}, which the "
            "landing zone no longer has: the lines could not be read again; put the files back "
            "first"
        )
    return {dataset.fingerprint_id(name): 0 for name in changed}


def _fail_checks(lakehouse: Lakehouse, key: str, log: TableLog) -> None:
    """Let the next run build a table again, if this process dies before the table is restored."""
    output = _OUTPUTS[key]
    if output.table_checks:
        verdicts = {WHOLE: {output.table_checks[0]: False}}
    else:
        failed = dict.fromkeys(output.checks, False)
        verdicts = {name: failed for name in log.records.versions if name != WHOLE}
    lakehouse.record(key, checks=verdicts)


def _build_segments_again(lakehouse: Lakehouse) -> None:
    """Let gold build all stream segments again when it is unpinned."""
    records = lakehouse.records(GOLD_DUPLICATES.key) or Records()
    built: dict[str, dict[str, int]] = {}
    for key, by_segment in records.inputs.items():
        for segment in by_segment:
            built.setdefault(segment, {})[key] = BUILD_AGAIN
    lakehouse.record(GOLD_DUPLICATES.key, built)


class _Lines:
    """The lines of a companion as they were at a time, where they differ from the present ones."""

    def __init__(self, lakehouse: Lakehouse, companion: _Companion, time: datetime) -> None:
        self._lakehouse = lakehouse
        self._companion = companion
        self._table = self._at(time)
        then = {} if self._table is None else self._files(self._table)
        exists = lakehouse.exists(companion.key)
        now = self._files(lakehouse.delta(companion.key)) if exists else {}
        self.partitions = sorted(
            name for name in then.keys() | now.keys() if then.get(name) != now.get(name)
        )

    def _at(self, time: datetime) -> DeltaTable | None:
        """Return the companion at a time, None if it did not exist then."""
        key = self._companion.key
        files = filesystem(self._lakehouse.location)
        version = version_at(files, key, time)
        if version is None and log_files(files, key).versions.start:
            raise UsageError(f"{key} has no version of {time:%F %T} UTC any more")
        return None if version is None else self._lakehouse.delta(key, version)

    def _files(self, table: DeltaTable) -> dict[str, set[str]]:
        """Return the data files of the dataset by partition."""
        files: dict[str, set[str]] = {}
        actions = pa.RecordBatchReader.from_stream(table.get_add_actions()).read_all()
        for row in actions.select(["path", "partition"]).to_pylist():
            if row["partition"]["table"] == self._companion.dataset:
                files.setdefault(row["partition"]["partition"], set()).add(row["path"])
        return files

    def check_are_there(self) -> None:
        """Raise UsageError if a data file is gone."""
        if self._table is not None and self.partitions:
            _check_files(self._lakehouse, self._companion.key, self._table)

    def restore(self) -> None:
        """Replace the present lines of these partitions."""
        key, schema = self._companion.key, TABLES[self._companion.key].arrow_schema
        for start in range(0, len(self.partitions), _PARTITIONS_A_COMMIT):
            names = self.partitions[start : start + _PARTITIONS_A_COMMIT]
            values = {"table": [self._companion.dataset], "partition": names}
            rows = iter(())
            if self._table is not None:
                dataset = self._table.to_pyarrow_dataset(schema=schema)
                wanted = [pc.field(name).isin(choices) for name, choices in values.items()]
                rows = dataset.to_batches(filter=wanted[0] & wanted[1])
            reader = pa.RecordBatchReader.from_batches(schema, rows)
            self._lakehouse.write(reader, key, replacing=values)
